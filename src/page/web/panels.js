// The document: elements that are reused, and panels that are drawn once a frame at most.

import { URGENCIES } from "./cases.js";
import { byId } from "./plain.js";

export { byId };

export function make(tag, className, content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (content !== undefined) element.textContent = content;
  return element;
}

/** Writes only what differs: a reader's selection and a live region stay undisturbed. */
export function write(element, content) {
  if (element.textContent !== content) element.textContent = content;
}

/** Gives a parent one child for each key, in order, and reuses those that are there. */
export function keep(parent, keys, create) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const children = keys.map((key) => old.get(String(key)) ?? withKey(create(key), key));
  children.forEach((child, i) => {
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null);
  });
  while (parent.children.length > children.length) parent.lastElementChild.remove();
  return children;
}

function withKey(element, key) {
  element.dataset.key = key;
  return element;
}

/** Fills a <dl> with pairs; the values are kept in place so that only what differs is written. */
export function writePairs(list, pairs) {
  const groups = keep(list, pairs.map(([key]) => key), () => {
    const group = make("div");
    group.append(make("dt"), make("dd"));
    return group;
  });
  pairs.forEach(([, label, value], i) => {
    write(groups[i].children[0], label);
    write(groups[i].children[1], value);
  });
}

export const badgeClass = (urgency) => `badge ${URGENCIES.includes(urgency) ? `urgency-${urgency}` : "urgency-other"}`;

export const panels = new Map();
const stale = new Set();
let frame = 0;

/** Panels are drawn once a frame at most, however much was said in between. */
export function redraw(...names) {
  for (const name of names.length ? names : panels.keys()) stale.add(name);
  frame ||= requestAnimationFrame(drawStale);
}

function drawStale() {
  frame = 0;
  const names = [...stale];
  stale.clear();
  for (const name of names) panels.get(name)();
}
