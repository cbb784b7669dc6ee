/** An enrolment on the screen: its recordings, the progress of training, and the result. */

import { device } from "../lib/device.js";
import { actionButton, h, setChildren } from "../lib/dom.js";
import { isNegative, NEGATIVE } from "../lib/labels.js";
import { nameStage } from "../lib/stages.js";
import { t } from "../lib/translate.js";
import { confirm } from "../widgets/dialog.js";
import { describeResult } from "../widgets/training_result.js";
import { Collector } from "./train_recordings.js";

const EDITABLE = new Set(["collecting", "tried"]);
const TRAINING = new Set(["learning", "trying"]);
const MODES = { new: t("New task"), add: t("More recordings for"), replace: t("Start over with") };

export class EnrolmentCard {
  #collector;
  #discard = actionButton(t("Discard"), () => this.#askToDiscard());
  #save = actionButton(t("Train and save"), () => this.enrolment.save(), { class: "main" });
  #progress = h("div", { role: "status" });
  #result = h("div", { tabindex: "-1" });
  #shownResult = null;

  /** `leave()` is called when the user has finished. */
  constructor(enrolment, leave) {
    this.enrolment = enrolment;
    this.leave = leave;
    const { task, mode } = enrolment.view;
    const labels = mode === "add" ? (device.tasks.find((one) => one.task === task)?.labels ?? []) : [];
    enrolment.negative = labels.find(isNegative) ?? NEGATIVE;
    this.#collector = new Collector(enrolment, labels);
    const title = h("h2", {}, h("span", { class: "quiet" }, MODES[mode]), " ", task);
    this.element = h("div", {},
      h("div", { class: "card enrolment-head" }, title, this.#discard),
      this.#progress, this.#result, this.#collector.element);
    enrolment.addEventListener("change", () => this.update());
    this.update();
  }

  /** Show the present state of the enrolment. */
  update() {
    const { state, cuts } = this.enrolment.view;
    this.#save.disabled = cuts.length > 0;
    this.#collector.element.hidden = !EDITABLE.has(state);
    this.#collector.update();
    this.#discard.hidden = !EDITABLE.has(state) && !TRAINING.has(state);
    setChildren(this.#progress, TRAINING.has(state) && this.#describeProgress());
    this.#showResult();
  }

  #describeProgress() {
    const { state, progress } = this.enrolment.view;
    const stage = progress ? nameStage(progress.stage) : t("Starting");
    const hasSteps = progress?.total > 1; // a single step has no measurable progress
    const bar = { max: hasSteps && progress.total, value: hasSteps && String(progress.done), "aria-label": stage };
    return h("div", { class: "card" },
      h("p", {}, t("{work}; detection goes on.", { work: h("b", {}, state === "trying" ? t("Training for a trial") : t("Training")) })),
      h("progress", bar),
      h("p", { class: "quiet" }, hasSteps ? t("{stage}, {done} of {total}", { ...progress, stage }) : stage));
  }

  #showResult() {
    const { state, result, task } = this.enrolment.view;
    const shown = state === "tried" || state === "done" ? result : null;
    if (this.#shownResult === shown) return;
    this.#shownResult = shown;
    if (!shown) return void setChildren(this.#result);
    const isDone = state === "done";
    setChildren(this.#result, h("div", { class: "card" },
      h("h2", {}, isDone ? t("{task} is ready", { task }) : t("Result of the trial, not saved")),
      describeResult(result),
      h("p", { class: "buttons" }, isDone ? this.#makeNextSteps() : this.#save)));
    this.#result.focus();
  }

  #makeNextSteps() {
    return [
      h("a", { class: "button main", href: "#now", onclick: () => this.leave() }, t("See it live")),
      actionButton(t("Train more"), () => this.leave()),
    ];
  }

  async #askToDiscard() {
    const { takes, cuts, task } = this.enrolment.view;
    const count = takes.length + cuts.length;
    const what = t("{count} recordings of {task} will be deleted.", { count, task });
    if (count && !(await confirm(t("Discard the recordings?"), what, t("Delete")))) return;
    await this.enrolment.cancel();
    this.leave();
  }
}
