// The live page: one stream of events in, a few folds of it, and panels that draw what the folds hold.
//
// From top to bottom: words, reading what a server says, the folds (cells, cases, rates, the town), the panels, the stream.
// Nothing that a server says is ever parsed as HTML: text goes into the page through textContent and canvases only.

const CASES_MAX = 2000;
const ASKED_MAX = 200;
const ROWS_STEP = 100;
const RATE_SECONDS = 300;
const DELTA_MS = 250;
const REORDER_MS = 1000;
const HOLD_AFTER_TOUCH_MS = 10_000;
const NEWS_MS = 10_000;
const DUE_SOON_MS = 15 * 60_000;
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 30_000;

const URGENCIES = ["A", "B", "C"];
const STAGES = ["waiting", "review", "assigned", "accepted", "done", "closed"];
const ENDED = new Set(["done", "closed"]);
const FILTERS = ["urgency", "stage", "area", "class", "cell"];
const HEADINGS = ["opened", "merged", "duplicate", "expired", "rejected", "shed", "observed"];
const LEVELS = 5;
const LEVELS_MS = 60_000;

// ---------------------------------------------------------------------------------------------------------------- words

const WORDS = {
  name: ["派单", "paidan"],
  skip: ["跳到案件列表", "Skip to the list of cases"],
  search_label: ["按编号查询处置经过", "Look up what happened, by id"],
  search_hint: ["上报、案件、工单编号或跟踪号 SL…", "Report, case, order or tracking number SL…"],
  search_go: ["查询", "Look up"],
  log_time: ["日志时间", "Log time"],
  connecting: ["连接中", "Connecting"],
  key_title: ["此服务需要密钥", "This service needs a key"],
  key_label: ["可读取的密钥（paidan keys add --role read）", "A key that may read (paidan keys add --role read)"],
  key_go: ["进入", "Enter"],
  connected: ["实时", "Live"],
  lost: ["连接中断", "Disconnected"],
  lost_alarm: ["与服务的连接中断，页面数据已停止更新，正在自动重连", "Connection lost: what is shown stands still; reconnecting"],
  unreadable_alarm: ["收到无法解读的数据，正在重新取全量", "Received data that cannot be read; fetching everything anew"],
  unwell_alarm: ["服务报告异常", "The service says that it is not well"],
  since: ["自 {time} 起", "since {time}"],
  figures: ["关键指标", "Key figures"],
  open_of: ["{u} 级未结", "Open {u}"],
  urgency_A: ["紧急", "urgent"],
  urgency_B: ["较急", "soon"],
  urgency_C: ["一般", "normal"],
  waiting_now: ["待派", "Waiting"],
  waiting_note: ["等候空闲力量", "for a free unit"],
  review_now: ["待核", "In review"],
  review_note: ["需人工研判", "people must look"],
  rate_now: ["每秒上报", "Reports / s"],
  rate_note: ["5 分钟峰值 {n}", "5-minute peak {n}"],
  met: ["预算达标", "Budgets met"],
  met_note: ["超预算 {n} 件", "{n} missed"],
  map: ["网格态势", "Grid cells"],
  map_sum: ["{cells} 个网格有未结案件，共 {open} 件", "{open} open cases in {cells} cells"],
  map_help: [
    "方向键平移，加减号缩放，0 回到全区；回车只看准星处网格的案件。",
    "Arrow keys pan, plus and minus zoom, 0 fits the city; Enter shows only the cases of the cell under the cross.",
  ],
  map_tools: ["地图缩放", "Map zoom"],
  zoom_in: ["放大", "Zoom in"],
  zoom_out: ["缩小", "Zoom out"],
  zoom_fit: ["显示全区", "Fit the city"],
  legend: ["未结案件", "Open cases"],
  legend_urgent: ["含 A 级", "with urgency A"],
  cell: ["网格", "Cell"],
  open: ["未结", "Open"],
  urgent: ["其中 A 级", "Urgency A"],
  cases: ["案件动态", "Cases as they change"],
  cases_sum: ["显示 {shown} / {all}", "{shown} of {all}"],
  cases_none: ["没有符合条件的案件", "No case matches"],
  cases_wait: ["等待数据…", "Waiting for data…"],
  hold: ["暂停", "Hold"],
  held: ["继续 · {n} 项更新", "Go on · {n} updates"],
  filters: ["筛选案件", "Filter the cases"],
  all: ["全部", "All"],
  clear: ["清除筛选", "Clear"],
  clear_cell: ["不再只看网格 {cell}", "Stop filtering by cell {cell}"],
  more: ["显示更多", "Show more"],
  urgency: ["级别", "Urgency"],
  case: ["案件", "Case"],
  case_n: ["案件 {n}", "Case {n}"],
  stage: ["阶段", "Stage"],
  area: ["街镇", "Area"],
  class: ["类别", "Class"],
  unit: ["力量", "Unit"],
  department: ["单位", "Department"],
  due: ["时限", "Due"],
  changed: ["变更", "Changed"],
  tracking: ["跟踪号", "Tracking number"],
  order: ["工单", "Order"],
  reports: ["上报", "Reports"],
  reports_n: ["{n} 件", "{n} reports"],
  sources: ["来源", "Sources"],
  opened_at: ["立案时间", "Opened"],
  changed_at: ["最近变更", "Last change"],
  place: ["位置", "Place"],
  doubt: ["疑点", "Doubt"],
  overdue: ["超时 {time}", "{time} over"],
  left: ["剩 {time}", "{time} left"],
  days: ["{d} 天 {time}", "{d} d {time}"],
  no_area: ["位置不明", "place unknown"],
  no_class: ["类别不明", "class unknown"],
  stage_waiting: ["待派", "Waiting"],
  stage_review: ["待核", "Review"],
  stage_assigned: ["已派", "Assigned"],
  stage_accepted: ["处置中", "Accepted"],
  stage_done: ["已处置", "Done"],
  stage_closed: ["已结案", "Closed"],
  doubt_no_place: ["没有位置", "no place"],
  doubt_outside_district: ["位置在区外", "outside the district"],
  doubt_no_class: ["没有类别", "no class"],
  doubt_no_department: ["没有责任单位", "no department"],
  doubt_no_unit: ["没有可派力量", "no unit"],
  doubt_all_returned: ["各力量均已退回", "all units gave it back"],
  rates: ["每秒上报（按来源）", "Reports per second, by source"],
  rates_span: ["近 5 分钟", "last 5 minutes"],
  rates_says: ["每秒上报，现在 {n} 件", "Reports per second, {n} now"],
  minutes_ago: ["{n} 分钟前", "{n} min ago"],
  now: ["现在", "now"],
  other: ["其他", "Other"],
  source: ["来源", "Source"],
  per_second: ["件/秒", "per second"],
  budgets: ["处理预算达标", "Time budgets"],
  budgets_span: ["收件到派出，毫秒", "door to decision, ms"],
  budget: ["预算", "Budget"],
  budget_used: ["占预算", "Share of budget"],
  budget_says: ["p99 占预算 {n}", "p99 is {n} of the budget"],
  missed: ["超预算", "Missed"],
  work_assigned: ["即派", "assigned at once"],
  work_waiting: ["先待派", "had to wait"],
  work_review: ["转人工", "to people"],
  work_reassigned: ["改派", "reassigned"],
  work_accepted: ["接单", "accepted"],
  work_returned: ["退单", "returned"],
  work_done: ["办结", "done"],
  work_closed: ["结案", "closed"],
  ledger: ["上报账目", "Ledger of reports"],
  closes: ["账平", "It closes"],
  closes_not: ["账不平，差 {n}", "Does not close: {n} off"],
  offered: ["收到", "Offered"],
  opened: ["立案", "Opened"],
  merged: ["并案", "Merged"],
  duplicate: ["重复", "Duplicate"],
  expired: ["过期", "Expired"],
  rejected: ["拒收", "Rejected"],
  shed: ["限流", "Shed"],
  observed: ["只记不派", "Observed"],
  by_source: ["按来源", "By source"],
  journal: ["日志", "Journal"],
  journal_synced: ["已落盘", "synced"],
  record: ["记录", "Record"],
  uptime: ["运行", "Uptime"],
  door: ["入口 {name}", "Door {name}"],
  feeds: ["订阅", "Feeds"],
  feed_events: ["决定 {n}", "decisions {n}"],
  feed_live: ["页面 {n}", "pages {n}"],
  close: ["关闭", "Close"],
  explanation: ["处置经过", "Explanation"],
  loading: ["正在查询…", "Looking it up…"],
  explain_failed: ["查询失败：{why}", "The look-up failed: {why}"],
  no_answer: ["服务没有应答", "the service does not answer"],
  news: ["过去 {s} 秒 {n} 件案件有变化，其中 A 级 {a} 件", "{n} cases changed in the last {s} seconds, {a} of urgency A"],
};

let language = "zh";

function say(key, values = {}) {
  const word = WORDS[key]?.[language === "zh" ? 0 : 1] ?? key;
  return word.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** A word for a code of the server's, or the code where a newer server has one that is not known here. */
const sayCode = (kind, code) => (WORDS[`${kind}_${code}`] ? say(`${kind}_${code}`) : code);

const nameOf = (named, code) => (language === "zh" ? named?.name_zh : named?.name_en || named?.name) || named?.name_zh || code || "";

const locale = () => (language === "zh" ? "zh-CN" : "en-GB");

let whole, short;

function makeFormats() {
  whole = new Intl.NumberFormat(locale());
  short = new Intl.NumberFormat(locale(), { maximumSignificantDigits: 3 });
}

const two = (n) => String(n).padStart(2, "0");

/** Local time, in the order that reads the same in both languages. */
function clock(at) {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
}

function moment(at) {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(at)}`;
}

/** Rounds down, so that 100 % means that nothing was missed. */
function percent(share) {
  if (!Number.isFinite(share)) return "–";
  const digits = share > 0.99 && share < 1 ? 3 : 1;
  const step = 10 ** (digits + 2);
  return `${(Math.floor(share * step + 1e-9) / step * 100).toFixed(share === 1 || share === 0 ? 0 : digits)}%`;
}

function duration(ms) {
  const seconds = Math.floor(Math.abs(ms) / 1000);
  const [d, h, m, s] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  if (d > 0) return say("days", { d, time: `${two(h)}:${two(m)}` });
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${two(m)}:${two(s)}`;
}

// ------------------------------------------------------------------------------------- reading what a server says

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const objects = (value) => (Array.isArray(value) ? value.filter(isObject) : []);
const number = (value, otherwise = 0) => (Number.isFinite(value) ? value : otherwise);
const count = (value) => Math.max(0, Math.trunc(number(value)));
const text = (value) => (typeof value === "string" && value !== "" ? value : null);
/** What a Date can hold: beyond it formatting would throw. */
const time = (value) => (Number.isFinite(value) && Math.abs(value) <= 8.64e15 ? value : null);

function readBox(value) {
  const fits = Array.isArray(value) && value.length === 4 && value.every(Number.isFinite);
  return fits && value[0] < value[2] && value[1] < value[3] ? value : null;
}

function readCase(raw) {
  if (!Number.isSafeInteger(raw.case)) return null;
  return {
    case: raw.case,
    tracking: text(raw.tracking),
    class: text(raw.class),
    area: text(raw.area),
    cell: text(raw.cell),
    urgency: text(raw.urgency) ?? "?",
    stage: text(raw.stage) ?? "?",
    reports: count(raw.reports),
    sources: Array.isArray(raw.sources) ? raw.sources.filter(text) : [],
    opened_at: time(raw.opened_at),
    changed_at: time(raw.changed_at) ?? 0,
    order: text(raw.order),
    unit: text(raw.unit),
    department: text(raw.department),
    due: time(raw.due),
    doubt: text(raw.doubt),
    lng: Number.isFinite(raw.lng) ? raw.lng : null,
    lat: Number.isFinite(raw.lat) ? raw.lat : null,
  };
}

function readNamed(value) {
  return new Map(objects(value).filter((raw) => text(raw.code)).map((raw) => [raw.code, raw]));
}

function readAreas(value) {
  const areas = readNamed(value);
  for (const area of areas.values()) area.box = readBox(area.box);
  return areas;
}

// ---------------------------------------------------------------------------------------------------------------- folds

/** Cells with open cases, in flat arrays: 40,000 of them are walked for every picture. */
class Cells {
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

/** The cases that changed last, and those that were asked for because a filter wants them. */
class Cases {
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

  /** A case without a place lies in no cell, so that the cells' sums do not know it. */
  withoutCell(stage) {
    let found = 0;
    for (const one of this.byNumber.values()) found += Number(one.cell === null && one.stage === stage);
    return found;
  }
}

const newestFirst = (a, b) => b.changed_at - a.changed_at || b.case - a.case;

const matches = (one, filter) => FILTERS.every((name) => !filter[name] || one[name] === filter[name]);

/** Reports of the last seconds by source. A second without a connection is not a second without reports. */
class Rates {
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

/** Everything that the stream has said. */
const town = {
  ready: false,
  version: 0,
  at: null,
  heardAt: 0,
  city: {},
  areas: new Map(),
  classes: new Map(),
  departments: new Map(),
  totals: {},
  work: {},
  open: {},
  sources: new Map(),
  budgets: new Map(),
  health: {},
  cells: new Cells(),
  cases: new Cases(),
};
const rates = new Rates();
const connection = { state: "connecting", since: null, unreadableSince: null };

/** The log's clock goes on between two records, but not while nobody tells the time. */
function logNow() {
  if (town.at === null) return Date.now();
  return connection.state === "connected" ? town.at + (performance.now() - town.heardAt) : town.at;
}

function takeSnapshot(said) {
  town.ready = true;
  levels.chosenAt = -Infinity;
  town.cells = new Cells();
  town.cases = new Cases();
  [town.sources, town.budgets] = [new Map(), new Map()];
  [town.totals, town.work, town.open, town.health] = [{}, {}, {}, {}];
  town.city = isObject(said.city) ? said.city : {};
  town.areas = readAreas(said.areas);
  town.classes = readNamed(said.classes);
  town.departments = readNamed(said.departments);
  takeMembers(said);
  rates.advance(false);
  rates.reset(town.sources);
}

function takeDelta(said) {
  if (isObject(said.city)) town.city = said.city;
  if (Array.isArray(said.areas)) town.areas = readAreas(said.areas);
  if (Array.isArray(said.classes)) town.classes = readNamed(said.classes);
  if (Array.isArray(said.departments)) town.departments = readNamed(said.departments);
  takeMembers(said);
  rates.take(town.sources, true);
}

function takeMembers(said) {
  town.version = number(said.version, town.version);
  town.at = time(said.at) ?? town.at;
  town.heardAt = performance.now();
  for (const name of ["totals", "work", "open", "health"]) if (isObject(said[name])) town[name] = said[name];
  for (const raw of objects(said.sources)) takeSource(raw);
  for (const raw of objects(said.budgets)) if (text(raw.urgency)) town.budgets.set(raw.urgency, raw);
  for (const raw of objects(said.cells)) town.cells.set(raw);
  for (const raw of objects(said.cases)) takeCase(raw);
}

function takeSource(raw) {
  if (text(raw.name)) town.sources.set(raw.name, { ...raw, offered: count(raw.offered) });
}

function takeCase(raw) {
  const one = readCase(raw);
  if (!one) return;
  town.cases.set(one);
  news.note(one);
}

// -------------------------------------------------------------------------------------------------------- the document

const byId = (id) => document.getElementById(id);

function make(tag, className, content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (content !== undefined) element.textContent = content;
  return element;
}

/** Writes only what differs: a reader's selection and a live region stay undisturbed. */
function write(element, content) {
  if (element.textContent !== content) element.textContent = content;
}

/** Gives a parent one child for each key, in order, and reuses those that are there. */
function keep(parent, keys, create) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const children = keys.map((key) => old.get(String(key)) ?? withKey(create(key), key));
  children.forEach((child, i) => {
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null);
  });
  while (parent.children.length > children.length) parent.lastElementChild.remove();
  return children;
}

function withKey(element, key) {
  element.dataset.key = key;
  return element;
}

/** Fills a <dl> with pairs; the values are kept in place so that only what differs is written. */
function writePairs(list, pairs) {
  const groups = keep(list, pairs.map(([key]) => key), () => {
    const group = make("div");
    group.append(make("dt"), make("dd"));
    return group;
  });
  pairs.forEach(([, label, value], i) => {
    write(groups[i].children[0], label);
    write(groups[i].children[1], value);
  });
}

const badgeClass = (urgency) => `badge ${URGENCIES.includes(urgency) ? `urgency-${urgency}` : "urgency-other"}`;

const panels = new Map();
const stale = new Set();
let frame = 0;

/** Panels are drawn once a frame at most, however much was said in between. */
function redraw(...names) {
  for (const name of names.length ? names : panels.keys()) stale.add(name);
  frame ||= requestAnimationFrame(drawStale);
}

function drawStale() {
  frame = 0;
  const names = [...stale];
  stale.clear();
  for (const name of names) panels.get(name)();
}

// --------------------------------------------------------------------------------------------------------------- header

panels.set("header", () => {
  write(byId("city"), nameOf(town.city, ""));
  byId("log-time").title = town.at === null ? "" : moment(town.at);
  write(byId("log-time"), town.at === null ? "–" : moment(town.at));
  byId("connection").dataset.state = connection.state;
  write(byId("connection-text"), say(connection.state));
  document.title = [say("name"), nameOf(town.city, "")].filter(Boolean).join(" · ");
});

// ---------------------------------------------------------------------------------------------------------------- alarm

const alarms = new Map();

function alarmsNow() {
  const now = [];
  if (connection.state === "lost") now.push(["lost", say("lost_alarm"), connection.since]);
  if (connection.unreadableSince) now.push(["unreadable", say("unreadable_alarm"), connection.unreadableSince]);
  if (town.health.ok === false) now.push(...healthAlarms());
  return now;
}

function healthAlarms() {
  const said = objects(town.health.alarms).map((raw) => text(language === "zh" ? raw.zh : raw.en) ?? text(raw.zh) ?? text(raw.en));
  const named = said.filter(Boolean);
  const known = objects(town.health.alarms).map((raw) => text(raw.en) ?? text(raw.zh)).filter(Boolean);
  return named.length ? named.map((words, i) => [`health ${known[i]}`, words, null]) : [["health", say("unwell_alarm"), null]];
}

panels.set("alarm", () => {
  const now = alarmsNow();
  for (const key of [...alarms.keys()]) if (!now.some(([other]) => other === key)) alarms.delete(key);
  for (const [key, , since] of now) if (!alarms.has(key)) alarms.set(key, since ?? logNow());
  const banner = byId("alarm");
  banner.hidden = now.length === 0;
  const lines = keep(banner, now.map(([key]) => key), alarmLine);
  now.forEach(([key, words], i) => {
    write(lines[i].children[0], words);
    write(lines[i].children[1], say("since", { time: moment(alarms.get(key)) }));
  });
});

function alarmLine() {
  const line = make("p");
  line.append(make("strong"), make("span"));
  return line;
}

// -------------------------------------------------------------------------------------------------------------- figures

const FIGURES = [
  ...URGENCIES.map((u) => ({ key: u, filter: ["urgency", u], show: () => openFigure(u) })),
  { key: "waiting", filter: ["stage", "waiting"], show: () => stageFigure("waiting") },
  { key: "review", filter: ["stage", "review"], show: () => stageFigure("review") },
  { key: "rate", show: rateFigure },
  { key: "met", show: metFigure },
];

function openFigure(u) {
  return { label: say("open_of", { u }), value: whole.format(count(town.open[u])), note: say(`urgency_${u}`) };
}

function stageFigure(stage) {
  const value = town.cells.sums[stage] + town.cases.withoutCell(stage);
  return { label: say(`${stage}_now`), value: whole.format(value), note: say(`${stage}_note`) };
}

function rateFigure() {
  const total = rates.total();
  const peak = Math.max(0, ...rates.slots(RATE_SECONDS - 1).map((slot) => total[slot]));
  return { label: say("rate_now"), value: short.format(rates.mean(total)), note: say("rate_note", { n: short.format(peak) }) };
}

function metFigure() {
  let [reports, missed] = [0, 0];
  for (const budget of town.budgets.values()) [reports, missed] = [reports + count(budget.reports), missed + count(budget.missed)];
  return { label: say("met"), value: percent(1 - missed / reports), note: say("met_note", { n: whole.format(missed) }), bad: missed > 0 };
}

function makeFigure(key) {
  const { filter } = FIGURES.find((figure) => figure.key === key);
  const item = make("li");
  const box = make(filter ? "button" : "div", `figure figure-${key}`);
  box.append(make("span", "figure-label"), make("span", "figure-value"), make("span", "figure-note"));
  if (filter) {
    box.type = "button";
    box.addEventListener("click", () => setFilter(filter[0], filters[filter[0]] === filter[1] ? "" : filter[1]));
  }
  item.append(box);
  return item;
}

panels.set("figures", () => {
  const items = keep(byId("figures"), FIGURES.map((figure) => figure.key), makeFigure);
  FIGURES.forEach(({ filter, show }, i) => {
    const box = items[i].firstElementChild;
    const { label, value, note, bad } = show();
    write(box.children[0], label);
    write(box.children[1], town.ready ? value : "–");
    write(box.children[2], note);
    box.classList.toggle("bad", Boolean(bad));
    if (filter) box.setAttribute("aria-pressed", String(filters[filter[0]] === filter[1]));
  });
});

// -------------------------------------------------------------------------------------------------------------- filters

const filters = Object.fromEntries(FILTERS.map((name) => [name, ""]));

function readHash() {
  const said = new URLSearchParams(location.hash.slice(1));
  for (const name of FILTERS) filters[name] = said.get(name) ?? "";
}

function writeHash() {
  const said = String(new URLSearchParams(Object.entries(filters).filter(([, value]) => value)));
  history.replaceState(null, "", `${location.pathname}${location.search}${said && `#${said}`}`);
}

function setFilter(name, value) {
  filters[name] = value;
  writeHash();
  filterChanged();
}

function filterChanged() {
  caseList.startOver();
  redraw("filters", "figures", "cases", "map");
  askForCases();
}

let asking = new AbortController();

/** The stream brings the newest cases only; older ones that a filter wants are asked for. */
async function askForCases() {
  asking.abort();
  asking = new AbortController();
  const query = caseQuery();
  if (!query) return town.cases.setAsked([]);
  try {
    const answer = await door.ask(`/v1/cases?${query}`, { signal: asking.signal });
    const said = answer.ok ? await answer.json() : null;
    const cases = objects(said?.cases).map(readCase).filter(Boolean);
    town.cases.setAsked(cases.filter((one) => matches(one, filters)).slice(0, ASKED_MAX));
    caseList.wanted = true;
    redraw("cases");
  } catch {
    // Without an answer the list shows what the stream has told; the banner tells if the service is gone.
  }
}

function caseQuery() {
  const wanted = Object.entries(filters).filter(([name, value]) => value && name !== "cell");
  // Nobody can be asked for a cell, but for its area.
  const area = filters.cell && !filters.area ? areaOfCell(filters.cell) : null;
  if (area) wanted.push(["area", area.code]);
  if (!wanted.length) return null;
  return new URLSearchParams([...wanted, ["limit", filters.cell ? 1000 : ASKED_MAX]]);
}

function areaOfCell(code) {
  for (const area of town.areas.values()) if (code.startsWith(area.code)) return area;
  const slot = town.cells.slots.get(code);
  return slot === undefined ? null : areaAround(town.cells.shown(slot).box);
}

function areaAround([west, south, east, north]) {
  const [lng, lat] = [(west + east) / 2, (south + north) / 2];
  const around = ({ box }) => box && box[0] <= lng && lng < box[2] && box[1] <= lat && lat < box[3];
  return [...town.areas.values()].find(around) ?? null;
}

function filterChoices(name) {
  if (name === "urgency") return URGENCIES.map((u) => [u, `${u} ${say(`urgency_${u}`)}`]);
  if (name === "stage") return STAGES.map((stage) => [stage, say(`stage_${stage}`)]);
  const named = name === "area" ? town.areas : town.classes;
  return [...named.values()].map((one) => [one.code, nameOf(one, one.code)]);
}

function writeChoices(select) {
  const choices = [["", say("all")], ...filterChoices(select.name)];
  const value = filters[select.name];
  // An address may name what the city has no more: it is shown, or nobody would see why the list is empty.
  if (!choices.some(([code]) => code === value)) choices.push([value, value]);
  const options = keep(select, choices.map(([code]) => code), (code) => Object.assign(make("option"), { value: code }));
  choices.forEach(([, words], i) => write(options[i], words));
  select.value = value;
  select.classList.toggle("set", value !== "");
}

panels.set("filters", () => {
  for (const select of byId("filters").querySelectorAll("select")) writeChoices(select);
  const chip = byId("cell-chip");
  chip.hidden = !filters.cell;
  write(chip, `${say("cell")} ${filters.cell} ×`);
  chip.setAttribute("aria-label", say("clear_cell", { cell: filters.cell }));
  byId("clear").hidden = !FILTERS.some((name) => filters[name]);
});

// ---------------------------------------------------------------------------------------------------------------- cases

/** Rows that stand still long enough to be read: their order changes once a second, and not while somebody is busy there. */
const caseList = {
  order: [],
  limit: ROWS_STEP,
  orderedAt: 0,
  /** Somebody asked for another list than the one that is shown: it comes at once, also while it is held. */
  wanted: true,
  touchedAt: -Infinity,
  pressed: false,
  missed: new Set(),
  current: null,

  startOver() {
    [this.limit, this.wanted] = [ROWS_STEP, true];
    byId("case-scroll").scrollTop = 0;
  },

  held() {
    return this.pressed || performance.now() - this.touchedAt < HOLD_AFTER_TOUCH_MS;
  },

  note(one) {
    if (this.held() && matches(one, filters)) this.missed.add(one.case);
    // Held for a whole shift it would otherwise remember every case of it.
    if (this.missed.size > CASES_MAX) this.missed.delete(this.missed.values().next().value);
  },

  /** The cases to show, newest first, and how many there are. */
  arrange() {
    const all = town.cases.matching(filters);
    if (this.wanted || (!this.held() && performance.now() - this.orderedAt >= REORDER_MS)) this.reorder(all);
    const known = this.order.map((n) => town.cases.byNumber.get(n)).filter(Boolean);
    // What stands still keeps its row, even when it has gone on to a stage that the filter does not show.
    return { shown: this.held() ? known : known.filter((one) => matches(one, filters)), all };
  },

  reorder(all) {
    this.order = all.slice(0, this.limit).map((one) => one.case);
    [this.orderedAt, this.wanted] = [performance.now(), false];
    this.missed.clear();
  },
};

panels.set("cases", () => {
  const { shown, all } = caseList.arrange();
  const body = byId("case-rows");
  const focused = document.activeElement?.closest("#case-rows tr")?.dataset.key;
  const rows = keep(body, shown.map((one) => one.case), makeRow);
  shown.forEach((one, i) => writeRow(rows[i], one));
  keepOneTabStop(rows);
  if (focused) focusRow(rows.find((row) => row.dataset.key === focused) ?? rows[0]);
  write(byId("cases-sum"), town.ready ? say("cases_sum", { shown: whole.format(shown.length), all: whole.format(all.length) }) : "");
  byId("case-none").hidden = shown.length > 0;
  write(byId("case-none"), say(town.ready ? "cases_none" : "cases_wait"));
  byId("more").hidden = all.length <= shown.length;
  writeHold();
});

function makeRow() {
  const row = make("tr");
  row.setAttribute("role", "row");
  for (const name of ["urgency", "case", "stage", "unit", "due", "changed"]) {
    const cell = make("td", `col-${name}`);
    cell.setAttribute("role", "cell");
    row.append(cell);
  }
  const [urgency, what, stage, unit, due, changed] = row.children;
  urgency.append(make("span"));
  what.append(Object.assign(make("button", "case-name"), { type: "button" }), make("span", "sub"));
  stage.append(make("span"), make("span", "sub"));
  for (const cell of [unit, due]) cell.append(make("span", "main"), make("span", "sub"));
  changed.append(make("time"));
  return row;
}

function writeRow(row, one) {
  const [urgency, what, stage, unit, due, changed] = row.children;
  urgency.firstChild.className = badgeClass(one.urgency);
  write(urgency.firstChild, one.urgency);
  write(what.children[0], one.class ? nameOf(town.classes.get(one.class), one.class) : say("no_class"));
  write(what.children[1], caseNote(one));
  stage.firstChild.className = `stage stage-${STAGES.includes(one.stage) ? one.stage : "other"}`;
  write(stage.children[0], sayCode("stage", one.stage));
  write(stage.children[1], one.doubt ? sayCode("doubt", one.doubt) : "");
  write(unit.children[0], one.unit ?? "–");
  write(unit.children[1], nameOf(town.departments.get(one.department), one.department));
  writeDue(due, one);
  write(changed.firstChild, clock(one.changed_at));
  changed.firstChild.title = moment(one.changed_at);
  row.classList.toggle("ended", ENDED.has(one.stage));
}

function caseNote(one) {
  const place = one.area ? nameOf(town.areas.get(one.area), one.area) : say("no_area");
  const reports = one.reports > 1 ? say("reports_n", { n: whole.format(one.reports) }) : null;
  return [`#${one.case}`, place, reports].filter(Boolean).join(" · ");
}

function dueState(one) {
  if (one.due === null || ENDED.has(one.stage)) return "none";
  const left = one.due - logNow();
  if (left < 0) return "over";
  return left < DUE_SOON_MS ? "soon" : "calm";
}

function dueWords(one) {
  const state = dueState(one);
  if (state === "none") return "–";
  const passed = duration(one.due - logNow());
  return state === "over" ? `▲ ${say("overdue", { time: passed })}` : passed;
}

function writeDue(cell, one) {
  cell.dataset.due = dueState(one);
  write(cell.children[0], dueWords(one));
  write(cell.children[1], one.due === null || ENDED.has(one.stage) ? "" : clock(one.due).slice(0, 5));
}

function keepOneTabStop(rows) {
  const current = rows.find((row) => row.dataset.key === caseList.current) ?? rows[0];
  caseList.current = current?.dataset.key ?? null;
  for (const row of rows) row.querySelector("button").tabIndex = row === current ? 0 : -1;
}

/** Moving a row in the document takes the focus away from it, so it is given back. */
function focusRow(row, options = { preventScroll: true }) {
  const target = row?.querySelector("button") ?? byId("cases-panel");
  if (document.activeElement !== target) target.focus(options);
}

function writeHold() {
  const button = byId("hold");
  const held = caseList.held();
  button.setAttribute("aria-pressed", String(caseList.pressed));
  button.classList.toggle("on", held);
  write(button, held ? say("held", { n: whole.format(caseList.missed.size) }) : say("hold"));
}

panels.set("due", () => {
  for (const row of byId("case-rows").children) {
    const one = town.cases.byNumber.get(Number(row.dataset.key));
    if (one) writeDue(row.children[4], one);
  }
});

const ROW_KEYS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };

function moveInRows(event) {
  const step = ROW_KEYS[event.key];
  const row = event.target.closest("tr");
  if (step === undefined || !row) return;
  event.preventDefault();
  const rows = [...byId("case-rows").children];
  const to = rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(row) + step))];
  caseList.current = to.dataset.key;
  keepOneTabStop(rows);
  focusRow(to, {});
}

function openRow(event) {
  const row = event.target.closest("tr");
  const one = row && town.cases.byNumber.get(Number(row.dataset.key));
  // Selecting text in a row is not a wish to leave it.
  if (!one || String(getSelection())) return;
  caseList.current = row.dataset.key;
  focusRow(row);
  paper.open(String(one.case), one);
}

function releaseOrHold() {
  const held = caseList.held();
  caseList.pressed = !held;
  caseList.touchedAt = -Infinity;
  caseList.wanted = held;
  redraw("cases");
}

function listenToCases() {
  const body = byId("case-rows");
  const touched = () => { caseList.touchedAt = performance.now(); };
  for (const name of ["pointermove", "pointerdown", "keydown", "wheel", "focusin"]) body.addEventListener(name, touched, { passive: true });
  body.addEventListener("keydown", moveInRows);
  body.addEventListener("click", openRow);
  byId("hold").addEventListener("click", releaseOrHold);
  byId("more").addEventListener("click", () => {
    caseList.limit += ROWS_STEP;
    caseList.wanted = true;
    redraw("cases");
  });
  byId("filters").addEventListener("change", ({ target }) => setFilter(target.name, target.value));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("cell-chip").addEventListener("click", () => {
    setFilter("cell", "");
    byId("filters").querySelector("select").focus();
  });
  byId("filters").addEventListener("reset", (event) => {
    event.preventDefault();
    for (const name of FILTERS) filters[name] = "";
    writeHash();
    filterChanged();
    byId("filters").querySelector("select").focus();
  });
  addEventListener("hashchange", () => {
    readHash();
    filterChanged();
  });
}

/** One sentence at a time for those who listen: what changed, ten seconds apart at least. */
const news = {
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

// ------------------------------------------------------------------------------------------------------------------ map

const palette = {};

/** Canvases know no style sheet: they are told its colours, again whenever the scheme changes. */
function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  palette.levels = Array.from({ length: LEVELS }, (_, i) => colour(`level-${i + 1}`));
  palette.series = Array.from({ length: 12 }, (_, i) => colour(`series-${i + 1}`));
  for (const name of ["urgent", "land", "line", "line-strong", "ink", "muted", "series-other", "accent", "unknown"]) palette[name] = colour(name);
  palette.font = style.getPropertyValue("--font").trim();
}

/** Makes a canvas as fine as the screen; its drawing is in CSS pixels. */
function prepare(canvas) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** From how many open cases on a cell has which colour. It follows the city's day, but not every case: once a minute. */
const levels = {
  from: [1, 2, 4, 8, 16],
  chosenAt: -Infinity,

  choose() {
    const { counts, codes, size } = town.cells;
    if (performance.now() - this.chosenAt < LEVELS_MS || size === 0) return;
    this.chosenAt = performance.now();
    const open = Uint32Array.from(codes, (_, slot) => counts[slot * 4]).sort();
    const ninth = open[Math.floor(open.length * 0.9)];
    // Nine cells of ten lie below the last colour, so that it says something.
    const unit = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((n) => 16 * n >= ninth) ?? 1000;
    this.from = [1, 2 * unit, 4 * unit, 8 * unit, 16 * unit];
    redraw("legend");
  },

  of(open) {
    return this.from.findLastIndex((from) => open >= from);
  },
};

const view = {
  lng: 0,
  lat: 0,
  /** CSS pixels a degree of latitude. */
  scale: 0,
  fitted: true,
  hover: null,
  byKeyboard: false,

  bounds() {
    return readBox(town.city.bounds) ?? [121.4, 30.8, 122.1, 31.5];
  },

  /** A degree of longitude is shorter than one of latitude by so much. */
  squeeze() {
    const [, south, , north] = this.bounds();
    return Math.cos(((south + north) / 2) * (Math.PI / 180));
  },

  fitScale(width, height) {
    const [west, south, east, north] = this.bounds();
    return Math.max(1, Math.min((width - 24) / ((east - west) * this.squeeze()), (height - 24) / (north - south)));
  },

  fit(width, height) {
    const [west, south, east, north] = this.bounds();
    [this.lng, this.lat, this.scale] = [(west + east) / 2, (south + north) / 2, this.fitScale(width, height)];
  },

  /** Where degrees lie on a canvas of this size: x = lng · kx + x0, y = y0 − lat · ky. */
  plane(width, height) {
    if (this.fitted || !this.scale) this.fit(width, height);
    const [kx, ky] = [this.scale * this.squeeze(), this.scale];
    return { kx, ky, x0: width / 2 - this.lng * kx, y0: height / 2 + this.lat * ky, width, height };
  },

  pan(dx, dy) {
    const [west, south, east, north] = this.bounds();
    this.lng = Math.min(east, Math.max(west, this.lng - dx / (this.scale * this.squeeze())));
    this.lat = Math.min(north, Math.max(south, this.lat + dy / this.scale));
    this.fitted = false;
    redraw("map");
  },

  /** Zooms so that the point under (x, y), from the middle of the canvas, stays where it is. */
  zoom(factor, x = 0, y = 0) {
    const { clientWidth, clientHeight } = byId("map");
    const fit = this.fitScale(clientWidth, clientHeight);
    const scale = Math.min(fit * 80, Math.max(fit * 0.8, this.scale * factor));
    const grown = scale / this.scale;
    this.scale = scale;
    this.pan(x - x * grown, y - y * grown);
  },
};

function screenBox([west, south, east, north], { kx, ky, x0, y0 }) {
  return [west * kx + x0, y0 - north * ky, (east - west) * kx, (north - south) * ky];
}

/** The slots of visible cells by colour, urgent ones apart: they are drawn above the others. */
function sortVisible(plane) {
  const sorted = { calm: palette.levels.map(() => []), urgent: palette.levels.map(() => []), seen: 0 };
  const { box, counts, codes } = town.cells;
  const [west, east] = [-plane.x0 / plane.kx, (plane.width - plane.x0) / plane.kx];
  const [north, south] = [plane.y0 / plane.ky, (plane.y0 - plane.height) / plane.ky];
  for (let slot = 0, i = 0; slot < codes.length; slot++, i += 4) {
    if (counts[i] === 0 || box[i + 2] < west || box[i] > east || box[i + 3] < south || box[i + 1] > north) continue;
    (counts[i + 1] > 0 ? sorted.urgent : sorted.calm)[levels.of(counts[i])].push(slot);
    sorted.seen++;
  }
  return sorted;
}

/** Seen from afar a cell is a pixel or two: few ones are drawn larger than they are, so that they can be seen and hit. */
const sideMin = (seen) => (seen < 2000 ? 5 : seen < 10_000 ? 3 : 1.5);

function fillCells(pen, plane, slots, least, grow) {
  const { box } = town.cells;
  for (const slot of slots) {
    const i = slot * 4;
    const [w, h] = [(box[i + 2] - box[i]) * plane.kx, (box[i + 3] - box[i + 1]) * plane.ky];
    // A hair of ground between neighbours, where they are large enough for it.
    const [sw, sh] = [Math.max(least, w > 6 ? w - 1 : w) + grow, Math.max(least, h > 6 ? h - 1 : h) + grow];
    pen.fillRect(box[i] * plane.kx + plane.x0 + (w - sw) / 2, plane.y0 - box[i + 3] * plane.ky + (h - sh) / 2, sw, sh);
  }
}

function drawCells(pen, plane) {
  const { calm, urgent, seen } = sortVisible(plane);
  const least = sideMin(seen);
  const rim = seen < 10_000 ? 2.5 : 1.5;
  calm.forEach((slots, level) => {
    pen.fillStyle = palette.levels[level];
    fillCells(pen, plane, slots, least, 0);
  });
  pen.fillStyle = palette.urgent;
  for (const slots of urgent) fillCells(pen, plane, slots, least, rim);
  urgent.forEach((slots, level) => {
    pen.fillStyle = palette.levels[level];
    fillCells(pen, plane, slots, least, 0);
  });
}

function drawLand(pen, plane) {
  pen.fillStyle = palette.land;
  pen.strokeStyle = palette.line;
  pen.lineWidth = 1;
  const boxes = [...town.areas.values()].filter((area) => area.box).map((area) => screenBox(area.box, plane));
  for (const box of boxes) pen.fillRect(...box);
  for (const [x, y, w, h] of boxes) pen.strokeRect(Math.round(x) + 0.5, Math.round(y) + 0.5, Math.round(w), Math.round(h));
  pen.strokeStyle = palette["line-strong"];
  pen.strokeRect(...screenBox(view.bounds(), plane));
}

/** Breaks a name at its spaces into lines that fit, or gives none if one word is too long. */
function linesThatFit(pen, name, width) {
  const lines = [];
  for (const word of name.split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && pen.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.every((line) => pen.measureText(line).width <= width) ? lines : [];
}

function drawNames(pen, plane) {
  pen.font = `11px ${palette.font}`;
  pen.textBaseline = "top";
  pen.lineJoin = "round";
  pen.lineWidth = 3;
  pen.strokeStyle = palette.land;
  pen.fillStyle = palette.muted;
  for (const area of town.areas.values()) {
    if (area.box) drawName(pen, nameOf(area, area.code), screenBox(area.box, plane), plane);
  }
}

function drawName(pen, name, [x, y, w, h], plane) {
  // Of an area that is cut off at the left or the top, the name stays in sight.
  const [left, top] = [Math.max(x, 0) + 5, Math.max(y, 0) + 5];
  const lines = linesThatFit(pen, name, Math.min(x + w, plane.width) - left - 3);
  if (!lines.length || top + lines.length * 13 > Math.min(y + h, plane.height)) return;
  lines.forEach((line, i) => {
    pen.strokeText(line, left, top + i * 13);
    pen.fillText(line, left, top + i * 13);
  });
}

function outlineCell(pen, plane, code, colour, width) {
  const slot = town.cells.slots.get(code);
  if (slot === undefined) return;
  const [x, y, w, h] = screenBox(town.cells.shown(slot).box, plane);
  const [sw, sh] = [Math.max(w, 7) + 4, Math.max(h, 7) + 4];
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.strokeRect(x + (w - sw) / 2, y + (h - sh) / 2, sw, sh);
}

function drawCross(pen, { width, height }) {
  pen.strokeStyle = palette.ink;
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    pen.moveTo(width / 2 + dx * 6, height / 2 + dy * 6);
    pen.lineTo(width / 2 + dx * 16, height / 2 + dy * 16);
  }
  pen.stroke();
}

panels.set("map", () => {
  const { pen, width, height } = prepare(byId("map"));
  const plane = view.plane(width, height);
  levels.choose();
  drawLand(pen, plane);
  drawCells(pen, plane);
  drawNames(pen, plane);
  if (view.byKeyboard) view.hover = cellNear(width / 2, height / 2, 40);
  outlineCell(pen, plane, filters.cell, palette.ink, 2.5);
  outlineCell(pen, plane, view.hover, palette.accent, 2);
  if (view.byKeyboard) drawCross(pen, plane);
  writeTip(plane);
  const { size, sums } = town.cells;
  write(byId("map-sum"), town.ready ? say("map_sum", { cells: whole.format(size), open: whole.format(sums.open) }) : "");
});

/** The code of the cell at a point of the canvas, or of the nearest one within `reach` pixels. */
function cellNear(x, y, reach) {
  const { clientWidth, clientHeight } = byId("map");
  const { kx, ky, x0, y0 } = view.plane(clientWidth, clientHeight);
  const { box, counts, codes } = town.cells;
  let [best, code] = [reach * reach, null];
  for (let slot = 0, i = 0; slot < codes.length; slot++, i += 4) {
    if (counts[i] === 0) continue;
    const dx = Math.max(box[i] * kx + x0 - x, 0, x - (box[i + 2] * kx + x0));
    const dy = Math.max(y0 - box[i + 3] * ky - y, 0, y - (y0 - box[i + 1] * ky));
    const away = dx * dx + dy * dy;
    if (away < best) [best, code] = [away, codes[slot]];
  }
  return code;
}

function writeTip(plane) {
  const tip = byId("map-tip");
  const slot = town.cells.slots.get(view.hover);
  tip.hidden = slot === undefined;
  if (tip.hidden) return;
  const cell = town.cells.shown(slot);
  const area = areaOfCell(cell.cell);
  const pairs = [["open", say("open"), cell.open], ["urgent", say("urgent"), cell.urgent],
    ["waiting", say("waiting_now"), cell.waiting], ["review", say("review_now"), cell.review]];
  if (!tip.children.length) tip.append(make("strong"), make("span", "tip-code"), make("dl"));
  write(tip.children[0], nameOf(area, area?.code));
  write(tip.children[1], `${say("cell")} ${cell.cell}`);
  writePairs(tip.children[2], pairs.map(([key, label, n]) => [key, label, whole.format(n)]));
  placeTip(tip, screenBox(cell.box, plane), plane);
  const told = [nameOf(area, area?.code), cell.cell, ...pairs.map(([, label, n]) => `${label} ${n}`)].join(" ");
  if (view.byKeyboard) write(byId("map-says"), told);
}

function placeTip(tip, [x, y, w, h], { width, height }) {
  const [tw, th] = [tip.offsetWidth, tip.offsetHeight];
  const left = x + w + 12 + tw > width ? x - tw - 12 : x + w + 12;
  const top = y + h / 2 - th / 2;
  tip.style.left = `${Math.max(4, Math.min(width - tw - 4, left))}px`;
  tip.style.top = `${Math.max(4, Math.min(height - th - 4, top))}px`;
}

function setHover(code) {
  if (view.hover === code) return;
  view.hover = code;
  redraw("map");
}

function chooseCell(code) {
  if (code) setFilter("cell", filters.cell === code ? "" : code);
}

const MAP_KEYS = {
  ArrowLeft: (far) => view.pan(far, 0),
  ArrowRight: (far) => view.pan(-far, 0),
  ArrowUp: (far) => view.pan(0, far),
  ArrowDown: (far) => view.pan(0, -far),
  "+": () => view.zoom(1.4),
  "=": () => view.zoom(1.4),
  "-": () => view.zoom(1 / 1.4),
  _: () => view.zoom(1 / 1.4),
  0: fitCity,
  Home: fitCity,
  Enter: () => chooseCell(view.hover),
  Escape: () => setFilter("cell", ""),
};

function fitCity() {
  view.fitted = true;
  redraw("map");
}

function onMapKey(event) {
  const act = MAP_KEYS[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  view.byKeyboard = true;
  act(event.shiftKey ? 200 : 60);
  redraw("map");
}

/** Fingers and mice on the map: one pans, two zoom, a touch without a way chooses. */
const pointers = { down: new Map(), moved: 0 };

function fromMiddle(canvas, { clientX, clientY }) {
  const rect = canvas.getBoundingClientRect();
  return [clientX - rect.left - rect.width / 2, clientY - rect.top - rect.height / 2];
}

function onPointerMove(event) {
  const canvas = event.currentTarget;
  const before = pointers.down.get(event.pointerId);
  const { offsetX, offsetY, clientX, clientY } = event;
  view.byKeyboard = false;
  if (!before) return setHover(cellNear(offsetX, offsetY, 6));
  const [dx, dy] = [clientX - before.clientX, clientY - before.clientY];
  pointers.moved += Math.abs(dx) + Math.abs(dy);
  const other = [...pointers.down].find(([id]) => id !== event.pointerId)?.[1];
  if (other) pinch(canvas, before, event, other);
  else if (pointers.moved > 4) view.pan(dx, dy);
  pointers.down.set(event.pointerId, { clientX, clientY });
}

function pinch(canvas, before, after, other) {
  const apart = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY);
  const [x, y] = fromMiddle(canvas, { clientX: (after.clientX + other.clientX) / 2, clientY: (after.clientY + other.clientY) / 2 });
  view.zoom(apart(after) / Math.max(1, apart(before)), x, y);
  view.pan((after.clientX - before.clientX) / 2, (after.clientY - before.clientY) / 2);
}

function onPointerDown(event) {
  if (event.button !== 0) return;
  if (pointers.down.size === 0) pointers.moved = 0;
  pointers.down.set(event.pointerId, { clientX: event.clientX, clientY: event.clientY });
  event.currentTarget.setPointerCapture(event.pointerId);
}

function onPointerUp(event) {
  const wasDown = pointers.down.delete(event.pointerId);
  if (!wasDown || pointers.moved > 4 || event.type === "pointercancel") return;
  const code = cellNear(event.offsetX, event.offsetY, event.pointerType === "touch" ? 16 : 6);
  setHover(code);
  chooseCell(code);
}

function onWheel(event) {
  event.preventDefault();
  const lines = event.deltaMode === 1 ? 16 : 1;
  view.zoom(Math.exp(-event.deltaY * lines * 0.0015), ...fromMiddle(event.currentTarget, event));
}

function listenToMap() {
  const canvas = byId("map");
  canvas.addEventListener("pointermove", onPointerMove);
  canvas.addEventListener("pointerdown", onPointerDown);
  canvas.addEventListener("pointerup", onPointerUp);
  canvas.addEventListener("pointercancel", onPointerUp);
  canvas.addEventListener("pointerleave", () => { if (!view.byKeyboard) setHover(null); });
  canvas.addEventListener("wheel", onWheel, { passive: false });
  canvas.addEventListener("keydown", onMapKey);
  canvas.addEventListener("focus", () => {
    view.byKeyboard = canvas.matches(":focus-visible");
    redraw("map");
  });
  canvas.addEventListener("blur", () => {
    view.byKeyboard = false;
    setHover(null);
  });
  byId("zoom-in").addEventListener("click", () => view.zoom(1.6));
  byId("zoom-out").addEventListener("click", () => view.zoom(1 / 1.6));
  byId("zoom-fit").addEventListener("click", fitCity);
}

panels.set("legend", () => {
  const steps = levels.from.map((from, i) => stepWords(from, levels.from[i + 1]));
  const legend = byId("legend");
  legend.replaceChildren(make("span", "legend-title", say("legend")));
  steps.forEach((words, i) => legend.append(legendEntry(`swatch level-${i + 1}`, words)));
  legend.append(legendEntry("swatch swatch-urgent", say("legend_urgent")));
});

function stepWords(from, next) {
  if (!next) return `${from}+`;
  return next - from === 1 ? String(from) : `${from}–${next - 1}`;
}

function legendEntry(className, words) {
  const entry = make("span", "legend-entry");
  entry.append(make("i", className), make("span", "", words));
  return entry;
}

// ---------------------------------------------------------------------------------------------------------------- rates

const SERIES_MAX = 8;

/** The largest sources one by one, the rest as one. A source keeps its colour, whatever its rank. */
function series() {
  const sources = [...town.sources.values()].map((source, i) => ({ source, colour: palette.series[i % palette.series.length] }));
  const largest = sources.toSorted((a, b) => b.source.offered - a.source.offered);
  const shown = largest.slice(0, largest.length > SERIES_MAX ? SERIES_MAX - 1 : SERIES_MAX);
  const named = shown.map(({ source, colour }) => ({
    key: source.name, name: nameOf(source, source.name), colour, counts: rates.bySource.get(source.name) ?? new Float32Array(RATE_SECONDS),
  }));
  const rest = largest.slice(shown.length);
  return rest.length ? [...named, { key: "", name: say("other"), colour: palette["series-other"], counts: addUp(rest) }] : named;
}

function addUp(sources) {
  const sum = new Float32Array(RATE_SECONDS);
  for (const { source } of sources) rates.bySource.get(source.name)?.forEach((n, slot) => { sum[slot] += n; });
  return sum;
}

/** A round number at or above a value, so that the axis has round marks. */
function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((top) => top >= value);
}

function drawRateAxes(pen, { left, top, width, height }, highest) {
  pen.font = `11px ${palette.font}`;
  pen.fillStyle = palette.muted;
  pen.strokeStyle = palette.line;
  pen.lineWidth = 1;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (const share of [0, 0.5, 1]) {
    const y = Math.round(top + height * (1 - share)) + 0.5;
    pen.beginPath();
    pen.moveTo(left, y);
    pen.lineTo(left + width, y);
    pen.stroke();
    pen.fillText(short.format(highest * share), left - 6, y);
  }
  pen.textBaseline = "top";
  for (const [n, align] of [[5, "left"], [4, "center"], [3, "center"], [2, "center"], [1, "center"], [0, "right"]]) {
    pen.textAlign = align;
    const words = n === 5 ? say("minutes_ago", { n }) : n === 0 ? say("now") : `−${n}`;
    pen.fillText(words, left + width * (1 - n / 5), top + height + 6);
  }
}

function drawBars(pen, plot, all, highest) {
  const slots = rates.slots(RATE_SECONDS - 1);
  const step = plot.width / slots.length;
  const base = new Float32Array(slots.length);
  for (const { counts, colour } of all) {
    pen.fillStyle = colour;
    slots.forEach((slot, i) => {
      const y = plot.height / highest;
      const [x, next] = [Math.round(plot.left + i * step), Math.round(plot.left + (i + 1) * step)];
      pen.fillRect(x, plot.top + plot.height - (base[i] + counts[slot]) * y, next - x, counts[slot] * y);
      base[i] += counts[slot];
    });
  }
  pen.fillStyle = palette.unknown;
  slots.forEach((slot, i) => {
    if (!rates.known[slot]) pen.fillRect(Math.round(plot.left + i * step), plot.top, Math.ceil(step), plot.height);
  });
}

panels.set("rates", () => {
  rates.advance(connection.state === "connected");
  const all = series();
  const total = rates.total();
  const highest = niceTop(Math.max(...rates.slots(RATE_SECONDS - 1).map((slot) => total[slot])));
  const canvas = byId("rates");
  const { pen, width, height } = prepare(canvas);
  const plot = { left: 40, top: 10, width: width - 48, height: height - 34 };
  if (plot.width > 0 && plot.height > 0) {
    drawBars(pen, plot, all, highest);
    drawRateAxes(pen, plot, highest);
  }
  canvas.setAttribute("aria-label", say("rates_says", { n: short.format(rates.mean(total)) }));
  writeRateTable(all);
});

function writeRateTable(all) {
  const rows = keep(byId("rate-rows"), all.map(({ key }) => key), () => {
    const row = make("tr");
    const name = make("th");
    name.scope = "row";
    name.append(make("i", "swatch"), make("span"));
    row.append(name, make("td", "number"));
    return row;
  });
  all.forEach(({ name, colour, counts }, i) => {
    rows[i].querySelector("i").style.background = colour;
    write(rows[i].querySelector("span"), name);
    write(rows[i].lastChild, rates.mean(counts).toFixed(1));
  });
}

// ------------------------------------------------------------------------------------------------- budgets and ledger

panels.set("budgets", () => {
  const budgets = [...town.budgets.values()].sort((a, b) => (a.urgency < b.urgency ? -1 : 1));
  const rows = keep(byId("budget-rows"), budgets.map((budget) => budget.urgency), makeBudgetRow);
  budgets.forEach((budget, i) => writeBudgetRow(rows[i], budget));
  const done = ["assigned", "waiting", "review", "reassigned", "accepted", "returned", "done", "closed"];
  writePairs(byId("work"), done.map((name) => [name, say(`work_${name}`), whole.format(count(town.work[name]))]));
});

function makeBudgetRow() {
  const row = make("tr");
  const urgency = make("th");
  urgency.scope = "row";
  urgency.append(make("span"));
  const bar = make("td", "wide");
  const track = make("div", "bar");
  track.append(make("i", "bar-p99"), make("i", "bar-p50"), make("i", "bar-p999"));
  bar.append(track, make("span", "visually-hidden"));
  row.append(urgency, ...Array.from({ length: 4 }, () => make("td", "number")), bar, make("td", "number missed"));
  return row;
}

function writeBudgetRow(row, budget) {
  const [urgency, ...cells] = row.children;
  const times = [budget.budget_ms, budget.p50_ms, budget.p99_ms, budget.p999_ms];
  const missed = count(budget.missed);
  const shareOf = (ms) => number(ms) / Math.max(number(budget.budget_ms), 1e-9);
  urgency.firstChild.className = badgeClass(budget.urgency);
  write(urgency.firstChild, budget.urgency);
  times.forEach((ms, i) => write(cells[i], Number.isFinite(ms) ? short.format(ms) : "–"));
  writeBar(cells[4].firstChild, shareOf(budget.p50_ms), shareOf(budget.p99_ms), shareOf(budget.p999_ms));
  write(cells[4].lastChild, say("budget_says", { n: percent(shareOf(budget.p99_ms)) }));
  write(cells[5], whole.format(missed));
  cells[5].classList.toggle("bad", missed > 0);
}

function writeBar(track, p50, p99, p999) {
  const width = (share) => `${Math.min(1, share) * 100}%`;
  const [wide, narrow, mark] = track.children;
  wide.style.width = width(p99);
  narrow.style.width = width(p50);
  mark.style.left = width(p999);
  track.classList.toggle("over", p99 > 1);
}

/** Every heading that the server names, the known ones first; none may be left out of a sum that has to close. */
function headingsOf(totals) {
  const named = Object.keys(totals).filter((name) => name !== "offered" && Number.isFinite(totals[name]));
  return [...HEADINGS.filter((name) => named.includes(name)), ...named.filter((name) => !HEADINGS.includes(name))];
}

panels.set("ledger", () => {
  const headings = headingsOf(town.totals);
  const offered = count(town.totals.offered);
  const off = offered - headings.reduce((sum, name) => sum + count(town.totals[name]), 0);
  const verdict = byId("ledger-closes");
  write(verdict, !town.ready ? "" : off === 0 ? `✓ ${say("closes")}` : `▲ ${say("closes_not", { n: whole.format(off) })}`);
  verdict.classList.toggle("bad", off !== 0);
  writeLedgerBar(headings, offered);
  writeLedgerRows(headings, offered);
  if (document.querySelector(".by-source").open) writeSources(headings);
});

const headingClass = (name) => `heading-${HEADINGS.includes(name) ? name : "other"}`;

function writeLedgerBar(headings, offered) {
  const parts = keep(byId("ledger-bar"), headings, (name) => make("i", headingClass(name)));
  headings.forEach((name, i) => { parts[i].style.flexGrow = offered ? count(town.totals[name]) / offered : 0; });
}

function writeLedgerRows(headings, offered) {
  const names = ["offered", ...headings];
  const rows = keep(byId("ledger-rows"), names, (name) => {
    const row = make("tr", name === "offered" ? "sum" : "");
    const heading = make("th");
    heading.scope = "row";
    heading.append(make("span", "sign"), make("i", `swatch ${headingClass(name)}`), make("span"));
    row.append(heading, make("td", "number"), make("td", "number share"));
    return row;
  });
  names.forEach((name, i) => {
    const [heading, value, share] = rows[i].children;
    write(heading.firstChild, i === 0 ? "" : i === 1 ? "=" : "+");
    write(heading.lastChild, sayHeading(name));
    write(value, whole.format(count(town.totals[name])));
    write(share, i === 0 ? "" : percent(count(town.totals[name]) / offered));
  });
}

const sayHeading = (name) => (WORDS[name] ? say(name) : name);

function writeSources(headings) {
  const columns = ["offered", ...headings];
  const head = byId("source-head");
  const labels = [say("source"), ...columns.map(sayHeading)];
  const cells = keep(head, [0], () => make("tr"))[0];
  keep(cells, ["source", ...columns], (key) => Object.assign(make("th", key === "source" ? "" : "number"), { scope: "col" }))
    .forEach((cell, i) => write(cell, labels[i]));
  const sources = [...town.sources.values()];
  const rows = keep(byId("source-rows"), sources.map((source) => source.name), () => make("tr"));
  sources.forEach((source, i) => writeSourceRow(rows[i], source, columns));
}

function writeSourceRow(row, source, columns) {
  const cells = keep(row, ["source", ...columns], (key) => (key === "source" ? Object.assign(make("th"), { scope: "row" }) : make("td", "number")));
  write(cells[0], nameOf(source, source.name));
  columns.forEach((name, i) => write(cells[i + 1], whole.format(count(source[name]))));
}

// --------------------------------------------------------------------------------------------------------------- health

panels.set("health", () => {
  const { journal, uptime_s: uptime, doors, feeds } = town.health;
  const pairs = [["record", say("record"), `#${whole.format(town.version)}`]];
  if (text(journal)) pairs.push(["journal", say("journal"), sayCode("journal", journal)]);
  if (Number.isFinite(uptime)) pairs.push(["uptime", say("uptime"), duration(uptime * 1000)]);
  for (const door of objects(doors)) pairs.push([`door ${door.name}`, say("door", { name: text(door.name) ?? "?" }), percent(number(door.inbox))]);
  if (isObject(feeds)) pairs.push(["feeds", say("feeds"), feedWords(feeds)]);
  writePairs(byId("health"), town.ready ? pairs : []);
});

function feedWords(feeds) {
  return Object.entries(feeds).filter(([, n]) => Number.isFinite(n))
    .map(([name, n]) => (WORDS[`feed_${name}`] ? say(`feed_${name}`, { n }) : `${name} ${n}`)).join(" · ");
}

// ---------------------------------------------------------------------------------------------------------------- paper

/** The sheet at the side: what happened to a report, a case or an order, in the service's own words. */
const paper = {
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
      if (!signal.aborted) this.show(answer.ok ? "" : say("explain_failed", { why: errorWords(said) ?? answer.status }), answer.ok ? said : "");
    } catch {
      if (!signal.aborted) this.show(say("explain_failed", { why: say("no_answer") }), "");
    }
  },

  show(state, words) {
    write(byId("paper-state"), state);
    write(byId("paper-text"), words);
    byId("paper-text").hidden = words === "";
  },
};

function errorWords(said) {
  try {
    const { error } = JSON.parse(said);
    return text(error?.[language]) ?? text(error?.zh);
  } catch {
    return null;
  }
}

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

function listenToPaper() {
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
    paper.asking.abort();
    // The row that opened it may have left the list meanwhile.
    if (document.activeElement === document.body) byId("cases-panel").focus({ preventScroll: true });
  });
}

// ------------------------------------------------------------------------------------------------------------- language

/** Storage may be forbidden; the page then forgets the choice, and works. */
function remembered() {
  try {
    return localStorage.getItem("paidan.lang");
  } catch {
    return null;
  }
}

function remember(choice) {
  try {
    localStorage.setItem("paidan.lang", choice);
  } catch {
    return;
  }
}

function setLanguage(choice) {
  language = choice === "en" ? "en" : "zh";
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  makeFormats();
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

function switchLanguage() {
  setLanguage(language === "zh" ? "en" : "zh");
  remember(language);
  const address = new URL(location.href);
  if (address.searchParams.has("lang")) {
    address.searchParams.set("lang", language);
    history.replaceState(null, "", address);
  }
  if (byId("paper").open) paper.ask();
}

// ------------------------------------------------------------------------------------------------------------------ key

/** Asks the service, with the key where it wants one. The key stays in this tab, and goes into a header: never into an address,
 *  and never into a cookie that a browser sends for somebody else's page. */
const door = {
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

  async want(answer, key) {
    const dialog = byId("key-dialog");
    // An answer to a key that has been replaced since says nothing about the new one.
    if (dialog.open || key !== this.kept()) return;
    write(byId("key-why"), key ? errorWords(await answer.text()) ?? "" : "");
    if (!dialog.open) dialog.showModal();
  },

  listen() {
    byId("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.keep(byId("key").value.trim());
      byId("key").value = "";
      byId("key-dialog").close();
    });
    byId("key-dialog").addEventListener("close", () => {
      stream.retryMs = RETRY_MIN_MS;
      stream.open();
    });
  },

  key: null,
};

/** Server-sent events over a request that can carry a key: an EventSource cannot. Ends with its connection. */
class Events {
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

// --------------------------------------------------------------------------------------------------------------- stream

const stream = {
  source: null,
  retryMs: RETRY_MIN_MS,
  trustedAt: 0,
  timer: 0,

  open() {
    clearTimeout(this.timer);
    this.source?.close();
    const folds = { snapshot: takeSnapshot, delta: takeDelta };
    this.source = new Events("/v1/live", {
      event: (name, data) => Object.hasOwn(folds, name) && this.take(data, folds[name]),
      end: () => this.lose(),
    });
  },

  take(data, fold) {
    const said = parse(data);
    if (!said) return this.distrust();
    // A delta alone says nothing: what it changes is not known.
    if (fold === takeDelta && !town.ready) return;
    if (fold === takeSnapshot) this.trust();
    fold(said);
    redraw("header", "alarm", "figures", "cases", "map", "budgets", "ledger", "health", "paper");
    if (fold === takeSnapshot) this.startAnew();
  },

  startAnew() {
    caseList.wanted = true;
    redraw("filters", "rates");
    askForCases();
  },

  trust() {
    this.trustedAt = performance.now();
    Object.assign(connection, { state: "connected", since: null, unreadableSince: null });
  },

  lose() {
    if (connection.state !== "lost") {
      rates.advance(connection.state === "connected");
      Object.assign(connection, { state: "lost", since: Date.now() });
      redraw("header", "alarm");
    }
    // Once the key is entered it is opened anew.
    if (!byId("key-dialog").open) this.retry();
  },

  /** After a part that cannot be read nothing that is shown is certain: only a new snapshot is. */
  distrust() {
    connection.unreadableSince ??= Date.now();
    redraw("alarm");
    this.source.close();
    this.lose();
  },

  /** A service that is down, or speaks badly all the time, is asked less and less often. */
  retry() {
    clearTimeout(this.timer);
    if (performance.now() - this.trustedAt > RETRY_MAX_MS * 2) this.retryMs = RETRY_MIN_MS;
    this.timer = setTimeout(() => this.open(), this.retryMs);
    this.retryMs = Math.min(RETRY_MAX_MS, this.retryMs * 2);
  },
};

function parse(data) {
  try {
    const said = JSON.parse(data);
    return isObject(said) ? said : null;
  } catch {
    return null;
  }
}

// ---------------------------------------------------------------------------------------------------------------- start

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

function showSources({ target }) {
  if (!target.open) return;
  panels.get("ledger")();
  target.scrollIntoView({ block: "nearest" });
}

readPalette();
readHash();
listenToCases();
listenToMap();
listenToPaper();
listenToScreen();
door.listen();
setLanguage(new URLSearchParams(location.search).get("lang") ?? remembered() ?? "zh");
stream.open();
setInterval(everySecond, 1000);
