// The stream of events: a snapshot, then what changed; lost, it is opened again.

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
    this.source = new EventSource("/v1/live");
    this.source.addEventListener("snapshot", ({ data }) => this.take(data, takeSnapshot));
    this.source.addEventListener("delta", ({ data }) => this.take(data, takeDelta));
    this.source.addEventListener("error", () => this.lose());
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
    // After an answer that is no stream an EventSource gives up.
    if (this.source.readyState === EventSource.CLOSED) this.retry();
  },

  /** After a part that cannot be read nothing that is shown is certain: only a new snapshot is. */
  distrust() {
    connection.unreadableSince ??= Date.now();
    redraw("alarm");
    this.source.close();
    this.lose();
  },

  /** A service that is down, or speaks badly all the time, is asked less and less often. */
  retry() {
    clearTimeout(this.timer);
    if (performance.now() - this.trustedAt > RETRY_MAX_MS * 2) this.retryMs = RETRY_MIN_MS;
    this.timer = setTimeout(() => this.open(), this.retryMs);
    this.retryMs = Math.min(RETRY_MAX_MS, this.retryMs * 2);
  },
};
