// Words in both languages, and numbers and times as people read them.

export const WORDS = {
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
  desk: ["研判台", "Review desk"],
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
  cases: ["案件动态", "Cases"],
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
  condition: ["立案条件", "Filing condition"],
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
  stage_suspended: ["挂账", "Suspended"],
  stage_done: ["已处置", "Done"],
  stage_closed: ["已结案", "Closed"],
  doubt_no_place: ["没有位置", "no place"],
  doubt_outside_district: ["位置在区外", "outside the district"],
  doubt_no_class: ["没有类别", "no class"],
  doubt_no_department: ["没有责任单位", "no department"],
  doubt_no_unit: ["没有可派力量", "no unit"],
  doubt_only_accused: ["责任单位就是被投诉单位", "a complaint about the only body that answers"],
  doubt_all_returned: ["各力量均已退回", "all units gave it back"],
  rates: ["每秒上报（按来源）", "Reports per second, by source"],
  rates_span: ["近 5 分钟", "last 5 minutes"],
  rates_says: ["每秒上报，现在 {n} 件", "Reports per second, {n} now"],
  unseen: ["打开页面之前", "before this page was opened"],
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
  attained: ["达标", "Met"],
  missed: ["超预算", "Missed"],
  work_assigned: ["即派", "at once"],
  work_waiting: ["先待派", "had to wait"],
  work_review: ["转人工", "to people"],
  work_reassigned: ["改派", "reassigned"],
  work_accepted: ["接单", "accepted"],
  work_returned: ["退单", "returned"],
  work_suspended: ["挂账", "suspended"],
  work_resumed: ["恢复", "resumed"],
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
  service: ["服务", "Service"],
  well: ["正常", "well"],
  unheard: ["失联", "not heard"],
  unwell: ["异常", "not well"],
  health: ["服务状态", "Health of the service"],
  door: ["入口 {name}", "Door {name}"],
  door_full: ["占用 {n}", "{n} full"],
  door_took: ["已收 {n}", "{n} taken"],
  door_refused: ["满时退回 {n} 次", "sent away {n} times when full"],
  feed_events: ["决定订阅", "Decisions feed"],
  feed_n: ["{n} 方", "{n} following"],
  feed_behind: ["最慢落后 {n} 条", "the slowest {n} records behind"],
  feed_live: ["实时页面", "Live pages"],
  page_n: ["{n} 个", "{n} open"],
  close: ["关闭", "Close"],
  explanation: ["处置经过", "Explanation"],
  loading: ["正在查询…", "Looking it up…"],
  explain_failed: ["查询失败：{why}", "The look-up failed: {why}"],
  no_answer: ["服务没有应答", "the service does not answer"],
  news: ["过去 {s} 秒 {n} 件案件有变化，其中 A 级 {a} 件", "{n} cases changed in the last {s} seconds, {a} of urgency A"],
};

export let language = "zh";

export function say(key, values = {}) {
  const word = WORDS[key]?.[language === "zh" ? 0 : 1] ?? key;
  return word.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** A word for a code of the server's, or the code where a newer server has one that is not known here. */
export const sayCode = (kind, code) => (WORDS[`${kind}_${code}`] ? say(`${kind}_${code}`) : code);

/** A name that the city gives, in the language of the page where it has one. */
export const nameOf = (named, code) => (language === "zh" ? named?.name_zh : named?.name_en || named?.name) || named?.name_zh || code || "";

const locale = () => (language === "zh" ? "zh-CN" : "en-GB");

/** Numbers as they are, and numbers of which three digits are enough. */
export let whole, short;

/** Speaks 中文, or English. */
export function speak(choice) {
  language = choice === "en" ? "en" : "zh";
  whole = new Intl.NumberFormat(locale());
  short = new Intl.NumberFormat(locale(), { maximumSignificantDigits: 3 });
}

const two = (n) => String(n).padStart(2, "0");

/** Local time, in the order that reads the same in both languages. */
export function clock(at) {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
}

export function moment(at) {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(at)}`;
}

/** Rounds down, so that 100 % means that nothing was missed. */
export function percent(share) {
  if (!Number.isFinite(share)) return "–";
  const digits = share > 0.99 && share < 1 ? 3 : 1;
  const step = 10 ** (digits + 2);
  return `${(Math.floor(share * step + 1e-9) / step * 100).toFixed(share === 1 || share === 0 ? 0 : digits)}%`;
}

/** Bytes in the unit that leaves few digits. */
export function bytes(n) {
  const power = Math.min(4, Math.floor(Math.log10(Math.max(n, 1)) / 3));
  return `${short.format(n / 1000 ** power)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

export function duration(ms) {
  const seconds = Math.floor(Math.abs(ms) / 1000);
  const [d, h, m, s] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  if (d > 0) return say("days", { d, time: `${two(h)}:${two(m)}` });
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${two(m)}:${two(s)}`;
}
