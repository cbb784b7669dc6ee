/** One sound that was heard, as an item of a list: what, when, how surely; play it, and say whether it is right. */

import { mayHear } from "./board.js";
import { action, fill, h, write } from "./dom.js";
import { decibels, percent, span, time } from "./format.js";
import { fetched, path } from "./http.js";
import { player } from "./player.js";
import { changed, judge, said, whatItWas } from "./verdict.js";

const LOUD = "_loud";

export class SoundItem {
  #parts = { time: h("time"), label: h("b"), task: h("span", { class: "quiet" }), figures: h("span", { class: "figure" }) };
  #buttons = h("div", { class: "buttons" });
  #verdict = h("div", { class: "verdict" });
  #drawn = "";

  constructor(sound) {
    const { time, label, task, figures } = this.#parts;
    this.element = h("li", { class: "sound" },
      h("p", { class: "what" }, time, h("span", { class: "name" }, label, " ", task), figures), this.#buttons, this.#verdict);
    this.update(sound);
  }

  /** Show what is known of the sound now. */
  update(sound) {
    this.sound = { verdict: null, audible: false, ...this.sound, ...sound };
    const { start, end, label, task, score, level_dbfs, phase, exact = true } = this.sound;
    const lasted = phase === "end" ? span((new Date(end) - new Date(start)) / 1000) : "sounding";
    this.#parts.time.dateTime = start;
    write(this.#parts.time, time(start));
    write(this.#parts.label, task === LOUD ? "loud sound" : label);
    write(this.#parts.task, task === LOUD ? "" : task);
    const figures = [lasted, decibels(level_dbfs), task !== LOUD && percent(score)]; // which the privacy level may blank
    write(this.#parts.figures, exact ? figures.filter(Boolean).join(" · ") : "");
    this.element.classList.toggle("sounding", phase !== "end");
    this.#offer();
  }

  /** The buttons, made anew only where they change. */
  #offer() {
    const { id, label, verdict, audible, phase, task } = this.sound;
    const drawn = JSON.stringify([verdict, audible, phase === "end"]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const ended = phase === "end";
    const mayCorrect = ended && audible && !verdict && mayHear();
    fill(this.#buttons,
      audible && ended && player(() => fetched(path("sounds", id, "audio")), label),
      ended && !verdict && task !== LOUD && action("Right", () => this.#judge({ kind: "confirmed" }), { "aria-label": `${label} is right` }),
      mayCorrect && task !== LOUD && action("Not this", () => this.#judge({ kind: "not" }), { "aria-label": `Not ${label}` }),
      mayCorrect && action("It was …", () => this.#ask(), { "aria-label": `It was not ${label} but …` }));
    if (verdict && !this.#verdict.childElementCount) fill(this.#verdict, h("p", { class: `badge ${verdict.kind}` }, said(verdict)));
  }

  async #ask() {
    const verdict = await whatItWas(this.sound);
    if (verdict) await this.#judge(verdict);
  }

  async #judge(wish) {
    const learns = wish.kind !== "confirmed";
    fill(this.#verdict, learns && h("p", { class: "quiet", role: "status" }, "The board is learning it …"));
    try {
      const { verdict, correction } = await judge(this.sound, wish);
      fill(this.#verdict, h("p", { class: `badge ${verdict.kind}`, tabindex: "-1" }, said(verdict)), correction && changed(correction));
      this.update({ verdict });
      this.#verdict.firstElementChild.focus();
    } catch (error) {
      fill(this.#verdict);
      throw error;
    }
  }
}
