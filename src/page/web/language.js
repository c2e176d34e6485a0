// The choice of a language. Storage may be forbidden; the page then forgets the choice, and works.

import { language, say, speak } from "./words.js";
import { byId, redraw, write } from "./panels.js";
import { paper } from "./paper.js";
import { LANGUAGE, keep } from "./plain.js";

export function setLanguage(choice) {
  speak(choice);
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-t]")) write(element, say(element.dataset.t));
  for (const element of document.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", say(element.dataset.tLabel));
    if (element.matches("button")) element.title = say(element.dataset.tLabel);
  }
  byId("search-id").placeholder = say("search_hint");
  const other = byId("language");
  other.lang = language === "zh" ? "en" : "zh-CN";
  write(other, language === "zh" ? "English" : "中文");
  redraw();
}

export function switchLanguage() {
  setLanguage(language === "zh" ? "en" : "zh");
  keep("localStorage", LANGUAGE, language);
  const address = new URL(location.href);
  if (address.searchParams.has("lang")) {
    address.searchParams.set("lang", language);
    history.replaceState(null, "", address);
  }
  if (byId("paper").open) paper.ask();
}
