// How the service is: what is durable, how full its doors are, and who follows it.

import { bytes, duration, percent, say, sayCode, whole } from "./words.js";
import { count, isObject, number, objects, text } from "./said.js";
import { connection, town } from "./town.js";
import { byId, keep, make, panels, write } from "./panels.js";

/** From here on a door is shown as one that fills. */
const FILLING = 0.5;

panels.set("health", () => {
  const items = town.ready ? itemsNow() : [];
  const groups = keep(byId("health"), items.map(({ key }) => key), makeItem);
  items.forEach(({ label, value, state, full }, i) => {
    const [term, said] = groups[i].children;
    groups[i].dataset.state = state ?? "";
    write(term, label);
    write(said.lastChild, value);
    said.firstChild.hidden = full === undefined;
    said.firstChild.firstChild.style.width = `${Math.min(1, full ?? 0) * 100}%`;
  });
});

function makeItem() {
  const group = make("div");
  const said = make("dd");
  const gauge = make("span", "gauge");
  gauge.append(make("i"));
  said.append(gauge, make("span"));
  group.append(make("dt"), said);
  return group;
}

function itemsNow() {
  const { ok, journal, uptime_s: uptime, doors, feeds } = town.health;
  const items = [{ key: "service", label: say("service"), ...stateNow(ok) }];
  if (text(journal)) items.push({ key: "journal", label: say("journal"), value: sayCode("journal", journal) });
  items.push({ key: "record", label: say("record"), value: `#${whole.format(town.version)}` });
  items.push(...objects(doors).map(doorItem));
  if (isObject(feeds)) items.push(...feedItems(feeds));
  if (Number.isFinite(uptime)) items.push({ key: "uptime", label: say("uptime"), value: duration(uptime * 1000) });
  return items;
}

/** Of a service that does not answer nobody knows how it is. */
function stateNow(ok) {
  if (connection.state !== "connected") return { value: say("unheard"), state: "warn" };
  return ok === false ? { value: say("unwell"), state: "bad" } : { value: say("well"), state: "good" };
}

function doorItem(door) {
  const name = text(door.name) ?? "?";
  const full = number(door.inbox);
  const said = [say("door_full", { n: percent(full) }), say("door_took", { n: bytes(count(door.bytes)) })];
  const refused = count(door.refused);
  if (refused) said.push(say("door_refused", { n: whole.format(refused) }));
  return { key: `door ${name}`, label: say("door", { name }), value: said.join(" · "), state: refused || full >= FILLING ? "warn" : "", full };
}

function feedItems({ events, behind, live }) {
  const late = count(behind);
  const said = [say("feed_n", { n: whole.format(count(events)) })];
  if (late) said.push(say("feed_behind", { n: whole.format(late) }));
  return [
    { key: "events", label: say("feed_events"), value: said.join(" · ") },
    { key: "pages", label: say("feed_live"), value: say("page_n", { n: whole.format(count(live)) }) },
  ];
}
