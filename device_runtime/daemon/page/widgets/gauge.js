/** A value with a bar that shows its share of the maximum. */

import { h, setText } from "../lib/dom.js";

const FULL = 0.9;

export class Gauge {
  #figure = h("span", { class: "figure" });

  constructor(name) {
    const bar = h("span", { class: "bar", "aria-hidden": "true" }, h("i"));
    this.element = h("div", { class: "gauge-box" }, h("h2", {}, name), this.#figure, bar);
  }

  /** Show a value and its share, 0 … 1; `isBad` colours it. */
  show(text, share, isBad = share > FULL) {
    setText(this.#figure, text);
    this.element.style.setProperty("--share", Math.max(0, Math.min(1, share)));
    this.element.classList.toggle("bad", isBad);
  }
}
