/** How loud it is, as a bar with the loudest of the last moments beside it. */

import { colour, fitted } from "./canvas.js";
import { h, write } from "./dom.js";
import { decibels } from "./format.js";

const FLOOR_DBFS = -80;
const LOUD_DBFS = -6;
const PEAK_FALLS_DB = 0.6; // a column
const TOLD_EVERY_MS = 500;

export class Meter {
  #peak_dbfs = FLOOR_DBFS;
  #level_dbfs = FLOOR_DBFS;
  #told_ms = 0;
  canvas = h("canvas", { class: "meter" });
  figure = h("output", { class: "figure" });
  element = h("div", { class: "level", role: "meter", "aria-label": "Level" }, this.canvas);

  constructor() {
    this.element.setAttribute("aria-valuemin", FLOOR_DBFS);
    this.element.setAttribute("aria-valuemax", 0);
  }

  add(level_dbfs) {
    this.#level_dbfs = Math.max(FLOOR_DBFS, level_dbfs);
    this.#peak_dbfs = Math.max(this.#level_dbfs, this.#peak_dbfs - PEAK_FALLS_DB);
  }

  /** Fall to nothing, as nothing comes. */
  rest() {
    this.#level_dbfs = this.#peak_dbfs = FLOOR_DBFS;
    this.draw(performance.now());
  }

  draw(now_ms) {
    const context = fitted(this.canvas);
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const across = (level) => ((level - FLOOR_DBFS) / -FLOOR_DBFS) * width;
    context.fillStyle = colour("--rail");
    context.fillRect(0, 0, width, height);
    context.fillStyle = colour(this.#level_dbfs > LOUD_DBFS ? "--bad" : "--accent");
    context.fillRect(0, 0, across(this.#level_dbfs), height);
    context.fillStyle = colour(this.#peak_dbfs > LOUD_DBFS ? "--bad" : "--ink");
    context.fillRect(Math.max(0, across(this.#peak_dbfs) - 2), 0, 2, height);
    if (now_ms - this.#told_ms > TOLD_EVERY_MS) this.#tell(now_ms);
  }

  #tell(now_ms) {
    this.#told_ms = now_ms;
    this.element.setAttribute("aria-valuenow", Math.round(this.#peak_dbfs));
    write(this.figure, decibels(this.#peak_dbfs));
  }
}
