// The map: cells by open work on the land, and what the cell under the pointer holds.

import { nameOf, say, whole } from "./words.js";
import { town } from "./town.js";
import { byId, make, panels, redraw, write, writePairs } from "./panels.js";
import { areaOfCell, filters, setFilter } from "./filters.js";
import { palette, prepare } from "./palette.js";
import { levels } from "./levels.js";
import { drawBorders, drawLand, drawNames } from "./land.js";
import { screenBox, view } from "./view.js";

/** The slots of visible cells by colour, urgent ones apart: they are drawn above the others. */
function sortVisible(plane) {
  const sorted = { calm: palette.levels.map(() => []), urgent: palette.levels.map(() => []), seen: 0 };
  const { box, counts, codes } = town.cells;
  const [west, east] = [-plane.x0 / plane.kx, (plane.width - plane.x0) / plane.kx];
  const [north, south] = [plane.y0 / plane.ky, (plane.y0 - plane.height) / plane.ky];
  for (let slot = 0, i = 0; slot < codes.length; slot++, i += 4) {
    if (counts[i] === 0 || box[i + 2] < west || box[i] > east || box[i + 3] < south || box[i + 1] > north) continue;
    (counts[i + 1] > 0 ? sorted.urgent : sorted.calm)[levels.of(counts[i])].push(slot);
    sorted.seen++;
  }
  return sorted;
}

/** Seen from afar a cell is a pixel or two: few ones are drawn larger than they are, so that they can be seen and hit. */
const sideMin = (seen) => (seen < 2000 ? 5 : seen < 10_000 ? 3 : 1);
/** How much larger the ground of an urgent cell is: a rim of a pixel. */
const RIM = 2;

/** On whole pixels, which are sharper than halves and cost less. */
function fillCells(pen, { kx, ky, x0, y0 }, slots, least, grow) {
  const { box } = town.cells;
  for (const slot of slots) {
    const i = slot * 4;
    const left = Math.round(box[i] * kx + x0);
    const top = Math.round(y0 - box[i + 3] * ky);
    const w = Math.round(box[i + 2] * kx + x0) - left;
    const h = Math.round(y0 - box[i + 1] * ky) - top;
    // A hair of ground between neighbours, where they are large enough for it.
    const sw = Math.max(least, w > 6 ? w - 1 : w) + grow;
    const sh = Math.max(least, h > 6 ? h - 1 : h) + grow;
    pen.fillRect(left + ((w - sw) >> 1), top + ((h - sh) >> 1), sw, sh);
  }
}

function drawCells(pen, plane) {
  const { calm, urgent, seen } = sortVisible(plane);
  const least = sideMin(seen);
  calm.forEach((slots, level) => {
    pen.fillStyle = palette.levels[level];
    fillCells(pen, plane, slots, least, 0);
  });
  pen.fillStyle = palette.urgent;
  for (const slots of urgent) fillCells(pen, plane, slots, least, RIM);
  urgent.forEach((slots, level) => {
    pen.fillStyle = palette.levels[level];
    fillCells(pen, plane, slots, least, 0);
  });
}

function outlineCell(pen, plane, code, colour, width) {
  const slot = town.cells.slots.get(code);
  if (slot === undefined) return;
  const [x, y, w, h] = screenBox(town.cells.shown(slot).box, plane);
  const [sw, sh] = [Math.max(w, 7) + 4, Math.max(h, 7) + 4];
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.strokeRect(x + (w - sw) / 2, y + (h - sh) / 2, sw, sh);
}

function drawCross(pen, { width, height }) {
  pen.strokeStyle = palette.ink;
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    pen.moveTo(width / 2 + dx * 6, height / 2 + dy * 6);
    pen.lineTo(width / 2 + dx * 16, height / 2 + dy * 16);
  }
  pen.stroke();
}

panels.set("map", () => {
  const { pen, width, height } = prepare(byId("map"));
  const plane = view.plane(width, height);
  levels.choose();
  drawLand(pen, plane);
  drawCells(pen, plane);
  drawBorders(pen, plane);
  drawNames(pen, plane);
  if (view.byKeyboard) view.hover = cellNear(width / 2, height / 2, 40);
  outlineCell(pen, plane, filters.cell, palette.ink, 2.5);
  outlineCell(pen, plane, view.hover, palette.accent, 2);
  if (view.byKeyboard) drawCross(pen, plane);
  writeTip(plane);
  const { size, sums } = town.cells;
  write(byId("map-sum"), town.ready ? say("map_sum", { cells: whole.format(size), open: whole.format(sums.open) }) : "");
});

/** The code of the cell at a point of the canvas, or of the nearest one within `reach` pixels. */
export function cellNear(x, y, reach) {
  const { clientWidth, clientHeight } = byId("map");
  const { kx, ky, x0, y0 } = view.plane(clientWidth, clientHeight);
  const { box, counts, codes } = town.cells;
  let [best, code] = [reach * reach, null];
  for (let slot = 0, i = 0; slot < codes.length; slot++, i += 4) {
    if (counts[i] === 0) continue;
    const dx = Math.max(box[i] * kx + x0 - x, 0, x - (box[i + 2] * kx + x0));
    const dy = Math.max(y0 - box[i + 3] * ky - y, 0, y - (y0 - box[i + 1] * ky));
    const away = dx * dx + dy * dy;
    if (away < best) [best, code] = [away, codes[slot]];
  }
  return code;
}

function writeTip(plane) {
  const tip = byId("map-tip");
  const slot = town.cells.slots.get(view.hover);
  tip.hidden = slot === undefined;
  if (tip.hidden) return;
  const cell = town.cells.shown(slot);
  const area = areaOfCell(cell.cell);
  const pairs = [["open", say("open"), cell.open], ["urgent", say("urgent"), cell.urgent],
    ["waiting", say("waiting_now"), cell.waiting], ["review", say("review_now"), cell.review]];
  if (!tip.children.length) tip.append(make("strong"), make("span", "tip-code"), make("dl"));
  write(tip.children[0], nameOf(area, area?.code));
  write(tip.children[1], `${say("cell")} ${cell.cell}`);
  writePairs(tip.children[2], pairs.map(([key, label, n]) => [key, label, whole.format(n)]));
  placeTip(tip, screenBox(cell.box, plane), plane);
  const told = [nameOf(area, area?.code), cell.cell, ...pairs.map(([, label, n]) => `${label} ${n}`)].join(" ");
  if (view.byKeyboard) write(byId("map-says"), told);
}

function placeTip(tip, [x, y, w, h], { width, height }) {
  const [tw, th] = [tip.offsetWidth, tip.offsetHeight];
  const left = x + w + 12 + tw > width ? x - tw - 12 : x + w + 12;
  const top = y + h / 2 - th / 2;
  tip.style.left = `${Math.max(4, Math.min(width - tw - 4, left))}px`;
  tip.style.top = `${Math.max(4, Math.min(height - th - 4, top))}px`;
}

export function setHover(code) {
  if (view.hover === code) return;
  view.hover = code;
  redraw("map");
}

export function chooseCell(code) {
  if (code) setFilter("cell", filters.cell === code ? "" : code);
}
