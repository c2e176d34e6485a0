// Keys, mice and fingers on the map.

import { byId, redraw } from "./panels.js";
import { setFilter } from "./filters.js";
import { view } from "./view.js";
import { cellNear, chooseCell, setHover } from "./map.js";

const MAP_KEYS = {
  ArrowLeft: (far) => view.pan(far, 0),
  ArrowRight: (far) => view.pan(-far, 0),
  ArrowUp: (far) => view.pan(0, far),
  ArrowDown: (far) => view.pan(0, -far),
  "+": () => view.zoom(1.4),
  "=": () => view.zoom(1.4),
  "-": () => view.zoom(1 / 1.4),
  _: () => view.zoom(1 / 1.4),
  0: fitCity,
  Home: fitCity,
  Enter: () => chooseCell(view.hover),
  Escape: () => setFilter("cell", ""),
};

function fitCity() {
  view.fitted = true;
  redraw("map");
}

function onMapKey(event) {
  const act = MAP_KEYS[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  view.byKeyboard = true;
  act(event.shiftKey ? 200 : 60);
  redraw("map");
}

/** Fingers and mice on the map: one pans, two zoom, a touch without a way chooses. */
const pointers = { down: new Map(), moved: 0 };

function fromMiddle(canvas, { clientX, clientY }) {
  const rect = canvas.getBoundingClientRect();
  return [clientX - rect.left - rect.width / 2, clientY - rect.top - rect.height / 2];
}

function onPointerMove(event) {
  const canvas = event.currentTarget;
  const before = pointers.down.get(event.pointerId);
  const { offsetX, offsetY, clientX, clientY } = event;
  view.byKeyboard = false;
  if (!before) return setHover(cellNear(offsetX, offsetY, 6));
  const [dx, dy] = [clientX - before.clientX, clientY - before.clientY];
  pointers.moved += Math.abs(dx) + Math.abs(dy);
  const other = [...pointers.down].find(([id]) => id !== event.pointerId)?.[1];
  if (other) pinch(canvas, before, event, other);
  else if (pointers.moved > 4) view.pan(dx, dy);
  pointers.down.set(event.pointerId, { clientX, clientY });
}

function pinch(canvas, before, after, other) {
  const apart = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY);
  const [x, y] = fromMiddle(canvas, { clientX: (after.clientX + other.clientX) / 2, clientY: (after.clientY + other.clientY) / 2 });
  view.zoom(apart(after) / Math.max(1, apart(before)), x, y);
  view.pan((after.clientX - before.clientX) / 2, (after.clientY - before.clientY) / 2);
}

function onPointerDown(event) {
  if (event.button !== 0) return;
  if (pointers.down.size === 0) pointers.moved = 0;
  pointers.down.set(event.pointerId, { clientX: event.clientX, clientY: event.clientY });
  event.currentTarget.setPointerCapture(event.pointerId);
}

function onPointerUp(event) {
  const wasDown = pointers.down.delete(event.pointerId);
  if (!wasDown || pointers.moved > 4 || event.type === "pointercancel") return;
  const code = cellNear(event.offsetX, event.offsetY, event.pointerType === "touch" ? 16 : 6);
  setHover(code);
  chooseCell(code);
}

function onWheel(event) {
  event.preventDefault();
  const lines = event.deltaMode === 1 ? 16 : 1;
  view.zoom(Math.exp(-event.deltaY * lines * 0.0015), ...fromMiddle(event.currentTarget, event));
}

export function listenToMap() {
  const canvas = byId("map");
  canvas.addEventListener("pointermove", onPointerMove);
  canvas.addEventListener("pointerdown", onPointerDown);
  canvas.addEventListener("pointerup", onPointerUp);
  canvas.addEventListener("pointercancel", onPointerUp);
  canvas.addEventListener("pointerleave", () => { if (!view.byKeyboard) setHover(null); });
  canvas.addEventListener("wheel", onWheel, { passive: false });
  canvas.addEventListener("keydown", onMapKey);
  canvas.addEventListener("focus", () => {
    view.byKeyboard = canvas.matches(":focus-visible");
    redraw("map");
  });
  canvas.addEventListener("blur", () => {
    view.byKeyboard = false;
    setHover(null);
  });
  byId("zoom-in").addEventListener("click", () => view.zoom(1.6));
  byId("zoom-out").addEventListener("click", () => view.zoom(1 / 1.6));
  byId("zoom-fit").addEventListener("click", fitCity);
}
