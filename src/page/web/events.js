// Server-sent events over a request that can carry a key: an EventSource cannot.

import { door } from "./key.js";

/** A stream of events; it ends with its connection. */
export class Events {
  constructor(path, { event, end }) {
    this.asking = new AbortController();
    this.take = event;
    this.read(path).catch(() => {}).then(() => this.asking.signal.aborted || end());
  }

  close() {
    this.asking.abort();
  }

  async read(path) {
    const answer = await door.ask(path, { headers: { Accept: "text/event-stream" }, cache: "no-store", signal: this.asking.signal });
    if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("text/event-stream")) return;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done || this.asking.signal.aborted) return;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) this.tell(event);
    }
  }

  tell(event) {
    let [name, data] = ["message", null];
    for (const line of event.split("\n")) {
      if (line.startsWith("event: ")) name = line.slice(7);
      else if (line.startsWith("data: ")) data = line.slice(6);
    }
    if (data !== null && !this.asking.signal.aborted) this.take(name, data);
  }
}
