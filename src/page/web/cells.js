// Cells with open cases, in flat arrays: 40,000 of them are walked for every picture.

import { count, readBox, text } from "./said.js";

export class Cells {
  constructor() {
    this.slots = new Map();
    this.codes = [];
    this.free = [];
    this.box = new Float64Array(0);
    this.counts = new Uint32Array(0);
    this.sums = { open: 0, urgent: 0, waiting: 0, review: 0 };
  }

  get size() {
    return this.slots.size;
  }

  set(raw) {
    const code = text(raw.cell);
    const box = readBox(raw.box);
    if (!code) return;
    if (count(raw.open) === 0) this.remove(code);
    else if (box) this.put(this.slots.get(code) ?? this.take(code), box, raw);
  }

  take(code) {
    const slot = this.free.pop() ?? this.codes.length;
    if (slot * 4 >= this.box.length) this.grow();
    this.codes[slot] = code;
    this.slots.set(code, slot);
    return slot;
  }

  grow() {
    const room = Math.max(4096, this.box.length * 2);
    const [box, counts] = [new Float64Array(room), new Uint32Array(room)];
    box.set(this.box);
    counts.set(this.counts);
    [this.box, this.counts] = [box, counts];
  }

  put(slot, box, raw) {
    this.box.set(box, slot * 4);
    Cells.COUNTED.forEach((name, i) => {
      this.sums[name] += count(raw[name]) - this.counts[slot * 4 + i];
      this.counts[slot * 4 + i] = count(raw[name]);
    });
  }

  remove(code) {
    const slot = this.slots.get(code);
    if (slot === undefined) return;
    Cells.COUNTED.forEach((name, i) => { this.sums[name] -= this.counts[slot * 4 + i]; });
    this.counts.fill(0, slot * 4, slot * 4 + 4);
    this.codes[slot] = null;
    this.slots.delete(code);
    this.free.push(slot);
  }

  shown(slot) {
    const [open, urgent, waiting, review] = this.counts.subarray(slot * 4, slot * 4 + 4);
    return { cell: this.codes[slot], box: this.box.subarray(slot * 4, slot * 4 + 4), open, urgent, waiting, review };
  }
}
Cells.COUNTED = ["open", "urgent", "waiting", "review"];
