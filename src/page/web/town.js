// Everything that the stream has said, folded into how things are now.

import { count, isObject, number, objects, readAreas, readCase, readNamed, text, time } from "./said.js";
import { Cells } from "./cells.js";
import { Cases } from "./cases.js";
import { Rates } from "./rates.js";

export const town = {
  ready: false,
  version: 0,
  at: null,
  heardAt: 0,
  city: {},
  areas: new Map(),
  classes: new Map(),
  departments: new Map(),
  totals: {},
  work: {},
  open: {},
  stages: {},
  sources: new Map(),
  budgets: new Map(),
  health: {},
  cells: new Cells(),
  cases: new Cases(),
};
export const rates = new Rates();
export const connection = { state: "connecting", since: null, unreadableSince: null };

/** The log's clock goes on between two records, but not while nobody tells the time. */
export function logNow() {
  if (town.at === null) return Date.now();
  return connection.state === "connected" ? town.at + (performance.now() - town.heardAt) : town.at;
}

/** Takes in all that is, and gives the cases that it names. */
export function takeSnapshot(said) {
  town.ready = true;
  town.cells = new Cells();
  town.cases = new Cases();
  [town.sources, town.budgets] = [new Map(), new Map()];
  [town.totals, town.work, town.open, town.stages, town.health] = [{}, {}, {}, {}, {}];
  town.city = isObject(said.city) ? said.city : {};
  town.areas = readAreas(said.areas);
  town.classes = readNamed(said.classes);
  town.departments = readNamed(said.departments);
  const cases = takeMembers(said);
  rates.advance(false);
  rates.reset(town.sources);
  return cases;
}

/** Takes in what changed, and gives the cases among it. */
export function takeDelta(said) {
  if (isObject(said.city)) town.city = said.city;
  if (Array.isArray(said.areas)) town.areas = readAreas(said.areas);
  if (Array.isArray(said.classes)) town.classes = readNamed(said.classes);
  if (Array.isArray(said.departments)) town.departments = readNamed(said.departments);
  const cases = takeMembers(said);
  rates.take(town.sources, true);
  return cases;
}

function takeMembers(said) {
  town.version = number(said.version, town.version);
  town.at = time(said.at) ?? town.at;
  town.heardAt = performance.now();
  for (const name of ["totals", "work", "open", "stages", "health"]) if (isObject(said[name])) town[name] = said[name];
  for (const raw of objects(said.sources)) takeSource(raw);
  for (const raw of objects(said.budgets)) if (text(raw.urgency)) town.budgets.set(raw.urgency, raw);
  for (const raw of objects(said.cells)) town.cells.set(raw);
  const cases = objects(said.cases).map(readCase).filter(Boolean);
  for (const one of cases) town.cases.set(one);
  return cases;
}

function takeSource(raw) {
  if (text(raw.name)) town.sources.set(raw.name, { ...raw, offered: count(raw.offered) });
}
