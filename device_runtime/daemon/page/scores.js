/** What every task makes of the newest window: its best label, and how far that is from its threshold. */

import { nameOf } from "./advice.js";
import { h, write } from "./dom.js";
import { signed } from "./format.js";

const place = (margin) => Math.max(0, Math.min(1, (margin + 1) / 2)); // margins lie in −1 … 1

export class Scores {
  #rows = new Map();

  constructor(list) {
    this.list = list;
  }

  /** Show these scores, the largest margin of a task first; one row a task, which stays where it is. */
  show(scores) {
    const best = new Map();
    for (const score of scores) if (!best.has(score.task)) best.set(score.task, score);
    for (const task of this.#rows.keys()) if (!best.has(task)) this.#drop(task);
    for (const task of [...best.keys()].sort()) (this.#rows.get(task) ?? this.#row(task))(best.get(task));
  }

  #drop(task) {
    this.#rows.get(task).element.remove();
    this.#rows.delete(task);
  }

  #row(task) {
    const label = h("b");
    const figure = h("span", { class: "figure" });
    const element = h("li", { class: "score" },
      h("span", { class: "name" }, label, " ", h("span", { class: "quiet" }, task)), figure,
      h("span", { class: "bar", "aria-hidden": "true" }, h("i"), h("u")));
    const update = (score) => {
      write(label, nameOf(score.label));
      write(figure, score.margin === null ? "" : `${signed(score.margin)}, needs ${signed(score.threshold)}`);
      element.style.setProperty("--margin", place(score.margin ?? -1));
      element.style.setProperty("--threshold", place(score.threshold));
      element.classList.toggle("accepted", score.accepted);
    };
    update.element = element;
    this.#rows.set(task, update);
    const after = [...this.list.children].find((other) => other.dataset.task > task);
    element.dataset.task = task;
    this.list.insertBefore(element, after ?? null);
    return update;
  }
}
