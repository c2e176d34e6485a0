// From how many open cases on a cell has which colour, and the legend that says so.

import { say } from "./words.js";
import { town } from "./town.js";
import { byId, make, panels, redraw } from "./panels.js";

const LEVELS_MS = 60_000;

export const levels = {
  from: [1, 2, 4, 8, 16],
  chosenAt: -Infinity,

  choose() {
    const { counts, codes, size } = town.cells;
    if (performance.now() - this.chosenAt < LEVELS_MS || size === 0) return;
    this.chosenAt = performance.now();
    const open = Uint32Array.from(codes, (_, slot) => counts[slot * 4]).sort();
    const ninth = open[Math.floor(open.length * 0.9)];
    // Nine cells of ten lie below the last colour, so that it says something.
    const unit = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((n) => 16 * n >= ninth) ?? 1000;
    this.from = [1, 2 * unit, 4 * unit, 8 * unit, 16 * unit];
    redraw("legend");
  },

  /** Another city, or another day: the next picture chooses anew. */
  forget() {
    this.chosenAt = -Infinity;
  },

  of(open) {
    return this.from.findLastIndex((from) => open >= from);
  },
};

panels.set("legend", () => {
  const steps = levels.from.map((from, i) => stepWords(from, levels.from[i + 1]));
  const legend = byId("legend");
  legend.replaceChildren(make("span", "legend-title", say("legend")));
  steps.forEach((words, i) => legend.append(legendEntry(`swatch level-${i + 1}`, words)));
  legend.append(legendEntry("swatch swatch-urgent", say("legend_urgent")));
});

function stepWords(from, next) {
  if (!next) return `${from}+`;
  return next - from === 1 ? String(from) : `${from}–${next - 1}`;
}

function legendEntry(className, words) {
  const entry = make("span", "legend-entry");
  entry.append(make("i", className), make("span", "", words));
  return entry;
}
