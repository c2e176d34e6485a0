// Alarms, each with the moment since when it is one.

import { language, moment, say } from "./words.js";
import { objects, text } from "./said.js";
import { connection, logNow, town } from "./town.js";
import { byId, keep, make, panels, write } from "./panels.js";

const alarms = new Map();

function alarmsNow() {
  const now = [];
  if (connection.state === "lost") now.push(["lost", say("lost_alarm"), connection.since]);
  if (connection.unreadableSince) now.push(["unreadable", say("unreadable_alarm"), connection.unreadableSince]);
  if (town.health.ok === false) now.push(...healthAlarms());
  return now;
}

function healthAlarms() {
  const said = objects(town.health.alarms).map((raw) => text(language === "zh" ? raw.zh : raw.en) ?? text(raw.zh) ?? text(raw.en));
  const named = said.filter(Boolean);
  const known = objects(town.health.alarms).map((raw) => text(raw.en) ?? text(raw.zh)).filter(Boolean);
  return named.length ? named.map((words, i) => [`health ${known[i]}`, words, null]) : [["health", say("unwell_alarm"), null]];
}

panels.set("alarm", () => {
  const now = alarmsNow();
  for (const key of [...alarms.keys()]) if (!now.some(([other]) => other === key)) alarms.delete(key);
  for (const [key, , since] of now) if (!alarms.has(key)) alarms.set(key, since ?? logNow());
  const banner = byId("alarm");
  banner.hidden = now.length === 0;
  const lines = keep(banner, now.map(([key]) => key), alarmLine);
  now.forEach(([key, words], i) => {
    write(lines[i].children[0], words);
    write(lines[i].children[1], say("since", { time: moment(alarms.get(key)) }));
  });
});

function alarmLine() {
  const line = make("p");
  line.append(make("strong"), make("span"));
  return line;
}
