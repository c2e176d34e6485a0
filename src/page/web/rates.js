// Reports of the last seconds by source. A second without a connection is not a second without reports.

export const RATE_SECONDS = 300;
const DELTA_MS = 250;

export class Rates {
  constructor() {
    this.bySource = new Map();
    this.known = new Uint8Array(RATE_SECONDS);
    this.second = Math.floor(performance.now() / 1000);
    this.offered = new Map();
  }

  advance(connected) {
    const now = Math.floor(performance.now() / 1000);
    for (let s = Math.max(this.second + 1, now - RATE_SECONDS + 1); s <= now; s++) this.begin(s % RATE_SECONDS, connected);
    this.second = now;
  }

  begin(slot, connected) {
    for (const counts of this.bySource.values()) counts[slot] = 0;
    this.known[slot] = Number(connected);
  }

  /** What was offered before a snapshot belongs to no second that was seen. */
  reset(sources) {
    this.offered = new Map([...sources.values()].map((source) => [source.name, source.offered]));
  }

  take(sources, connected) {
    this.advance(connected);
    for (const source of sources.values()) {
      const more = source.offered - (this.offered.get(source.name) ?? source.offered);
      this.offered.set(source.name, source.offered);
      if (more > 0) this.spread(source.name, more);
    }
  }

  /** A delta tells of the time since the one before it, which may have begun in the second before. */
  spread(name, more) {
    if (!this.bySource.has(name)) this.bySource.set(name, new Float32Array(RATE_SECONDS));
    const counts = this.bySource.get(name);
    const here = Math.min(1, (performance.now() - this.second * 1000) / DELTA_MS);
    counts[this.second % RATE_SECONDS] += more * here;
    if (here < 1) counts[(this.second - 1) % RATE_SECONDS] += more * (1 - here);
  }

  /** The last `seconds` whole seconds as slots, oldest first. */
  slots(seconds) {
    return Array.from({ length: seconds }, (_, i) => (this.second - seconds + i + RATE_SECONDS) % RATE_SECONDS);
  }

  mean(counts, seconds = 5) {
    const slots = this.slots(seconds).filter((slot) => this.known[slot]);
    return slots.length ? slots.reduce((sum, slot) => sum + counts[slot], 0) / slots.length : 0;
  }

  total() {
    const total = new Float32Array(RATE_SECONDS);
    for (const counts of this.bySource.values()) counts.forEach((n, slot) => { total[slot] += n; });
    return total;
  }
}
