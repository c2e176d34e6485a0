// One sentence at a time for those who listen: what changed, ten seconds apart at least.

import { say, whole } from "./words.js";
import { byId, write } from "./panels.js";
import { caseList } from "./list.js";

const NEWS_MS = 10_000;

export const news = {
  changed: new Map(),
  toldAt: performance.now(),

  note(one) {
    this.changed.set(one.case, one.urgency);
    caseList.note(one);
  },

  tell() {
    const s = Math.round((performance.now() - this.toldAt) / 1000);
    if (s * 1000 < NEWS_MS) return;
    const a = [...this.changed.values()].filter((urgency) => urgency === "A").length;
    if (this.changed.size) write(byId("news"), say("news", { s, n: whole.format(this.changed.size), a: whole.format(a) }));
    this.changed.clear();
    this.toldAt = performance.now();
  },
};
