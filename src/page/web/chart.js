// Reports a second by source, as bars and as a table.

import { nameOf, say, short } from "./words.js";
import { RATE_SECONDS } from "./rates.js";
import { connection, rates, town } from "./town.js";
import { byId, keep, make, panels, write } from "./panels.js";
import { palette, prepare } from "./palette.js";

const SERIES_MAX = 8;
/** CSS pixels of a bar. */
const BAR_MIN = 3;

/** The largest sources one by one, the rest as one. A source keeps its colour, whatever its rank. */
function series() {
  const sources = [...town.sources.values()].map((source, i) => ({ source, colour: palette.series[i % palette.series.length] }));
  const largest = sources.toSorted((a, b) => b.source.offered - a.source.offered);
  const shown = largest.slice(0, largest.length > SERIES_MAX ? SERIES_MAX - 1 : SERIES_MAX);
  const named = shown.map(({ source, colour }) => ({
    key: source.name, name: nameOf(source, source.name), colour, counts: rates.bySource.get(source.name) ?? new Float32Array(RATE_SECONDS),
  }));
  const rest = largest.slice(shown.length);
  return rest.length ? [...named, { key: "", name: say("other"), colour: palette["series-other"], counts: addUp(rest) }] : named;
}

function addUp(sources) {
  const sum = new Float32Array(RATE_SECONDS);
  for (const { source } of sources) rates.bySource.get(source.name)?.forEach((n, slot) => { sum[slot] += n; });
  return sum;
}

/** A round number at or above a value, so that the axis has round marks. */
function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((top) => top >= value);
}

function drawRateAxes(pen, { left, top, width, height }, highest) {
  pen.font = `11px ${palette.font}`;
  pen.fillStyle = palette.muted;
  pen.strokeStyle = palette.line;
  pen.lineWidth = 1;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (const share of [0, 0.5, 1]) {
    const y = Math.round(top + height * (1 - share)) + 0.5;
    pen.beginPath();
    pen.moveTo(left, y);
    pen.lineTo(left + width, y);
    pen.stroke();
    pen.fillText(short.format(highest * share), left - 6, y);
  }
  pen.textBaseline = "top";
  for (const [n, align] of [[5, "left"], [4, "center"], [3, "center"], [2, "center"], [1, "center"], [0, "right"]]) {
    pen.textAlign = align;
    const words = n === 5 ? say("minutes_ago", { n }) : n === 0 ? say("now") : `−${n}`;
    pen.fillText(words, left + width * (1 - n / 5), top + height + 6);
  }
}

/** The seconds of the plot in bars that can be told apart; a bar keeps its seconds while it moves to the left. */
function bars(plot) {
  const slots = rates.slots(RATE_SECONDS - 1);
  const each = Math.max(1, Math.ceil((BAR_MIN / plot.width) * slots.length));
  const first = rates.second - slots.length;
  const found = [];
  slots.forEach((slot, i) => {
    const number = Math.floor((first + i) / each);
    if (found.at(-1)?.number !== number) found.push({ number, from: i, slots: [] });
    found.at(-1).slots.push(slot);
  });
  const x = (i) => Math.round(plot.left + (plot.width * i) / slots.length);
  return found.map(({ from, slots: of }) => ({
    known: of.filter((slot) => rates.known[slot]), x: x(from), width: x(from + of.length) - x(from),
  }));
}

/** The mean of the seconds of a bar in which anybody listened. */
const meanOf = (counts, known) => known.reduce((sum, slot) => sum + counts[slot], 0) / Math.max(known.length, 1);

function drawBars(pen, plot, shown, all, highest) {
  const high = plot.height / highest;
  for (const { known, x, width } of shown) {
    let y = plot.top + plot.height;
    for (const { counts, colour } of known.length ? all : []) {
      const tall = meanOf(counts, known) * high;
      pen.fillStyle = colour;
      pen.fillRect(x, y - tall, width, tall);
      y -= tall;
    }
    pen.fillStyle = palette.unknown;
    if (!known.length) pen.fillRect(x, plot.top, width, plot.height);
  }
  const seen = rates.slots(RATE_SECONDS - 1).findIndex((slot) => rates.known[slot]);
  writeUnseen(pen, plot, (plot.width * (seen < 0 ? RATE_SECONDS : seen)) / RATE_SECONDS);
}

/** Says why the left of the plot is empty, where that is not plain to see. */
function writeUnseen(pen, { left, top, height }, width) {
  pen.font = `11px ${palette.font}`;
  pen.textBaseline = "middle";
  pen.textAlign = "center";
  pen.fillStyle = palette.muted;
  if (pen.measureText(say("unseen")).width + 16 < width) pen.fillText(say("unseen"), left + width / 2, top + height / 4);
}

panels.set("rates", () => {
  rates.advance(connection.state === "connected");
  const all = series();
  const total = rates.total();
  const canvas = byId("rates");
  const { pen, width, height } = prepare(canvas);
  const plot = { left: 40, top: 10, width: width - 48, height: height - 34 };
  if (plot.width > 0 && plot.height > 0) {
    const shown = bars(plot);
    const highest = niceTop(Math.max(...shown.map(({ known }) => meanOf(total, known))));
    drawBars(pen, plot, shown, all, highest);
    drawRateAxes(pen, plot, highest);
  }
  canvas.setAttribute("aria-label", say("rates_says", { n: short.format(rates.mean(total)) }));
  writeRateTable(all);
});

function writeRateTable(all) {
  const rows = keep(byId("rate-rows"), all.map(({ key }) => key), () => {
    const row = make("tr");
    const name = make("th");
    name.scope = "row";
    name.append(make("i", "swatch"), make("span"));
    row.append(name, make("td", "number"));
    return row;
  });
  all.forEach(({ name, colour, counts }, i) => {
    rows[i].querySelector("i").style.background = colour;
    write(rows[i].querySelector("span"), name);
    write(rows[i].lastChild, rates.mean(counts).toFixed(1));
  });
}
