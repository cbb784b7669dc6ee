/** A figure with a bar under it. */

import { h, write } from "./dom.js";

const FULL = 0.9;

export class Gauge {
  #figure = h("span", { class: "figure" });

  constructor(name) {
    const bar = h("span", { class: "bar", "aria-hidden": "true" }, h("i"));
    this.element = h("div", { class: "gauge-box" }, h("h2", {}, name), this.#figure, bar);
  }

  /** Show a figure and its share of what there is; `alarming` colours it. */
  show(text, share, alarming = share > FULL) {
    write(this.#figure, text);
    this.element.style.setProperty("--share", Math.max(0, Math.min(1, share)));
    this.element.classList.toggle("bad", alarming);
  }
}
