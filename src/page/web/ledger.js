// The ledger of reports, which has to close.

import { nameOf, percent, say, whole, WORDS } from "./words.js";
import { count } from "./said.js";
import { town } from "./town.js";
import { byId, keep, make, panels, write } from "./panels.js";

const HEADINGS = ["opened", "merged", "duplicate", "expired", "rejected", "shed", "observed"];

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

export function showSources({ target }) {
  if (!target.open) return;
  panels.get("ledger")();
  target.scrollIntoView({ block: "nearest" });
}
