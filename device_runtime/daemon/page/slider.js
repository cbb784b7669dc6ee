/** A margin that can be set, and reset to what the task or the configuration says. */

import { action, h, whileBusy, write } from "./dom.js";
import { signed } from "./format.js";

export class Slider {
  #range;
  #figure;
  #held = false; // it is being moved
  #wanted = null; // what was set last, until it is asked for

  /** `set(value)` and `reset()` give the margin that is in force then. */
  constructor(id, name, margin, { set, reset }) {
    this.#range = h("input", { type: "range", id: `margin ${id}`, min: -0.5, max: 1, step: 0.01 });
    this.#figure = h("output", { for: `margin ${id}`, class: "figure" });
    this.#range.addEventListener("input", () => {
      this.#held = true;
      write(this.#figure, signed(Number(this.#range.value)));
    });
    for (const end of ["pointerup", "pointercancel", "blur"]) this.#range.addEventListener(end, () => (this.#held = false));
    this.#range.addEventListener("change", () => {
      this.#held = false;
      this.#wanted = Number(this.#range.value);
      whileBusy(this.#range, () => this.#ask(set));
    });
    this.element = h("div", { class: "slider" },
      h("label", { for: `margin ${id}` }, name), this.#figure, this.#range,
      action("Reset", () => this.#settle(reset()), { "aria-label": `Reset ${name}` }));
    this.show(margin);
  }

  /** Show the margin that is in force; not while another one is being set. */
  show(margin) {
    this.margin = margin;
    if (this.#held || this.#wanted !== null) return;
    this.#range.value = margin;
    write(this.#figure, signed(margin));
  }

  /** Ask for what was set last, also where that was while another was asked for. */
  async #ask(set) {
    while (this.#wanted !== null) {
      const value = this.#wanted;
      this.#wanted = null;
      await this.#settle(set(value));
    }
  }

  /** Show what is in force after a wish; what was, where it is refused. */
  async #settle(answer) {
    try {
      this.show(await answer);
    } catch (problem) {
      this.show(this.margin);
      throw problem;
    }
  }
}
