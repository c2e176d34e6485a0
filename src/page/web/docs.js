// The description of the service, to be tried: reads /v1/openapi.json, shows every request, sends it, and shows the answer.

import { authorization, bilingual, byId, keyField, make } from "./plain.js";

const WORDS = {
  zh: {
    name: "派单", title: "接口", key: "密钥", key_hint: "密钥（如果服务需要）", live: "实时派单台", send: "发送", stop: "停止",
    body: "请求体", kind: "内容类型", answers: "答复", waiting: "等待答复…", failed: "没有答复：", cut: "（后面还有，未显示）",
    unread: "读不到接口描述：", shape: "格式", needed: "必填",
  },
  en: {
    name: "paidan", title: "the doors", key: "Key", key_hint: "Key, if the service wants one", live: "Live page", send: "Send",
    stop: "Stop", body: "Body", kind: "Content type", answers: "Answers", waiting: "Waiting for the answer…",
    failed: "No answer: ", cut: "(there is more, not shown)", unread: "The description cannot be read: ", shape: "Shape",
    needed: "required",
  },
};
/** What is sent where nothing else is typed. */
const EXAMPLES = {
  Report: { source: "app", id: "docs-1", lng: 121.53, lat: 31.21, category: "01037", text: "路灯不亮" },
  OrderAction: { source: "departments", kind: "action", id: "docs-2", action: "accept", order: "1-1" },
  Ruling: { source: "desk", kind: "ruling", id: "docs-5", order: "1-0", category: "01037", actor: "研判席" },
  UnitWord: { source: "departments", kind: "unit", id: "docs-3", unit: "PD10001", status: "available" },
  CloudEvent: {
    specversion: "1.0", id: "docs-4", source: "/city/app", type: "city.report",
    data: { lng: 121.53, lat: 31.21, category: "01037" },
  },
};
/** Most characters of an answer that are shown. */
const SHOWN_MAX = 20_000;

let description = null;
const page = bilingual(WORDS, draw);
const { say } = page;

function draw() {
  if (!description) return;
  const doors = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => door(path, method, operation)));
  byId("doors").replaceChildren(...doors);
}

/** One request: what it takes, what it gives, and a form that sends it. */
function door(path, method, operation) {
  const title = make("summary", {}, make("code", { class: `method ${method}` }, method.toUpperCase()), make("code", {}, path),
    make("span", { class: "aside" }, page.language === "zh" ? operation.summary : operation.description));
  const answer = make("pre", { hidden: true, tabindex: "0" });
  const form = make("form", { class: "door-form" });
  const inputs = (operation.parameters ?? []).map((parameter) => field(form, parameter));
  const body = operation.requestBody && bodyField(form, operation.requestBody.content);
  const button = make("button", { class: "language" }, say("send"));
  form.append(button);
  let sending = null;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending) return sending.abort();
    sending = new AbortController();
    button.textContent = say("stop");
    await send(path, method, inputs, body, answer, sending.signal);
    sending = null;
    button.textContent = say("send");
  });
  const answers = make("ul", { class: "answers" }, ...Object.entries(operation.responses).map(([status, response]) =>
    make("li", {}, make("code", {}, status), ` ${meaning(response.description)}`)));
  return make("details", { class: "panel door" }, title, form, answer, answers);
}

/** Descriptions are in both languages, the Chinese first. */
function meaning(text) {
  const [, zh, en] = /^(\P{ASCII}[^ ]*) (.*)$/u.exec(text) ?? [null, text, text];
  return page.language === "zh" ? zh : en;
}

function field(form, parameter) {
  const { schema } = parameter;
  const named = schema.$ref ?? schema.oneOf?.find((one) => one.$ref)?.$ref;
  const words = schema.enum ?? (named && description.components.schemas[named.split("/").at(-1)]?.enum);
  const attributes = { name: parameter.name, required: Boolean(parameter.required), autocomplete: "off" };
  const input = words
    ? make("select", attributes, make("option", { value: "" }, "–"), ...words.map((word) => make("option", {}, word)))
    : make("input", attributes);
  const note = parameter.required ? say("needed") : (parameter.description ?? "");
  form.append(make("label", {}, make("code", {}, parameter.name), input, make("small", { class: "aside" }, note)));
  return { parameter, input };
}

function bodyField(form, content) {
  const kinds = Object.keys(content).sort((one, other) => (other === "application/json") - (one === "application/json"));
  const kind = make("select", {}, ...kinds.map((one) => make("option", {}, one)));
  const text = make("textarea", { rows: "6", spellcheck: "false" });
  const fill = () => {
    text.value = example(kind.value, content);
  };
  kind.addEventListener("change", fill);
  fill();
  form.append(make("label", {}, say("kind"), kind), make("label", { class: "wide" }, say("body"), text));
  return { kind, text };
}

function example(kind, content) {
  const name = (schema) => (schema?.$ref ?? schema?.oneOf?.[0]?.$ref ?? schema?.items?.$ref ?? "").split("/").at(-1);
  const one = EXAMPLES[name(content[kind].schema)];
  if (kind === "application/x-ndjson") return `${JSON.stringify(EXAMPLES[name(content["application/json"].schema)])}\n`;
  return JSON.stringify(kind.includes("batch") ? [one] : one, null, 2);
}

async function send(path, method, inputs, body, answer, signal) {
  let address = path;
  const query = new URLSearchParams();
  const headers = authorization();
  for (const { parameter, input } of inputs) {
    if (input.value === "") continue;
    if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (parameter.in === "header") headers[parameter.name] = input.value;
    else query.set(parameter.name, input.value);
  }
  if (body) headers["Content-Type"] = body.kind.value;
  const asked = query.size ? `${address}?${query}` : address;
  answer.hidden = false;
  answer.textContent = say("waiting");
  try {
    const begun = performance.now();
    const answered = await fetch(asked, { method: method.toUpperCase(), headers, body: body?.text.value, signal });
    const took = Math.round(performance.now() - begun);
    await show(answered, `${answered.status} ${answered.headers.get("Content-Type") ?? ""} · ${took} ms\n\n`, answer);
  } catch (error) {
    if (signal.aborted) answer.textContent += "\n";
    else answer.textContent = `${say("failed")}${error.message}`;
  }
}

/** Shows an answer as it comes, so that a stream can be watched. */
async function show(answered, head, answer) {
  const reader = answered.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  answer.textContent = head;
  for (;;) {
    const { value, done } = reader ? await reader.read() : { done: true };
    if (done) break;
    text += value;
    if (text.length > SHOWN_MAX) {
      await reader.cancel();
      answer.textContent = `${head}${text.slice(0, SHOWN_MAX)}\n${say("cut")}`;
      return;
    }
    answer.textContent = head + text;
  }
  answer.textContent = head + pretty(text);
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function start() {
  keyField();
  page.draw();
  try {
    const answered = await fetch("/v1/openapi.json");
    description = await answered.json();
    draw();
  } catch (error) {
    byId("doors").textContent = `${say("unread")}${error.message}`;
  }
}

start();
