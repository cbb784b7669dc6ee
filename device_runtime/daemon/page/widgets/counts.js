/** How often each sound was detected on each of the last days, as a table; a cell is chosen by a click. */

import { h, setChildren } from "../lib/dom.js";
import { formatDate, formatNumber, formatShortDay } from "../lib/format.js";
import { requestJson } from "../lib/http.js";
import { displayEvent } from "../lib/labels.js";
import { t } from "../lib/translate.js";

const DAYS = 7;
const DAY_MS = 86_400_000;
const NOON = 12;

/** Minutes by which the browser's clock is ahead of UTC. */
export const utcOffset_min = () => -new Date().getTimezoneOffset();

export class Counts {
  element = h("div", { class: "scroll" });

  /** `choose({day, task, label})` is called for the cell that is clicked. */
  constructor(choose) {
    this.choose = choose;
  }

  async load() {
    const query = { days: DAYS, utc_offset_min: utcOffset_min() };
    this.#show(await requestJson("GET", "/sound-counts", { query }));
  }

  #show(counts) {
    const days = Array.from({ length: DAYS }, (_, index) => formatDate(new Date().setHours(NOON) - index * DAY_MS)).reverse();
    const rows = new Map();
    for (const one of counts) {
      const key = JSON.stringify([one.task, one.label]);
      if (!rows.has(key)) rows.set(key, { task: one.task, label: one.label, byDay: new Map() });
      rows.get(key).byDay.set(one.day, one.count);
    }
    const most = Math.max(1, ...counts.map(({ count }) => count));
    const head = h("tr", {}, h("th", { scope: "col" }, t("Sound")), days.map((day) => h("th", { scope: "col" }, formatShortDay(day))));
    const body = [...rows.values()].sort((one, other) => one.label.localeCompare(other.label))
      .map((row) => this.#makeRow(row, days, most));
    setChildren(this.element, rows.size > 0 && h("table", { class: "counts" },
      h("caption", {}, t("Detections of the last seven days")), h("thead", {}, head), h("tbody", {}, body)));
  }

  #makeRow({ task, label, byDay }, days, most) {
    const name = displayEvent({ task, label });
    return h("tr", {}, h("th", { scope: "row" }, name), days.map((day) => {
      const count = byDay.get(day) ?? 0;
      const choose = () => this.choose({ day, task, label });
      const cell = h("button", { type: "button", "aria-label": t("{name}, {day}: {count}", { name, day: formatShortDay(day), count }), onclick: choose }, formatNumber(count));
      return h("td", { "--share": count / most }, count > 0 && cell);
    }));
  }
}
