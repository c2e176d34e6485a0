// The list of cases: rows that stand still long enough to be read.

import { clock, duration, moment, nameOf, say, sayCode, whole } from "./words.js";
import { CASES_MAX, ENDED, FILTERS, matches, STAGES } from "./cases.js";
import { logNow, town } from "./town.js";
import { badgeClass, byId, keep, make, panels, redraw, write } from "./panels.js";
import { filterChanged, filters, readHash, setFilter, writeHash } from "./filters.js";
import { paper } from "./paper.js";

const ROWS_STEP = 100;
const REORDER_MS = 1000;
const HOLD_AFTER_TOUCH_MS = 10_000;
const DUE_SOON_MS = 15 * 60_000;

/** Rows that stand still long enough to be read: their order changes once a second, and not while somebody is busy there. */
export const caseList = {
  order: [],
  limit: ROWS_STEP,
  orderedAt: 0,
  /** Somebody asked for another list than the one that is shown: it comes at once, also while it is held. */
  wanted: true,
  touchedAt: -Infinity,
  pressed: false,
  missed: new Set(),
  current: null,

  startOver() {
    [this.limit, this.wanted] = [ROWS_STEP, true];
    byId("case-scroll").scrollTop = 0;
  },

  held() {
    return this.pressed || performance.now() - this.touchedAt < HOLD_AFTER_TOUCH_MS;
  },

  note(one) {
    if (this.held() && matches(one, filters)) this.missed.add(one.case);
    // Held for a whole shift it would otherwise remember every case of it.
    if (this.missed.size > CASES_MAX) this.missed.delete(this.missed.values().next().value);
  },

  /** The cases to show, newest first, and how many there are. */
  arrange() {
    const all = town.cases.matching(filters);
    if (this.wanted || (!this.held() && performance.now() - this.orderedAt >= REORDER_MS)) this.reorder(all);
    const known = this.order.map((n) => town.cases.byNumber.get(n)).filter(Boolean);
    // What stands still keeps its row, even when it has gone on to a stage that the filter does not show.
    return { shown: this.held() ? known : known.filter((one) => matches(one, filters)), all };
  },

  reorder(all) {
    this.order = all.slice(0, this.limit).map((one) => one.case);
    [this.orderedAt, this.wanted] = [performance.now(), false];
    this.missed.clear();
  },
};

panels.set("cases", () => {
  const { shown, all } = caseList.arrange();
  const body = byId("case-rows");
  const focused = document.activeElement?.closest("#case-rows tr")?.dataset.key;
  const rows = keep(body, shown.map((one) => one.case), makeRow);
  shown.forEach((one, i) => writeRow(rows[i], one));
  keepOneTabStop(rows);
  if (focused) focusRow(rows.find((row) => row.dataset.key === focused) ?? rows[0]);
  write(byId("cases-sum"), town.ready ? say("cases_sum", { shown: whole.format(shown.length), all: whole.format(all.length) }) : "");
  byId("case-none").hidden = shown.length > 0;
  write(byId("case-none"), say(town.ready ? "cases_none" : "cases_wait"));
  byId("more").hidden = all.length <= shown.length;
  writeHold();
});

function makeRow() {
  const row = make("tr");
  row.setAttribute("role", "row");
  for (const name of ["urgency", "case", "stage", "unit", "due", "changed"]) {
    const cell = make("td", `col-${name}`);
    cell.setAttribute("role", "cell");
    row.append(cell);
  }
  const [urgency, what, stage, unit, due, changed] = row.children;
  urgency.append(make("span"));
  what.append(Object.assign(make("button", "case-name"), { type: "button" }), make("span", "sub"));
  stage.append(make("span"), make("span", "sub"));
  for (const cell of [unit, due]) cell.append(make("span", "main"), make("span", "sub"));
  changed.append(make("time"));
  return row;
}

function writeRow(row, one) {
  const [urgency, what, stage, unit, due, changed] = row.children;
  urgency.firstChild.className = badgeClass(one.urgency);
  write(urgency.firstChild, one.urgency);
  write(what.children[0], one.class ? nameOf(town.classes.get(one.class), one.class) : say("no_class"));
  write(what.children[1], caseNote(one));
  stage.firstChild.className = `stage stage-${STAGES.includes(one.stage) ? one.stage : "other"}`;
  write(stage.children[0], sayCode("stage", one.stage));
  write(stage.children[1], one.doubt ? sayCode("doubt", one.doubt) : "");
  write(unit.children[0], one.unit ?? "–");
  write(unit.children[1], nameOf(town.departments.get(one.department), one.department));
  writeDue(due, one);
  write(changed.firstChild, clock(one.changed_at));
  changed.firstChild.title = moment(one.changed_at);
  row.classList.toggle("ended", ENDED.has(one.stage));
}

function caseNote(one) {
  const place = one.area ? nameOf(town.areas.get(one.area), one.area) : say("no_area");
  const reports = one.reports > 1 ? say("reports_n", { n: whole.format(one.reports) }) : null;
  return [`#${one.case}`, place, reports].filter(Boolean).join(" · ");
}

export function dueState(one) {
  if (one.due === null || ENDED.has(one.stage)) return "none";
  const left = one.due - logNow();
  if (left < 0) return "over";
  return left < DUE_SOON_MS ? "soon" : "calm";
}

export function dueWords(one) {
  const state = dueState(one);
  if (state === "none") return "–";
  const passed = duration(one.due - logNow());
  return state === "over" ? `▲ ${say("overdue", { time: passed })}` : passed;
}

function writeDue(cell, one) {
  cell.dataset.due = dueState(one);
  write(cell.children[0], dueWords(one));
  write(cell.children[1], one.due === null || ENDED.has(one.stage) ? "" : clock(one.due).slice(0, 5));
}

function keepOneTabStop(rows) {
  const current = rows.find((row) => row.dataset.key === caseList.current) ?? rows[0];
  caseList.current = current?.dataset.key ?? null;
  for (const row of rows) row.querySelector("button").tabIndex = row === current ? 0 : -1;
}

/** Moving a row in the document takes the focus away from it, so it is given back. */
function focusRow(row, options = { preventScroll: true }) {
  const target = row?.querySelector("button") ?? byId("cases-panel");
  if (document.activeElement !== target) target.focus(options);
}

function writeHold() {
  const button = byId("hold");
  const held = caseList.held();
  button.setAttribute("aria-pressed", String(caseList.pressed));
  button.classList.toggle("on", held);
  write(button, held ? say("held", { n: whole.format(caseList.missed.size) }) : say("hold"));
}

panels.set("due", () => {
  for (const row of byId("case-rows").children) {
    const one = town.cases.byNumber.get(Number(row.dataset.key));
    if (one) writeDue(row.children[4], one);
  }
});

const ROW_KEYS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };

function moveInRows(event) {
  const step = ROW_KEYS[event.key];
  const row = event.target.closest("tr");
  if (step === undefined || !row) return;
  event.preventDefault();
  const rows = [...byId("case-rows").children];
  const to = rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(row) + step))];
  caseList.current = to.dataset.key;
  keepOneTabStop(rows);
  focusRow(to, {});
}

function openRow(event) {
  const row = event.target.closest("tr");
  const one = row && town.cases.byNumber.get(Number(row.dataset.key));
  // Selecting text in a row is not a wish to leave it.
  if (!one || String(getSelection())) return;
  caseList.current = row.dataset.key;
  focusRow(row);
  paper.open(String(one.case), one);
}

function releaseOrHold() {
  const held = caseList.held();
  caseList.pressed = !held;
  caseList.touchedAt = -Infinity;
  caseList.wanted = held;
  redraw("cases");
}

export function listenToCases() {
  const body = byId("case-rows");
  const touched = () => { caseList.touchedAt = performance.now(); };
  for (const name of ["pointermove", "pointerdown", "keydown", "wheel", "focusin"]) body.addEventListener(name, touched, { passive: true });
  body.addEventListener("keydown", moveInRows);
  body.addEventListener("click", openRow);
  byId("hold").addEventListener("click", releaseOrHold);
  byId("more").addEventListener("click", () => {
    caseList.limit += ROWS_STEP;
    caseList.wanted = true;
    redraw("cases");
  });
  byId("filters").addEventListener("change", ({ target }) => setFilter(target.name, target.value));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("cell-chip").addEventListener("click", () => {
    setFilter("cell", "");
    byId("filters").querySelector("select").focus();
  });
  byId("filters").addEventListener("reset", (event) => {
    event.preventDefault();
    for (const name of FILTERS) filters[name] = "";
    writeHash();
    filterChanged();
    byId("filters").querySelector("select").focus();
  });
  addEventListener("hashchange", () => {
    readHash();
    filterChanged();
  });
}
