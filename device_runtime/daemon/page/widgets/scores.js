/** The score of each task for the newest window, as a bar with a tick at the threshold. */

import { h, setText } from "../lib/dom.js";
import { displayLabel } from "../lib/labels.js";
import { neededScore, roundScore, toScore } from "../lib/score.js";
import { t } from "../lib/translate.js";

export class Scores {
  #rows = new Map();

  constructor(list) {
    this.list = list;
  }

  /** Show the best score of each task, one row a task in alphabetical order. `scores` come best first. */
  show(scores) {
    const best = new Map();
    for (const score of scores) if (!best.has(score.task)) best.set(score.task, score);
    for (const task of this.#rows.keys()) if (!best.has(task)) this.#drop(task);
    for (const task of [...best.keys()].sort()) (this.#rows.get(task) ?? this.#addRow(task))(best.get(task));
  }

  #drop(task) {
    this.#rows.get(task).element.remove();
    this.#rows.delete(task);
  }

  #addRow(task) {
    const label = h("b");
    const figure = h("span", { class: "figure" });
    const element = h("li", { class: "score" },
      h("span", { class: "name" }, label, " ", h("span", { class: "quiet" }, task)), figure,
      h("span", { class: "bar", "aria-hidden": "true" }, h("i"), h("u")));
    const update = ({ label: name, margin, threshold, accepted }) => {
      setText(label, displayLabel(name));
      setText(figure, margin === null ? "" : t("{score}, needs {needed}", { score: roundScore(margin, threshold), needed: neededScore(threshold) }));
      element.style.setProperty("--score", toScore(margin ?? -1) / 100);
      element.style.setProperty("--threshold", toScore(threshold) / 100);
      element.classList.toggle("accepted", accepted);
    };
    update.element = element;
    this.#rows.set(task, update);
    const next = [...this.list.children].find((other) => other.dataset.task > task);
    element.dataset.task = task;
    this.list.insertBefore(element, next ?? null);
    return update;
  }
}
