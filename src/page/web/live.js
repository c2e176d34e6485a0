// The stream of events: a snapshot, then what changed; lost, it is opened again.

import { Events } from "./events.js";
import { door } from "./key.js";
import { parse } from "./said.js";
import { connection, rates, takeDelta, takeSnapshot, town } from "./town.js";
import { redraw } from "./panels.js";
import { askForCases } from "./filters.js";
import { levels } from "./levels.js";
import { caseList } from "./list.js";
import { news } from "./news.js";

const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 30_000;

export const stream = {
  source: null,
  retryMs: RETRY_MIN_MS,
  trustedAt: 0,
  timer: 0,

  open() {
    clearTimeout(this.timer);
    this.source?.close();
    const folds = { snapshot: takeSnapshot, delta: takeDelta };
    this.source = new Events("/v1/live", {
      event: (name, data) => Object.hasOwn(folds, name) && this.take(data, folds[name]),
      end: () => this.lose(),
    });
  },

  take(data, fold) {
    const said = parse(data);
    if (!said) return this.distrust();
    // A delta alone says nothing: what it changes is not known.
    if (fold === takeDelta && !town.ready) return;
    if (fold === takeSnapshot) {
      this.trust();
      levels.forget();
    }
    fold(said).forEach((one) => news.note(one));
    redraw("header", "alarm", "figures", "stages", "cases", "map", "budgets", "ledger", "health", "paper");
    if (fold === takeSnapshot) this.startAnew();
  },

  startAnew() {
    caseList.wanted = true;
    redraw("filters", "rates");
    askForCases();
  },

  trust() {
    this.trustedAt = performance.now();
    Object.assign(connection, { state: "connected", since: null, unreadableSince: null });
  },

  lose() {
    if (connection.state !== "lost") {
      rates.advance(connection.state === "connected");
      Object.assign(connection, { state: "lost", since: Date.now() });
      redraw("header", "alarm", "health");
    }
    // Once the key is entered it is opened anew.
    if (!door.isWanted) this.retry();
  },

  /** After a part that cannot be read nothing that is shown is certain: only a new snapshot is. */
  distrust() {
    connection.unreadableSince ??= Date.now();
    redraw("alarm");
    this.source.close();
    this.lose();
  },

  /** A key was entered. */
  begin() {
    this.retryMs = RETRY_MIN_MS;
    this.open();
  },

  /** A service that is down, or speaks badly all the time, is asked less and less often. */
  retry() {
    clearTimeout(this.timer);
    if (performance.now() - this.trustedAt > RETRY_MAX_MS * 2) this.retryMs = RETRY_MIN_MS;
    this.timer = setTimeout(() => this.open(), this.retryMs);
    this.retryMs = Math.min(RETRY_MAX_MS, this.retryMs * 2);
  },
};
