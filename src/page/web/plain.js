// What all pages have in common, and those beside the live one: elements, what a browser keeps, the key, and the two languages.

/** Under which name a browser keeps the language. */
export const LANGUAGE = "paidan.lang";

export const byId = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

export function kept(name) {
  try {
    return sessionStorage.getItem(name) ?? localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function keep(storage, name, value) {
  try {
    globalThis[storage].setItem(name, value);
  } catch {
    // A browser that keeps nothing asks again the next time.
  }
}

/** The field for a key: it stays in this tab. */
export function keyField() {
  byId("key").value = kept("paidan.key") ?? "";
  byId("key").addEventListener("change", ({ target }) => keep("sessionStorage", "paidan.key", target.value.trim()));
  byId("key-form").addEventListener("submit", (event) => event.preventDefault());
}

/** The header that opens a service with keys. */
export function authorization() {
  const key = byId("key").value.trim();
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** A page in two languages: its words, and what is drawn when one is chosen. */
export function bilingual(words, drawn) {
  const asked = new URLSearchParams(location.search).get("lang") ?? kept(LANGUAGE);
  let language = asked === "en" ? "en" : "zh";
  const page = {
    get language() {
      return language;
    },
    say: (word) => words[language][word],
    draw() {
      document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
      for (const element of document.querySelectorAll("[data-t]")) element.textContent = page.say(element.dataset.t);
      for (const element of document.querySelectorAll("[data-t-placeholder]")) element.placeholder = page.say(element.dataset.tPlaceholder);
      const other = byId("language");
      other.lang = language === "zh" ? "en" : "zh-CN";
      other.textContent = language === "zh" ? "English" : "中文";
      drawn();
    },
  };
  byId("language").addEventListener("click", () => {
    language = language === "zh" ? "en" : "zh";
    keep("localStorage", LANGUAGE, language);
    page.draw();
  });
  return page;
}
