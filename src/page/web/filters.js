// Which cases are wanted. The choice is part of the address, so that it can be sent to a colleague.

import { nameOf, say } from "./words.js";
import { objects, readCase } from "./said.js";
import { ASKED_MAX, FILTERS, matches, URGENCIES } from "./cases.js";
import { door } from "./key.js";
import { town } from "./town.js";
import { byId, keep, make, panels, redraw, write } from "./panels.js";
import { caseList } from "./list.js";

export const filters = Object.fromEntries(FILTERS.map((name) => [name, ""]));

export function readHash() {
  const said = new URLSearchParams(location.hash.slice(1));
  for (const name of FILTERS) filters[name] = said.get(name) ?? "";
}

export function writeHash() {
  const said = String(new URLSearchParams(Object.entries(filters).filter(([, value]) => value)));
  history.replaceState(null, "", `${location.pathname}${location.search}${said && `#${said}`}`);
}

export function setFilter(name, value) {
  filters[name] = value;
  writeHash();
  filterChanged();
}

export function filterChanged() {
  caseList.startOver();
  redraw("filters", "figures", "stages", "cases", "map");
  askForCases();
}

let asking = new AbortController();

/** The stream brings the newest cases only; older ones that a filter wants are asked for. */
export async function askForCases() {
  asking.abort();
  asking = new AbortController();
  const query = caseQuery();
  if (!query) return town.cases.setAsked([]);
  try {
    const answer = await door.ask(`/v1/cases?${query}`, { signal: asking.signal });
    const said = answer.ok ? await answer.json() : null;
    const cases = objects(said?.cases).map(readCase).filter(Boolean);
    town.cases.setAsked(cases.filter((one) => matches(one, filters)).slice(0, ASKED_MAX));
    caseList.wanted = true;
    redraw("cases");
  } catch {
    // Without an answer the list shows what the stream has told; the banner tells if the service is gone.
  }
}

function caseQuery() {
  const wanted = Object.entries(filters).filter(([name, value]) => value && name !== "cell");
  // Nobody can be asked for a cell, but for its area.
  const area = filters.cell && !filters.area ? areaOfCell(filters.cell) : null;
  if (area) wanted.push(["area", area.code]);
  if (!wanted.length) return null;
  return new URLSearchParams([...wanted, ["limit", filters.cell ? 1000 : ASKED_MAX]]);
}

export function areaOfCell(code) {
  for (const area of town.areas.values()) if (code.startsWith(area.code)) return area;
  const slot = town.cells.slots.get(code);
  return slot === undefined ? null : areaAround(town.cells.shown(slot).box);
}

function areaAround([west, south, east, north]) {
  const [lng, lat] = [(west + east) / 2, (south + north) / 2];
  const around = ({ box }) => box && box[0] <= lng && lng < box[2] && box[1] <= lat && lat < box[3];
  return [...town.areas.values()].find(around) ?? null;
}

function filterChoices(name) {
  if (name === "urgency") return URGENCIES.map((u) => [u, `${u} ${say(`urgency_${u}`)}`]);
  const named = name === "area" ? town.areas : town.classes;
  return [...named.values()].map((one) => [one.code, nameOf(one, one.code)]);
}

function writeChoices(select) {
  const choices = [["", say("all")], ...filterChoices(select.name)];
  const value = filters[select.name];
  // An address may name what the city has no more: it is shown, or nobody would see why the list is empty.
  if (!choices.some(([code]) => code === value)) choices.push([value, value]);
  const options = keep(select, choices.map(([code]) => code), (code) => Object.assign(make("option"), { value: code }));
  choices.forEach(([, words], i) => write(options[i], words));
  select.value = value;
  select.classList.toggle("set", value !== "");
}

panels.set("filters", () => {
  for (const select of byId("filters").querySelectorAll("select")) writeChoices(select);
  const chip = byId("cell-chip");
  chip.hidden = !filters.cell;
  write(chip, `${say("cell")} ${filters.cell} ×`);
  chip.setAttribute("aria-label", say("clear_cell", { cell: filters.cell }));
  byId("clear").hidden = !FILTERS.some((name) => filters[name]);
});
