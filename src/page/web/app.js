// The live page: one stream of events in, a few folds of it, and panels that draw what the folds hold.
//
// `words` and `said` know nothing of the others; `cells`, `cases` and `rates` are folds, `town` holds them; the other modules are panels
// that draw it, and `live` listens. Nothing that a server says is ever parsed as HTML: text goes into the page through textContent and
// canvases only.

import "./alarm.js";
import "./budgets.js";
import "./chart.js";
import "./figures.js";
import "./header.js";
import "./health.js";
import "./stages.js";
import { readHash } from "./filters.js";
import { door } from "./key.js";
import { setLanguage, switchLanguage } from "./language.js";
import { LANGUAGE, kept } from "./plain.js";
import { showSources } from "./ledger.js";
import { listenToCases } from "./list.js";
import { stream } from "./live.js";
import { news } from "./news.js";
import { readPalette } from "./palette.js";
import { byId, redraw } from "./panels.js";
import { listenToPaper } from "./paper.js";
import { listenToMap } from "./steering.js";

function everySecond() {
  redraw("rates", "figures", "due", "cases", "paper");
  news.tell();
}

function listenToScreen() {
  const resized = new ResizeObserver(() => redraw("map", "rates"));
  resized.observe(byId("map"));
  resized.observe(byId("rates"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readPalette();
    redraw("map", "rates");
  });
  document.querySelector(".by-source").addEventListener("toggle", showSources);
  byId("language").addEventListener("click", switchLanguage);
}

readPalette();
readHash();
listenToCases();
listenToMap();
listenToPaper();
listenToScreen();
door.listen(() => stream.begin());
setLanguage(new URLSearchParams(location.search).get("lang") ?? kept(LANGUAGE) ?? "zh");
stream.open();
setInterval(everySecond, 1000);
