// Reading what a server says: nothing of it is believed before it was looked at.

export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
export const objects = (value) => (Array.isArray(value) ? value.filter(isObject) : []);
export const number = (value, otherwise = 0) => (Number.isFinite(value) ? value : otherwise);
export const count = (value) => Math.max(0, Math.trunc(number(value)));
export const text = (value) => (typeof value === "string" && value !== "" ? value : null);
/** What a Date can hold: beyond it formatting would throw. */
export const time = (value) => (Number.isFinite(value) && Math.abs(value) <= 8.64e15 ? value : null);

export function readBox(value) {
  const fits = Array.isArray(value) && value.length === 4 && value.every(Number.isFinite);
  return fits && value[0] < value[2] && value[1] < value[3] ? value : null;
}

/** Rings of corners; none if anything of them is no place. */
function readRings(value) {
  const isCorner = (corner) => Array.isArray(corner) && corner.length === 2 && corner.every(Number.isFinite);
  const isRing = (ring) => Array.isArray(ring) && ring.length > 3 && ring.every(isCorner);
  return Array.isArray(value) && value.every(isRing) ? value : [];
}

export function readCase(raw) {
  if (!Number.isSafeInteger(raw.case)) return null;
  return {
    case: raw.case,
    tracking: text(raw.tracking),
    class: text(raw.class),
    condition: text(raw.condition),
    area: text(raw.area),
    cell: text(raw.cell),
    urgency: text(raw.urgency) ?? "?",
    stage: text(raw.stage) ?? "?",
    reports: count(raw.reports),
    sources: Array.isArray(raw.sources) ? raw.sources.filter(text) : [],
    opened_at: time(raw.opened_at),
    changed_at: time(raw.changed_at) ?? 0,
    order: text(raw.order),
    unit: text(raw.unit),
    department: text(raw.department),
    due: time(raw.due),
    doubt: text(raw.doubt),
    lng: Number.isFinite(raw.lng) ? raw.lng : null,
    lat: Number.isFinite(raw.lat) ? raw.lat : null,
  };
}

export function readNamed(value) {
  return new Map(objects(value).filter((raw) => text(raw.code)).map((raw) => [raw.code, raw]));
}

export function readAreas(value) {
  const areas = readNamed(value);
  for (const area of areas.values()) [area.box, area.outline] = [readBox(area.box), readRings(area.outline)];
  return areas;
}

export function parse(data) {
  try {
    const said = JSON.parse(data);
    return isObject(said) ? said : null;
  } catch {
    return null;
  }
}

export function errorWords(said, language) {
  try {
    const { error } = JSON.parse(said);
    return text(error?.[language]) ?? text(error?.zh);
  } catch {
    return null;
  }
}
