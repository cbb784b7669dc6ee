/** A level meter with peak hold. */

import { fitCanvas, getColour } from "../lib/canvas.js";
import { h, setText } from "../lib/dom.js";
import { formatDecibels } from "../lib/format.js";
import { t } from "../lib/translate.js";

const FLOOR_DBFS = -80;
const LOUD_DBFS = -6;
const PEAK_FALLS_DB = 0.6; // a column
const TEXT_EVERY_MS = 500;

export class Meter {
  #peak_dbfs = FLOOR_DBFS;
  #level_dbfs = FLOOR_DBFS;
  #text_ms = 0;
  canvas = h("canvas", { class: "meter" });
  figure = h("output", { class: "figure" });
  element = h("div", { class: "level", role: "meter", "aria-label": t("Level") }, this.canvas);

  constructor() {
    this.element.setAttribute("aria-valuemin", FLOOR_DBFS);
    this.element.setAttribute("aria-valuemax", 0);
  }

  add(level_dbfs) {
    this.#level_dbfs = Math.max(FLOOR_DBFS, level_dbfs);
    this.#peak_dbfs = Math.max(this.#level_dbfs, this.#peak_dbfs - PEAK_FALLS_DB);
  }

  /** Show silence. */
  reset() {
    this.#level_dbfs = this.#peak_dbfs = FLOOR_DBFS;
    this.draw(performance.now());
  }

  draw(now_ms) {
    const context = fitCanvas(this.canvas);
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const toX = (level) => ((level - FLOOR_DBFS) / -FLOOR_DBFS) * width;
    context.fillStyle = getColour("--rail");
    context.fillRect(0, 0, width, height);
    context.fillStyle = getColour(this.#level_dbfs > LOUD_DBFS ? "--bad" : "--accent");
    context.fillRect(0, 0, toX(this.#level_dbfs), height);
    context.fillStyle = getColour(this.#peak_dbfs > LOUD_DBFS ? "--bad" : "--ink");
    context.fillRect(Math.max(0, toX(this.#peak_dbfs) - 2), 0, 2, height);
    if (now_ms - this.#text_ms > TEXT_EVERY_MS) this.#writeText(now_ms);
  }

  #writeText(now_ms) {
    this.#text_ms = now_ms;
    this.element.setAttribute("aria-valuenow", Math.round(this.#peak_dbfs));
    setText(this.figure, formatDecibels(this.#peak_dbfs));
  }
}
