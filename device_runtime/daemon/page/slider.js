/** A margin that can be set, and reset to what the task or the configuration says. */

import { action, h, whileBusy, write } from "./dom.js";
import { signed } from "./format.js";

export class Slider {
  #range;
  #figure;

  /** `set(value)` and `reset()` give the margin that is in force then. */
  constructor(id, name, margin, { set, reset }) {
    this.#range = h("input", { type: "range", id: `margin ${id}`, min: -0.5, max: 1, step: 0.01 });
    this.#figure = h("output", { for: `margin ${id}`, class: "figure" });
    this.#range.addEventListener("input", () => write(this.#figure, signed(Number(this.#range.value))));
    const change = () => this.#settle(set(Number(this.#range.value)));
    this.#range.addEventListener("change", () => whileBusy(this.#range, change));
    this.element = h("div", { class: "slider" },
      h("label", { for: `margin ${id}` }, name), this.#figure, this.#range,
      action("Reset", () => this.#settle(reset()), { "aria-label": `Reset ${name}` }));
    this.show(margin);
  }

  show(margin) {
    this.margin = margin;
    this.#range.value = margin;
    write(this.#figure, signed(margin));
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
