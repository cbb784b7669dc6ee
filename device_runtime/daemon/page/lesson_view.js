/** A lesson on the screen: what is collected, how learning goes on, and what was learnt. */

import { isNegative, NEGATIVE } from "./advice.js";
import { known } from "./board.js";
import { Collecting } from "./collecting.js";
import { agreed } from "./dialog.js";
import { action, fill, h } from "./dom.js";
import { capital, count } from "./format.js";
import { outcome } from "./outcome.js";

const COLLECTS = new Set(["collecting", "tried"]);
const WORKS = new Set(["learning", "trying"]);
const WORDS = { new: "A new task", add: "More for", replace: "Anew" };

export class LessonView {
  #collecting;
  #leave = action("Give up", () => this.#giveUp());
  #save = action("Save", () => this.lesson.save(), { class: "main" });
  #work = h("div", { role: "status" });
  #result = h("div", { tabindex: "-1" });
  #shown = null; // the result

  /** `left()` is called when the user is done with it. */
  constructor(lesson, left) {
    this.lesson = lesson;
    this.left = left;
    const { task, mode } = lesson.view;
    const labels = mode === "add" ? (known.tasks.find((one) => one.task === task)?.labels ?? []) : [];
    lesson.negative = labels.find(isNegative) ?? NEGATIVE;
    this.#collecting = new Collecting(lesson, labels);
    const title = h("h2", {}, h("span", { class: "quiet" }, WORDS[mode]), " ", task);
    this.element = h("div", {},
      h("div", { class: "card lesson-head" }, title, this.#leave), this.#work, this.#result, this.#collecting.element);
    lesson.addEventListener("change", () => this.update());
    this.update();
  }

  /** Show the lesson as it is now. */
  update() {
    const { state } = this.lesson.view;
    this.#collecting.element.hidden = !COLLECTS.has(state);
    this.#collecting.update();
    this.#leave.hidden = !COLLECTS.has(state) && !WORKS.has(state);
    this.#showWork();
    this.#showResult();
  }

  #showWork() {
    const { state } = this.lesson.view;
    if (WORKS.has(state)) fill(this.#work, this.#progress());
    else fill(this.#work);
  }

  #progress() {
    const { state, progress } = this.lesson.view;
    return h("div", { class: "card" },
      h("p", {}, h("b", {}, state === "trying" ? "Learning, to try it" : "Learning"), "; the board goes on listening."),
      h("progress", { max: progress?.total, value: progress?.done, "aria-label": progress?.stage ?? "beginning" }),
      h("p", { class: "quiet" }, progress ? `${capital(progress.stage)}, ${progress.done} of ${progress.total}` : "Beginning"));
  }

  #showResult() {
    const { state, result, task } = this.lesson.view;
    const shows = state === "tried" || state === "done" ? result : null;
    if (this.#shown === shows) return;
    this.#shown = shows;
    if (!shows) return void fill(this.#result);
    const isDone = state === "done";
    fill(this.#result, h("div", { class: "card" },
      h("h2", {}, isDone ? `The board knows ${task}` : "A try, not stored"),
      outcome(result),
      h("p", { class: "buttons" }, isDone ? this.#onward() : this.#save)));
    this.#result.focus();
  }

  #onward() {
    return [
      h("a", { class: "button main", href: "#now", onclick: () => this.left() }, "Hear it now"),
      action("Teach more", () => this.left()),
    ];
  }

  async #giveUp() {
    const { takes, task } = this.lesson.view;
    const what = `${count(takes.length, "recording")} of ${task} will be thrown away.`;
    if (takes.length && !(await agreed("Give this up?", what, "Throw away"))) return;
    await this.lesson.cancel();
    this.left();
  }
}
