/** The first question of teaching: which task, and whether to go on with what was begun. */

import { known } from "./board.js";
import { action, fill, h, whileBusy } from "./dom.js";
import { count } from "./format.js";
import { ask } from "./http.js";
import { Lesson } from "./lesson.js";

const UNFINISHED = new Set(["collecting", "learning", "trying", "tried"]);

/** Which task the next form offers first; empty for a new one. */
export const wish = { task: "" };

/** A form that calls `begun(lesson)`. */
export function beginning(begun) {
  const which = h("select", { id: "task-which", onchange: choose },
    h("option", { value: "" }, "a new task"), known.tasks.map(({ task }) => h("option", { value: task }, task)));
  const name = h("input", {
    id: "task-name", maxlength: 64, autocomplete: "off", autocapitalize: "none", placeholder: "such as: alarms",
  });
  const named = h("div", {}, h("label", { for: "task-name" }, "Its name"), name);
  const anew = h("input", { type: "checkbox", id: "task-anew" });
  const how = h("p", { class: "check" },
    anew, h("label", { for: "task-anew" }, "Learn it anew, from these recordings alone"));
  const go = h("button", { class: "main" }, "Begin");

  function choose() {
    named.hidden = which.value !== "";
    name.required = !named.hidden;
    how.hidden = which.value === "";
  }

  async function begin() {
    const mode = which.value ? (anew.checked ? "replace" : "add") : "new";
    begun(await Lesson.begin(which.value || name.value.trim(), mode));
  }

  which.value = known.tasks.some(({ task }) => task === wish.task) ? wish.task : "";
  wish.task = "";
  choose();
  const asked = h("div", { hidden: !known.tasks.length }, h("label", { for: "task-which" }, "Teach"), which);
  const form = h("form", { class: "card", onsubmit: (event) => (event.preventDefault(), whileBusy(go, begin)) },
    h("h2", {}, known.tasks.length ? "What shall the board learn?" : "Nothing was taught yet: teach the first sound"),
    h("p", {}, "A task is a handful of sounds that are told apart: doorbell, smoke alarm and timer, say. ",
      "A new task never changes the others."),
    h("div", { class: "fields" }, asked, named), how, h("p", { class: "buttons" }, go));
  return h("div", {}, form, unfinished(begun));
}

/** Those that were begun and not finished, here or in another browser. */
function unfinished(begun) {
  const place = h("div");
  ask("GET", "/enrolments").then((all) => {
    const open = all.filter(({ state }) => UNFINISHED.has(state));
    const list = h("ul", { class: "plain" }, open.map((view) => row(view, begun)));
    if (open.length) fill(place, h("div", { class: "card" }, h("h2", {}, "Begun already"), list));
  }, () => {}); // the connection tells of itself
  return place;
}

function row(view, begun) {
  const takes = h("span", { class: "quiet" }, count(view.takes.length, "recording"));
  return h("li", { class: "row" },
    h("span", { class: "name" }, h("b", {}, view.task), " ", takes),
    action("Go on", () => begun(new Lesson(view)), { "aria-label": `Go on with ${view.task}` }));
}
