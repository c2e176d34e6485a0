// Cases by stage: how many there are, and a press shows only those.

import { say, whole } from "./words.js";
import { count } from "./said.js";
import { STAGES } from "./cases.js";
import { town } from "./town.js";
import { byId, keep, make, panels, write } from "./panels.js";
import { filters, setFilter } from "./filters.js";

panels.set("stages", () => {
  const chips = keep(byId("stages"), STAGES, makeChip);
  STAGES.forEach((stage, i) => {
    // Of those that are closed not all are held, but each was counted.
    const n = stage === "closed" ? town.work.closed : town.stages[stage];
    write(chips[i].children[1], say(`stage_${stage}`));
    write(chips[i].children[2], town.ready ? whole.format(count(n)) : "–");
    chips[i].setAttribute("aria-pressed", String(filters.stage === stage));
  });
});

function makeChip(stage) {
  const chip = Object.assign(make("button", `stage-chip stage-${stage}`), { type: "button" });
  chip.append(make("i", "stage-dot"), make("span"), make("b"));
  chip.addEventListener("click", () => setFilter("stage", filters.stage === stage ? "" : stage));
  return chip;
}
