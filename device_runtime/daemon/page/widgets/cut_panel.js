/** The takes of a long recording on its spectrogram: each is kept or dropped by a click, and can be played. */

import { actionButton, h, setText } from "../lib/dom.js";
import { formatDecibels, formatDuration, formatPlace } from "../lib/format.js";
import { splitColumns } from "../lib/live.js";
import { t } from "../lib/translate.js";
import { makePlayer } from "./player.js";
import { paintSpectrogram } from "./spectrogram.js";

export class CutPanel {
  #canvas = h("canvas", { role: "img", "aria-label": t("Spectrogram") });
  #dropped = new Set();
  #takes; // number → {mark, row, box}
  #keep = actionButton("", () => this.#save(), { class: "main" });

  /** `cut`: a long recording as the API describes it. */
  constructor(enrolment, cut) {
    this.enrolment = enrolment;
    this.cut = cut;
    this.#takes = new Map(cut.takes.map((take) => [take.number, this.#makeTake(take)]));
    const parts = [...this.#takes.values()];
    this.element = h("section", { class: "cut", "aria-label": t("Takes in {name}", cut) },
      h("h4", {}, cut.name, " ", h("span", { class: "quiet" }, formatPlace(cut.duration_s))),
      cut.notes.map((note) => h("p", { class: "hint" }, note)),
      h("p", { class: "quiet" }, t("A click drops a take, and another one keeps it.")),
      h("div", { class: "timeline", tabindex: "0", role: "region", "aria-label": t("Spectrogram of {name}", cut) },
        h("div", { class: "track", "--seconds": cut.duration_s }, this.#canvas, parts.map(({ mark }) => mark))),
      h("ul", { class: "plain takes" }, parts.map(({ row }) => row)),
      h("p", { class: "buttons" }, this.#keep, actionButton(t("Remove"), () => enrolment.removeCut(cut.id),
        { "aria-label": t("Remove {name}", cut) })));
    this.#update();
  }

  /** Load and draw the spectrogram. */
  async draw() {
    paintSpectrogram(this.#canvas, splitColumns(await this.enrolment.fetchCutSpectrum(this.cut.id)));
  }

  #makeTake({ number, start_s, end_s, level_dbfs }) {
    const name = t("take {number}", { number });
    const toggle = () => this.#toggle(number);
    const place = { "--start": start_s, "--length": end_s - start_s };
    const keep = t("Keep {name}", { name });
    const mark = h("button", { type: "button", class: "mark", ...place, "aria-label": keep, onclick: toggle },
      h("span", {}, String(number)));
    const box = h("input", { type: "checkbox", "aria-label": keep, onchange: toggle });
    const figures = [formatDuration(end_s - start_s), formatDecibels(level_dbfs)].join(" · ");
    const row = h("li", { class: "take" }, box,
      makePlayer(() => this.enrolment.fetchCutTake(this.cut.id, number), name),
      h("span", { class: "name" }, `${number} · ${formatPlace(start_s)}`), h("span", { class: "figure" }, figures));
    return { mark, row, box };
  }

  #toggle(number) {
    if (!this.#dropped.delete(number)) this.#dropped.add(number);
    this.#update();
  }

  #update() {
    for (const [number, { mark, row, box }] of this.#takes) {
      const isKept = !this.#dropped.has(number);
      mark.setAttribute("aria-pressed", String(isKept));
      row.classList.toggle("dropped", !isKept);
      box.checked = isKept;
    }
    const kept = this.#takes.size - this.#dropped.size;
    setText(this.#keep, t("Use {count} takes", { count: kept }));
    this.#keep.disabled = !kept;
  }

  #save() {
    return this.enrolment.keepTakes(this.cut.id, [...this.#dropped]);
  }
}
