/** One event in a list: label, time, duration, level and score; buttons to play it and to give feedback. */

import { actionButton, h, setChildren, setText } from "../lib/dom.js";
import { formatDecibels, formatDuration, formatMinute, formatTime } from "../lib/format.js";
import { fetchBlob, makePath } from "../lib/http.js";
import { displayEvent, isLoudEvent } from "../lib/labels.js";
import { roundScore } from "../lib/score.js";
import { t } from "../lib/translate.js";
import { makeEventDetails } from "./event_details.js";
import { askForSound, describeCorrection, describeFeedback, sendFeedback } from "./feedback.js";
import { makePlayer } from "./player.js";

export class SoundItem {
  #time = h("time");
  #label = h("b");
  #task = h("span", { class: "quiet" });
  #figures = h("span", { class: "figure" });
  #buttons = h("div", { class: "buttons" });
  #feedback = h("div", { class: "feedback" });
  #shownButtons = "";

  constructor(event) {
    const name = h("span", { class: "name" }, this.#label, " ", this.#task);
    this.element = h("li", { class: "sound" },
      h("p", { class: "summary" }, this.#time, name, this.#figures), this.#buttons, this.#feedback);
    this.update(event);
  }

  /** Show the newest state of the event. */
  update(event) {
    this.event = { verdict: null, audible: false, exact: true, ...this.event, ...event };
    const { start, task, phase, verdict, exact } = this.event;
    this.#time.dateTime = start;
    setText(this.#time, exact ? formatTime(start) : formatMinute(start));
    setText(this.#label, displayEvent(this.event));
    setText(this.#task, isLoudEvent(this.event) ? "" : task);
    setText(this.#figures, this.#describeFigures());
    this.element.classList.toggle("ongoing", exact && phase !== "end");
    this.#showButtons();
    if (verdict && !this.#feedback.childElementCount) setChildren(this.#feedback, makeBadge(verdict));
  }

  /** Return duration, level and score; nothing at privacy 3, where events have no figures and no end. */
  #describeFigures() {
    const { start, end, margin, threshold, level_dbfs, phase, exact } = this.event;
    if (!exact) return "";
    const duration = phase === "end" ? formatDuration((new Date(end) - new Date(start)) / 1000) : t("ongoing");
    const score = !isLoudEvent(this.event) && t("score {score}", { score: roundScore(margin, threshold) });
    return [duration, formatDecibels(level_dbfs), score].filter(Boolean).join(" · ");
  }

  /** Create the buttons, if they change. */
  #showButtons() {
    const { id, label, verdict, audible, phase, exact } = this.event;
    const hasEnded = phase === "end";
    const state = JSON.stringify([verdict, audible, hasEnded]);
    if (state === this.#shownButtons) return;
    this.#shownButtons = state;
    const [isTask, isOpen] = [!isLoudEvent(this.event), hasEnded && !verdict];
    const canCorrect = isOpen && audible;
    setChildren(this.#buttons,
      audible && hasEnded && makePlayer(() => fetchBlob(makePath("sounds", id, "audio")), label),
      isOpen && isTask && this.#makeButton(t("Right"), t("{label} is right", { label }), { kind: "confirmed" }),
      canCorrect && isTask && this.#makeButton(t("Wrong"), t("Wrong: not {label}", { label }), { kind: "not" }),
      canCorrect && actionButton(t("It was …"), () => this.#ask(), { "aria-label": t("It was not {label} but …", { label }) }),
      audible && hasEnded && makeEventDetails(this.event),
      isOpen && isTask && !audible && h("span", { class: "quiet" }, t("no recording, so it cannot be corrected")));
    this.#buttons.hidden = (hasEnded || !exact) && !this.#buttons.childElementCount; // there will be none
  }

  #makeButton(text, name, feedback) {
    return actionButton(text, () => this.#send(feedback), { "aria-label": name });
  }

  async #ask() {
    const feedback = await askForSound(this.event);
    if (feedback) await this.#send(feedback);
  }

  async #send(feedback) {
    const training = h("p", { class: "quiet", role: "status" }, t("Training …"));
    setChildren(this.#feedback, feedback.kind !== "confirmed" && training);
    try {
      const { verdict, correction } = await sendFeedback(this.event, feedback);
      setChildren(this.#feedback, makeBadge(verdict), correction && describeCorrection(correction));
      this.update({ verdict });
      this.#feedback.firstElementChild.focus();
    } catch (error) {
      setChildren(this.#feedback);
      throw error;
    }
  }
}

const makeBadge = (verdict) => h("p", { class: `badge ${verdict.kind}`, tabindex: "-1" }, describeFeedback(verdict));
