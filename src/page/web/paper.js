// The sheet at the side: what happened to a report, a case or an order, in the service's own words.

import { language, moment, nameOf, say, sayCode, whole } from "./words.js";
import { door } from "./key.js";
import { errorWords } from "./said.js";
import { town } from "./town.js";
import { byId, panels, redraw, write, writePairs } from "./panels.js";
import { dueState, dueWords } from "./list.js";

export const paper = {
  id: null,
  case: null,
  asking: new AbortController(),

  open(id, one = null) {
    [this.id, this.case] = [id, one];
    const dialog = byId("paper");
    if (!dialog.open) dialog.showModal();
    redraw("paper");
    this.ask();
    byId("paper-title").focus();
  },

  async ask() {
    this.asking.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    this.show(say("loading"), "");
    try {
      const answer = await door.ask(`/v1/explain/${encodeURIComponent(this.id)}?lang=${language}`, { headers: { Accept: "text/plain" }, signal });
      const said = await answer.text();
      if (!signal.aborted) this.show(answer.ok ? "" : say("explain_failed", { why: errorWords(said, language) ?? answer.status }), answer.ok ? said : "");
    } catch {
      if (!signal.aborted) this.show(say("explain_failed", { why: say("no_answer") }), "");
    }
  },

  /** What was read is not left lying about. */
  close() {
    this.asking.abort();
    [this.id, this.case] = [null, null];
    this.show("", "");
    write(byId("paper-title"), "");
    writePairs(byId("paper-fields"), []);
  },

  show(state, words) {
    write(byId("paper-state"), state);
    write(byId("paper-text"), words);
    byId("paper-text").hidden = words === "";
  },
};
panels.set("paper", () => {
  if (!byId("paper").open) return;
  const one = paper.case && (town.cases.byNumber.get(paper.case.case) ?? paper.case);
  write(byId("paper-title"), one ? say("case_n", { n: one.case }) : paper.id);
  byId("paper-fields").hidden = !one;
  if (one) writePairs(byId("paper-fields"), caseFields(one).filter(([, , value]) => value));
});

function caseFields(one) {
  const named = (map, code) => code && [nameOf(map.get(code), code), code].filter((words, i, all) => all.indexOf(words) === i).join(" · ");
  const when = (at) => at !== null && moment(at);
  const left = dueState(one) === "none" ? "" : `（${dueState(one) === "over" ? dueWords(one) : say("left", { time: dueWords(one) })}）`;
  return [
    ["urgency", say("urgency"), `${one.urgency} ${sayCode("urgency", one.urgency).replace(one.urgency, "")}`.trim()],
    ["stage", say("stage"), sayCode("stage", one.stage)],
    ["doubt", say("doubt"), one.doubt && sayCode("doubt", one.doubt)],
    ["class", say("class"), named(town.classes, one.class)],
    ["condition", say("condition"), conditionName(one)],
    ["area", say("area"), named(town.areas, one.area)],
    ["cell", say("cell"), one.cell],
    ["department", say("department"), named(town.departments, one.department)],
    ["unit", say("unit"), one.unit],
    ["order", say("order"), one.order],
    ["due", say("due"), when(one.due) && `${when(one.due)}${language === "zh" ? left : left.replace("（", " (").replace("）", ")")}`],
    ["tracking", say("tracking"), one.tracking],
    ["reports", say("reports"), whole.format(one.reports)],
    ["sources", say("sources"), one.sources.map((name) => nameOf(town.sources.get(name), name)).join(language === "zh" ? "、" : ", ")],
    ["opened_at", say("opened_at"), when(one.opened_at)],
    ["changed_at", say("changed_at"), when(one.changed_at || null)],
    ["place", say("place"), one.lng !== null && one.lat !== null && `${one.lng.toFixed(6)}, ${one.lat.toFixed(6)}`],
  ];
}

/** What exactly is the matter, by name where the class has it. */
function conditionName({ class: of, condition: code }) {
  return code && nameOf(town.classes.get(of)?.conditions?.find((condition) => condition.code === code), code);
}

export function listenToPaper() {
  const dialog = byId("paper");
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const id = byId("search-id").value.trim();
    if (id) paper.open(id, town.cases.find(id) ?? null);
  });
  byId("paper-close").addEventListener("click", () => dialog.close());
  // The sheet fills the dialog, so a press on the dialog itself is one beside the sheet.
  dialog.addEventListener("pointerdown", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => {
    paper.close();
    // The row that opened it may have left the list meanwhile.
    if (document.activeElement === document.body) byId("cases-panel").focus({ preventScroll: true });
  });
}
