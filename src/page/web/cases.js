// The cases that changed last, and those that were asked for because a filter wants them.

export const CASES_MAX = 2000;
export const ASKED_MAX = 200;

export const URGENCIES = ["A", "B", "C"];
export const STAGES = ["waiting", "review", "assigned", "accepted", "suspended", "done", "closed"];
export const ENDED = new Set(["done", "closed"]);
export const FILTERS = ["urgency", "stage", "area", "class", "cell"];

export class Cases {
  constructor() {
    this.byNumber = new Map();
    this.asked = new Set();
  }

  set(one) {
    const known = this.byNumber.get(one.case);
    // An answer to a question may be older than what the stream has said since.
    if (!known || known.changed_at <= one.changed_at) this.byNumber.set(one.case, one);
    // Dropping some at a time keeps the sort rare; the slack is part of the bound.
    if (this.byNumber.size > CASES_MAX) this.dropOldest(CASES_MAX - ASKED_MAX);
  }

  dropOldest(keep) {
    const cases = [...this.byNumber.values()].filter((one) => !this.asked.has(one.case)).sort(newestFirst);
    for (const one of cases.slice(keep - this.asked.size)) this.byNumber.delete(one.case);
  }

  setAsked(cases) {
    this.asked = new Set(cases.map((one) => one.case));
    cases.forEach((one) => this.set(one));
  }

  matching(filter) {
    return [...this.byNumber.values()].filter((one) => matches(one, filter)).sort(newestFirst);
  }

  find(id) {
    return this.byNumber.get(Number(id)) ?? [...this.byNumber.values()].find((one) => one.tracking === id || one.order === id);
  }
}

const newestFirst = (a, b) => b.changed_at - a.changed_at || b.case - a.case;

export const matches = (one, filter) => FILTERS.every((name) => !filter[name] || one[name] === filter[name]);
