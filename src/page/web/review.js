// The review desk: takes the case that presses most, shows what was said and what the machine thought of it, and sends what is decided.

import { authorization, bilingual, byId, keep, kept, keyField, make } from "./plain.js";

const WORDS = {
  zh: {
    name: "派单", title: "研判台", key: "密钥", key_hint: "密钥（如果服务需要）", live: "实时派单台", queue: "待研判", ruling: "裁定",
    no_case: "没有领取案件", who: "研判人", class: "类别", class_hint: "类别代码或名称", condition: "立案条件", condition_hint: "不填则按类别", lng: "经度", lat: "纬度", cell: "单元网格",
    cell_hint: "15 位代码；有坐标则不填", unit: "力量", unit_hint: "不填则按责任清单", send: "裁定并领取下一件（Enter）", take: "领取（n）",
    skip: "先放下（s）", close: "不予立案，结案（x）", keys: "按键：n 领取，1、2 选候选类别，s 先放下，x 结案；输入框内按 Enter 裁定。",
    case_n: "案件 ", total: "共 ", held: "正由他人研判：", mine: "我正在研判", area: "街镇", perhaps: "可能的街镇", none: "队列里没有别人未领取的案件", who_first: "请先填写研判人",
    nothing: "请至少填写类别、地点或力量", ruled: "已裁定，案件 ", goes: "派给 ", closed: "已结案：", failed: "没有成功：", still: "，仍需研判",
    guess: "候选", no_text: "（没有文字）", coordinates: "经度和纬度要一起填写",
    doubt_no_place: "没有地点", doubt_outside_district: "地点在区外", doubt_no_class: "没有类别", doubt_no_department: "责任清单没有对应单位",
    doubt_no_unit: "没有力量", doubt_all_returned: "力量都已退单", doubt_only_accused: "责任单位就是被投诉单位",
  },
  en: {
    name: "paidan", title: "Review desk", key: "Key", key_hint: "Key, if the service wants one", live: "Live page", queue: "To be looked at",
    ruling: "Ruling", no_case: "No case taken", who: "Who decides", class: "Class", class_hint: "Code or name of a class",
    condition: "Filing condition", condition_hint: "Without one, the class's limit", lng: "Longitude",
    lat: "Latitude", cell: "Cell", cell_hint: "15 digits; none beside coordinates", unit: "Unit", unit_hint: "Whom the duty list names",
    send: "Rule, and take the next (Enter)", take: "Take (n)", skip: "Put aside (s)", close: "No matter of ours: close (x)",
    keys: "Keys: n takes, 1 and 2 choose a candidate, s puts aside, x closes; Enter in a field rules.", case_n: "Case ", total: "All: ",
    held: "Others look at it: ", mine: "I look at it", area: "Area", perhaps: "Perhaps", none: "No case is left that nobody has", who_first: "Say first who you are",
    nothing: "Give a class, a place or a unit at least", ruled: "Ruled, case ", goes: "goes to ", closed: "Closed: ", failed: "Not done: ",
    still: ", and must be looked at again", guess: "Candidate", no_text: "(no words)", coordinates: "Give longitude and latitude together",
    doubt_no_place: "no place is known", doubt_outside_district: "it lies outside the district", doubt_no_class: "no class is known",
    doubt_no_department: "the duty list names nobody", doubt_no_unit: "there is no unit", doubt_all_returned: "all units gave it back",
    doubt_only_accused: "a complaint about the only body that answers",
  },
};
const JSON_TYPE = { "Content-Type": "application/json" };
const LISTED = 50;
const REFRESH_MS = 5_000;
const FIELDS = ["category", "condition", "lng", "lat", "cell", "unit"];

const page = bilingual(WORDS, () => {
  byId("classes").replaceChildren(...names.classes.map((one) => make("option", { value: className(one.code) })));
  offerConditions();
  draw();
});
const { say } = page;
let names = { classes: [] };
let queue = { cases: [], total: 0 };
let taken = null;
let story = null;
/** What the class was before anybody chose one. */
let known = "";
/** Something is under way: until it is done, nothing else begins. */
let isBusy = false;

async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { Accept: "application/json", ...options.headers, ...authorization() } });
  const said = await answer.json();
  if (said.error) throw new Error(page.language === "zh" ? said.error.zh : said.error.en);
  return said;
}

function tell(words) {
  byId("state").textContent = words;
}

/** Does something, and tells what went wrong. */
function tried(act) {
  return async (...given) => {
    try {
      await act(...given);
    } catch (error) {
      tell(say("failed") + error.message);
    }
  };
}

/** Something that is done to the case that is shown: one thing at a time, and only to what everybody can see. */
function alone(act) {
  return tried(async (...given) => {
    if (isBusy) return;
    isBusy = true;
    draw();
    try {
      await act(...given);
    } finally {
      isBusy = false;
      draw();
    }
  });
}

const nameIn = (all, code) => {
  const one = all.find((named) => named.code === code);
  return one ? `${code} ${page.language === "zh" ? one.name_zh : one.name_en}` : code ?? "–";
};
const className = (code) => nameIn(names.classes, code);

/** The code of what a list offers by code and name; what it does not offer stays as it is. */
const codeIn = (all, words) => all.find((one) => nameIn(all, one.code) === words)?.code ?? words;

/** The filing conditions of the class that is chosen. */
function conditions() {
  const chosen = codeIn(names.classes, byId("category").value.trim());
  return names.classes.find((one) => one.code === chosen)?.conditions ?? [];
}

function offerConditions() {
  const all = conditions();
  byId("conditions").replaceChildren(...all.map((one) => make("option", { value: nameIn(all, one.code) })));
}

const refresh = tried(async () => {
  queue = await ask(`/v1/review?limit=${LISTED}`);
  drawQueue();
});

async function next(after) {
  const by = byId("who").value.trim();
  if (!by) {
    byId("who").focus();
    return tell(say("who_first"));
  }
  keep("localStorage", "paidan.who", by);
  const asked = new URLSearchParams(after ? { by, after } : { by });
  const got = (await ask(`/v1/review/take?${asked}`, { method: "POST" })).case;
  [taken, story] = [null, null];
  tell(got ? "" : say("none"));
  for (const field of FIELDS) byId(field).value = "";
  draw();
  if (got) {
    // It is nobody's to decide about before it can be read.
    story = await ask(`/v1/explain/${got.case}`);
    [taken, known] = [got, got.class ? className(got.class) : ""];
    byId("category").value = known;
    offerConditions();
    draw();
    byId("case-title").focus();
  }
  // Whoever decides need not wait for the list.
  refresh();
}

const take = alone(next);

const rule = alone(async () => {
  if (!taken) return;
  const ruling = {};
  for (const field of FIELDS) {
    const value = byId(field).value.trim();
    if (value) ruling[field] = ["lng", "lat"].includes(field) ? Number(value) : value;
  }
  // What it was anyway is not said again, unless it is said more exactly.
  if (ruling.category === known && !ruling.condition) delete ruling.category;
  if (ruling.category) ruling.category = codeIn(names.classes, ruling.category);
  if (ruling.condition) ruling.condition = codeIn(conditions(), ruling.condition);
  if (!Object.keys(ruling).length) return tell(say("nothing"));
  if (("lng" in ruling) !== ("lat" in ruling)) return tell(say("coordinates"));
  const got = await send("/v1/rulings", { kind: "ruling", ...ruling });
  if (got.answer !== "ruled") throw new Error([got.reason, got.field].filter(Boolean).join(" · "));
  const goes = got.reason ? say("still") : `：${say("goes")}${got.unit ?? got.department}`;
  await next();
  tell(`${say("ruled")}${got.case}${goes}`);
});

const close = alone(async () => {
  if (!taken) return;
  const { case: number } = taken;
  const got = await send("/v1/actions", { kind: "action", action: "close" });
  if (got.answer !== "closed") throw new Error(got.reason);
  await next();
  tell(say("closed") + number);
});

const skip = alone(async () => {
  if (taken) await next(taken.case);
});

/** Says something about the case that was taken, as the desk. */
function send(path, said) {
  const whole = { source: "desk", id: crypto.randomUUID?.() ?? `${taken.order}/${Date.now()}`, order: taken.order, actor: byId("who").value.trim(), ...said };
  return ask(path, { method: "POST", headers: JSON_TYPE, body: JSON.stringify(whole) });
}

/** The classes that the machine thought of. */
function guesses() {
  const guess = story?.understood?.guess;
  return [guess?.class, guess?.runner_up].filter(Boolean);
}

function draw() {
  byId("case-title").textContent = taken ? say("case_n") + taken.case : say("no_case");
  byId("case-why").textContent = taken?.doubt ? say(`doubt_${taken.doubt}`) : "";
  byId("said").textContent = taken ? story?.came_in?.text ?? say("no_text") : "";
  const { class: likeliest, confidence } = story?.understood?.guess ?? {};
  byId("guesses").replaceChildren(...guesses().map((one, at) => make("li", {}, make("button", {
    class: "quiet", type: "button", onclick: () => choose(at),
  }, `${at + 1} · ${say("guess")} ${className(one.code)}${one === likeliest ? ` ${(confidence / 10).toFixed(1)} %` : ""}`))));
  byId("facts").replaceChildren(...facts().flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
  for (const button of ["send", "skip", "close"]) byId(button).disabled = !taken || isBusy;
  byId("take").disabled = isBusy;
  drawQueue();
}

/** What the report said beside its words, and where the machine thinks that it is. */
function facts() {
  if (!story) return [];
  const { title: _title, text: _text, ...fields } = story.came_in?.fields ?? {};
  const named = (one) => `${one.code} ${page.language === "zh" ? one.zh : one.en}`;
  const { area, areas_named: areas = [] } = story.understood ?? {};
  const said = Object.entries(fields).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]);
  return [...said, ...(area ? [[say("area"), named(area)]] : []), ...areas.map((one) => [say("perhaps"), named(one)])];
}

function drawQueue() {
  byId("total").textContent = say("total") + queue.total;
  byId("queue").replaceChildren(...queue.cases.map((one) => make("li", { "aria-current": String(taken?.case === one.case) },
    make("span", { class: `badge urgency-${one.urgency}` }, one.urgency),
    make("span", { class: "queued" }, `${one.case} · ${className(one.class)}`),
    make("small", { class: "aside" }, held(one) ?? (one.doubt ? say(`doubt_${one.doubt}`) : "")))));
}

/** Who has a case, in words. */
function held({ held_by: by }) {
  if (!by) return null;
  return by === byId("who").value.trim() ? say("mine") : say("held") + by;
}

function choose(at) {
  const one = guesses()[at];
  if (!one) return;
  byId("category").value = className(one.code);
  offerConditions();
  byId("category").focus();
}

function pressed(event) {
  const isTyping = event.target.matches("input, select, textarea");
  if (isTyping || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  const acts = { n: () => take(), s: () => skip(), x: () => close(), 1: () => choose(0), 2: () => choose(1) };
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

async function start() {
  keyField();
  byId("who").value = kept("paidan.who") ?? "";
  byId("ruling").addEventListener("submit", (event) => {
    event.preventDefault();
    rule();
  });
  byId("category").addEventListener("input", offerConditions);
  byId("take").addEventListener("click", () => take());
  byId("skip").addEventListener("click", () => skip());
  byId("close").addEventListener("click", () => close());
  byId("key").addEventListener("change", () => begin());
  // What was told was told in the other language.
  byId("language").addEventListener("click", () => tell(""));
  document.addEventListener("keydown", pressed);
  page.draw();
  await begin();
  setInterval(refresh, REFRESH_MS);
}

const begin = tried(async () => {
  names = await ask("/v1/names");
  page.draw();
  await refresh();
});

start();
