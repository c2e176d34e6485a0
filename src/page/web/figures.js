// The key figures; those that count cases are also filters of the list.

import { percent, say, short, whole } from "./words.js";
import { count } from "./said.js";
import { URGENCIES } from "./cases.js";
import { RATE_SECONDS } from "./rates.js";
import { rates, town } from "./town.js";
import { byId, keep, make, panels, write } from "./panels.js";
import { filters, setFilter } from "./filters.js";

const FIGURES = [
  ...URGENCIES.map((u) => ({ key: u, filter: ["urgency", u], show: () => openFigure(u) })),
  { key: "waiting", filter: ["stage", "waiting"], show: () => stageFigure("waiting") },
  { key: "review", filter: ["stage", "review"], show: () => stageFigure("review") },
  { key: "rate", show: rateFigure },
  { key: "met", show: metFigure },
];

function openFigure(u) {
  return { label: say("open_of", { u }), value: whole.format(count(town.open[u])), note: say(`urgency_${u}`) };
}

function stageFigure(stage) {
  return { label: say(`${stage}_now`), value: whole.format(count(town.stages[stage])), note: say(`${stage}_note`) };
}

function rateFigure() {
  const total = rates.total();
  const peak = Math.max(0, ...rates.slots(RATE_SECONDS - 1).map((slot) => total[slot]));
  return { label: say("rate_now"), value: short.format(rates.mean(total)), note: say("rate_note", { n: short.format(peak) }) };
}

function metFigure() {
  let [reports, missed] = [0, 0];
  for (const budget of town.budgets.values()) [reports, missed] = [reports + count(budget.reports), missed + count(budget.missed)];
  return { label: say("met"), value: percent(1 - missed / reports), note: say("met_note", { n: whole.format(missed) }), bad: missed > 0 };
}

function makeFigure(key) {
  const { filter } = FIGURES.find((figure) => figure.key === key);
  const item = make("li");
  const box = make(filter ? "button" : "div", `figure figure-${key}`);
  box.append(make("span", "figure-label"), make("span", "figure-value"), make("span", "figure-note"));
  if (filter) {
    box.type = "button";
    box.addEventListener("click", () => setFilter(filter[0], filters[filter[0]] === filter[1] ? "" : filter[1]));
  }
  item.append(box);
  return item;
}

panels.set("figures", () => {
  const items = keep(byId("figures"), FIGURES.map((figure) => figure.key), makeFigure);
  FIGURES.forEach(({ filter, show }, i) => {
    const box = items[i].firstElementChild;
    const { label, value, note, bad } = show();
    write(box.children[0], label);
    write(box.children[1], town.ready ? value : "–");
    write(box.children[2], note);
    box.classList.toggle("bad", Boolean(bad));
    if (filter) box.setAttribute("aria-pressed", String(filters[filter[0]] === filter[1]));
  });
});
