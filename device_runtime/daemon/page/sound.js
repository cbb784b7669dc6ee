/** One sound that was heard, as an item of a list: what, when, how surely; play it, and say whether it is right. */

import { action, fill, h, write } from "./dom.js";
import { decibels, minute, percent, span, time } from "./format.js";
import { fetched, path } from "./http.js";
import { player } from "./player.js";
import { changed, judge, said, whatItWas } from "./verdict.js";

const LOUD = "_loud"; // the task of what is only loud

export class SoundItem {
  #time = h("time");
  #label = h("b");
  #task = h("span", { class: "quiet" });
  #figures = h("span", { class: "figure" });
  #buttons = h("div", { class: "buttons" });
  #verdict = h("div", { class: "verdict" });
  #offered = "";

  constructor(sound) {
    const name = h("span", { class: "name" }, this.#label, " ", this.#task);
    this.element = h("li", { class: "sound" },
      h("p", { class: "what" }, this.#time, name, this.#figures), this.#buttons, this.#verdict);
    this.update(sound);
  }

  /** Show what is known of the sound now. */
  update(sound) {
    this.sound = { verdict: null, audible: false, exact: true, ...this.sound, ...sound };
    const { start, label, task, phase, verdict, exact } = this.sound;
    this.#time.dateTime = start;
    write(this.#time, exact ? time(start) : minute(start));
    write(this.#label, task === LOUD ? "loud sound" : label);
    write(this.#task, task === LOUD ? "" : task);
    write(this.#figures, this.#told());
    this.element.classList.toggle("sounding", exact && phase !== "end");
    this.#offer();
    if (verdict && !this.#verdict.childElementCount) fill(this.#verdict, badge(verdict));
  }

  /** How long, how loud, how surely; where it is not exact there is nothing to tell, and it never ends. */
  #told() {
    const { start, end, task, score, level_dbfs, phase, exact } = this.sound;
    if (!exact) return "";
    const lasted = phase === "end" ? span((new Date(end) - new Date(start)) / 1000) : "sounding";
    return [lasted, decibels(level_dbfs), task !== LOUD && percent(score)].filter(Boolean).join(" · ");
  }

  /** The buttons, made anew only where they change. */
  #offer() {
    const { id, label, verdict, audible, phase, task, exact } = this.sound;
    const ended = phase === "end";
    const offered = JSON.stringify([verdict, audible, ended]);
    if (offered === this.#offered) return;
    this.#offered = offered;
    const [isTasks, mayJudge] = [task !== LOUD, ended && !verdict];
    const mayCorrect = mayJudge && audible;
    fill(this.#buttons,
      audible && ended && player(() => fetched(path("sounds", id, "audio")), label),
      mayJudge && isTasks && this.#judging("Right", `${label} is right`, { kind: "confirmed" }),
      mayCorrect && isTasks && this.#judging("Not this", `Not ${label}`, { kind: "not" }),
      mayCorrect && action("It was …", () => this.#ask(), { "aria-label": `It was not ${label} but …` }),
      mayJudge && isTasks && !audible && h("span", { class: "quiet" }, "no recording to correct it by"));
    this.#buttons.hidden = (ended || !exact) && !this.#buttons.childElementCount; // there will be none
  }

  #judging(text, name, verdict) {
    return action(text, () => this.#judge(verdict), { "aria-label": name });
  }

  async #ask() {
    const verdict = await whatItWas(this.sound);
    if (verdict) await this.#judge(verdict);
  }

  async #judge(wish) {
    const learns = h("p", { class: "quiet", role: "status" }, "The board is learning it …");
    fill(this.#verdict, wish.kind !== "confirmed" && learns);
    try {
      const { verdict, correction } = await judge(this.sound, wish);
      fill(this.#verdict, badge(verdict), correction && changed(correction));
      this.update({ verdict });
      this.#verdict.firstElementChild.focus();
    } catch (error) {
      fill(this.#verdict);
      throw error;
    }
  }
}

const badge = (verdict) => h("p", { class: `badge ${verdict.kind}`, tabindex: "-1" }, said(verdict));
