/** The sensitivity of one sound: a slider from 0 to 100, and a button that resets it. */

import { actionButton, h, runBusy, setText } from "../lib/dom.js";
import { neededScore, toSensitivity, toThreshold } from "../lib/score.js";
import { t } from "../lib/translate.js";

export class SensitivitySlider {
  #range;
  #figure;
  #isMoving = false;
  #wanted = null; // the threshold that was set last and not sent yet

  /** `set(threshold)` and `reset()` return the threshold that is in force afterwards. */
  constructor(id, name, threshold, { set, reset }) {
    this.#range = h("input", { type: "range", id: `sensitivity ${id}`, min: 0, max: 100, step: 1 });
    this.#figure = h("output", { for: `sensitivity ${id}`, class: "figure" });
    this.#range.addEventListener("input", () => {
      this.#isMoving = true;
      this.#write(this.#threshold);
    });
    for (const end of ["pointerup", "pointercancel", "blur"]) {
      this.#range.addEventListener(end, () => (this.#isMoving = false));
    }
    this.#range.addEventListener("change", () => {
      this.#isMoving = false;
      this.#wanted = this.#threshold;
      runBusy(this.#range, () => this.#send(set));
    });
    this.element = h("div", { class: "slider" },
      h("label", { for: `sensitivity ${id}` }, name), this.#figure, this.#range,
      actionButton(t("Reset"), () => this.#settle(reset()), { "aria-label": t("Reset {name}", { name }) }));
    this.show(threshold);
  }

  /** Show the threshold in force, unless another one is being set. */
  show(threshold) {
    this.threshold = threshold;
    if (this.#isMoving || this.#wanted !== null) return;
    this.#range.value = toSensitivity(threshold);
    this.#write(threshold);
  }

  get #threshold() {
    return toThreshold(Number(this.#range.value));
  }

  #write(threshold) {
    const text = t("needs score {needed}", { needed: neededScore(threshold) });
    setText(this.#figure, text);
    this.#range.setAttribute("aria-valuetext", `${this.#range.value}, ${text}`);
  }

  /** Send the threshold that was set last, again if it changes in the meantime. */
  async #send(set) {
    while (this.#wanted !== null) {
      const threshold = this.#wanted;
      this.#wanted = null;
      await this.#settle(set(threshold));
    }
  }

  /** Show the threshold that the device answers with; if it refuses, the previous one. */
  async #settle(answer) {
    try {
      this.show(await answer);
    } catch (problem) {
      this.show(this.threshold);
      throw problem;
    }
  }
}
