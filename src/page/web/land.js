// The land under the cells: areas with their borders, the shore around all of them, and names.

import { nameOf } from "./words.js";
import { town } from "./town.js";
import { palette } from "./palette.js";
import { screenBox } from "./view.js";

/** How much of the shore is seen outside of the land, and how wide borders between areas are. */
const [SHORE, BORDER] = [1.5, 1];
/** How many places each way are tried for a name. */
const [TRIES, TRIES_NEAR] = [21, 9];
const LINE = 13;
/** A name is so many times as wide as its lines are high, about. */
const WIDE = 3;

/** The rings of an area; its box, where nothing finer is known. */
function ringsOf({ box, outline }) {
  if (outline.length || !box) return outline;
  const [west, south, east, north] = box;
  return [[[west, south], [east, south], [east, north], [west, north], [west, south]]];
}

function trace(pen, area, { kx, ky, x0, y0 }) {
  for (const ring of ringsOf(area)) {
    ring.forEach(([lng, lat], i) => {
      if (i === 0) pen.moveTo(lng * kx + x0, y0 - lat * ky);
      else pen.lineTo(lng * kx + x0, y0 - lat * ky);
    });
    pen.closePath();
  }
}

function traceAll(pen, plane) {
  pen.lineJoin = "round";
  pen.beginPath();
  for (const area of town.areas.values()) trace(pen, area, plane);
}

export function drawLand(pen, plane) {
  traceAll(pen, plane);
  // The shore's inner half lies under the land.
  pen.strokeStyle = palette["line-strong"];
  pen.lineWidth = 2 * SHORE + BORDER;
  pen.stroke();
  pen.fillStyle = palette.land;
  pen.fill();
}

/** Over the cells, which else would hide them where there are many. */
export function drawBorders(pen, plane) {
  traceAll(pen, plane);
  pen.strokeStyle = palette.border;
  pen.lineWidth = BORDER;
  pen.stroke();
}

/** From where to where a line along one axis stays in the rings, around a place; none if that is outside. */
function chord(rings, at, [x, y], along) {
  const across = 1 - along;
  let [low, high, inside] = [-Infinity, Infinity, false];
  for (const ring of rings) {
    for (let i = 1; i < ring.length; i++) {
      const [from, to] = [ring[i - 1], ring[i]];
      if (from[across] > at === to[across] > at) continue;
      const part = (at - from[across]) / (to[across] - from[across]);
      const cut = from[along] + part * (to[along] - from[along]);
      const here = along === 0 ? x : y;
      if (cut > here) [high, inside] = [Math.min(high, cut), !inside];
      else low = Math.max(low, cut);
    }
  }
  return inside ? [low, high] : null;
}

/** Where in a box an area has most room for a name, and how much. */
function seat(area, [west, south, east, north], { kx, ky }, tries) {
  const rings = ringsOf(area);
  let best = null;
  for (let i = 0; i < tries * tries; i++) {
    const lng = west + ((i % tries) + 0.5) / tries * (east - west);
    const lat = south + (Math.floor(i / tries) + 0.5) / tries * (north - south);
    const [row, column] = [chord(rings, lat, [lng, lat], 0), chord(rings, lng, [lng, lat], 1)];
    if (!row || !column) continue;
    // A name is centred: the nearer end counts.
    const w = 2 * Math.min(Math.min(row[1], east) - lng, lng - Math.max(row[0], west)) * kx;
    const h = 2 * Math.min(Math.min(column[1], north) - lat, lat - Math.max(column[0], south)) * ky;
    const room = Math.min(w / WIDE, h);
    if (!best || room > best.room) best = { lng, lat, w: w / kx, h: h / ky, room };
  }
  return best;
}

/** The whole of an area is looked through once; what is seen of it from near, each time. */
function seatInSight(area, plane) {
  const [west, south, east, north] = area.box;
  const seen = [
    Math.max(west, -plane.x0 / plane.kx), Math.max(south, (plane.y0 - plane.height) / plane.ky),
    Math.min(east, (plane.width - plane.x0) / plane.kx), Math.min(north, plane.y0 / plane.ky),
  ];
  if (seen[0] >= seen[2] || seen[1] >= seen[3]) return null;
  if (seen.some((edge, i) => edge !== area.box[i])) return seat(area, seen, plane, TRIES_NEAR);
  area.seat ??= seat(area, area.box, plane, TRIES);
  return area.seat;
}

/** Breaks a name at its spaces into lines that fit, or gives none if one word is too long. */
function linesThatFit(pen, name, width) {
  const lines = [];
  for (const word of name.split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && pen.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.every((line) => pen.measureText(line).width <= width) ? lines : [];
}

export function drawNames(pen, plane) {
  pen.font = `11px ${palette.font}`;
  pen.textBaseline = "top";
  pen.textAlign = "center";
  pen.lineJoin = "round";
  pen.lineWidth = 3;
  pen.strokeStyle = palette.land;
  pen.fillStyle = palette.muted;
  for (const area of town.areas.values()) {
    const place = area.box && seatInSight(area, plane);
    if (place) drawName(pen, nameOf(area, area.code), place, plane);
  }
  pen.textAlign = "start";
}

function drawName(pen, name, { lng, lat, w, h }, plane) {
  const lines = linesThatFit(pen, name, w * plane.kx - 4);
  if (!lines.length || lines.length * LINE > h * plane.ky) return;
  const [x, y] = screenBox([lng, lat, lng, lat], plane);
  const top = y - (lines.length * LINE) / 2;
  lines.forEach((line, i) => {
    pen.strokeText(line, x, top + i * LINE);
    pen.fillText(line, x, top + i * LINE);
  });
}
