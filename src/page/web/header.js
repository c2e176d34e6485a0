// The header: which city, which moment of the log, and whether anybody is listening to it.

import { moment, nameOf, say } from "./words.js";
import { connection, town } from "./town.js";
import { byId, panels, write } from "./panels.js";

panels.set("header", () => {
  write(byId("city"), nameOf(town.city, ""));
  byId("log-time").title = town.at === null ? "" : moment(town.at);
  write(byId("log-time"), town.at === null ? "–" : moment(town.at));
  byId("connection").dataset.state = connection.state;
  write(byId("connection-text"), say(connection.state));
  document.title = [say("name"), nameOf(town.city, "")].filter(Boolean).join(" · ");
});
