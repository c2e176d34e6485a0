// The way to the service, with the key where it wants one. The key stays in this tab, and goes into a header: never into an address, and
// never into a cookie that a browser sends for somebody else's page.

import { byId, write } from "./panels.js";
import { errorWords } from "./said.js";
import { language } from "./words.js";

export const door = {
  key: null,

  async ask(path, { headers, ...options } = {}) {
    const key = this.kept();
    const answer = await fetch(path, { ...options, headers: key ? { ...headers, Authorization: `Bearer ${key}` } : { ...headers } });
    if (answer.status === 401 || (answer.status === 403 && key)) await this.want(answer.clone(), key);
    return answer;
  },

  kept() {
    try {
      return sessionStorage.getItem("paidan.key") ?? this.key;
    } catch {
      return this.key;
    }
  },

  keep(key) {
    this.key = key;
    try {
      sessionStorage.setItem("paidan.key", key);
    } catch {
      // A browser that keeps nothing asks again when the page is loaded again.
    }
  },

  get isWanted() {
    return byId("key-dialog").open;
  },

  async want(answer, key) {
    // An answer to a key that has been replaced since says nothing about the new one.
    if (this.isWanted || key !== this.kept()) return;
    write(byId("key-why"), key ? errorWords(await answer.text(), language) ?? "" : "");
    if (!this.isWanted) byId("key-dialog").showModal();
  },

  /** Says when a key was entered, or was not. */
  listen(entered) {
    byId("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.keep(byId("key").value.trim());
      byId("key").value = "";
      byId("key-dialog").close();
    });
    byId("key-dialog").addEventListener("close", entered);
  },
};
