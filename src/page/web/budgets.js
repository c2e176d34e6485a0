// Time budgets by urgency, and what became of orders.

import { percent, say, short, whole } from "./words.js";
import { count, number } from "./said.js";
import { town } from "./town.js";
import { badgeClass, byId, keep, make, panels, write, writePairs } from "./panels.js";

panels.set("budgets", () => {
  const budgets = [...town.budgets.values()].sort((a, b) => (a.urgency < b.urgency ? -1 : 1));
  const rows = keep(byId("budget-rows"), budgets.map((budget) => budget.urgency), makeBudgetRow);
  budgets.forEach((budget, i) => writeBudgetRow(rows[i], budget));
  const done = ["assigned", "waiting", "review", "reassigned", "accepted", "returned", "suspended", "resumed", "done", "closed"];
  writePairs(byId("work"), done.map((name) => [name, say(`work_${name}`), whole.format(count(town.work[name]))]));
});

function makeBudgetRow() {
  const row = make("tr");
  const urgency = make("th");
  urgency.scope = "row";
  urgency.append(make("span"));
  const bar = make("td", "wide");
  const track = make("div", "bar");
  track.append(make("i", "bar-p99"), make("i", "bar-p50"), make("i", "bar-p999"));
  bar.append(track, make("span", "visually-hidden"));
  row.append(urgency, ...Array.from({ length: 5 }, () => make("td", "number")), bar, make("td", "number missed"));
  return row;
}

function writeBudgetRow(row, budget) {
  const [urgency, ...cells] = row.children;
  const missed = count(budget.missed);
  const shareOf = (ms) => number(ms) / Math.max(number(budget.budget_ms), 1e-9);
  urgency.firstChild.className = badgeClass(budget.urgency);
  write(urgency.firstChild, budget.urgency);
  const ms = (value) => (Number.isFinite(value) ? short.format(value) : "–");
  const attained = count(budget.reports) ? percent(1 - missed / budget.reports) : "–";
  [ms(budget.budget_ms), attained, ...[budget.p50_ms, budget.p99_ms, budget.p999_ms].map(ms)].forEach((words, i) => write(cells[i], words));
  writeBar(cells[5].firstChild, shareOf(budget.p50_ms), shareOf(budget.p99_ms), shareOf(budget.p999_ms));
  write(cells[5].lastChild, say("budget_says", { n: percent(shareOf(budget.p99_ms)) }));
  write(cells[6], whole.format(missed));
  cells[6].classList.toggle("bad", missed > 0);
}

function writeBar(track, p50, p99, p999) {
  const width = (share) => `${Math.min(1, share) * 100}%`;
  const [wide, narrow, mark] = track.children;
  wide.style.width = width(p99);
  narrow.style.width = width(p50);
  mark.style.left = width(p999);
  track.classList.toggle("over", p99 > 1);
}
