/** Collecting recordings: sound by sound, or a folder at once, until they can be tried or saved. */

import { adviceOnAll, isNegative, suffices } from "./advice.js";
import { mayHear } from "./board.js";
import { action, fill, h, write } from "./dom.js";
import { chooser, takesDrops } from "./drop_place.js";
import { capital, count } from "./format.js";
import { Problem } from "./http.js";
import { SoundCard } from "./sound_card.js";

export class Collecting {
  #cards = new Map();
  #grid = h("div", { class: "grid" });
  #told = ","; // of a failure
  #stray = 0; // recordings that were dropped beside the sub-folders
  #name = h("input", {
    id: "sound-name", maxlength: 64, required: true, autocomplete: "off", autocapitalize: "none",
    placeholder: "such as: doorbell",
  });
  #sending = h("div", { role: "status" });
  #refused = h("div");
  #advice = h("p", { class: "hint", role: "status" });
  #failure = h("div", { role: "alert" });
  #trying = h("p", { class: "quiet" }, "Try it: the board learns, hears the last two minutes again, and stores nothing.");
  #try = action("Try it", () => this.lesson.try());
  #save = action("Save", () => this.lesson.save(), { class: "main" });

  /** `known`: the labels that the task has already. */
  constructor(lesson, known) {
    this.lesson = lesson;
    this.known = known;
    this.element = h("div", {}, this.#adding(), this.#grid, this.#finish());
    for (const label of known) this.#card(label);
    this.#card(lesson.negative);
  }

  /** Show the lesson as it is now. */
  update() {
    const { takes } = this.lesson.view;
    for (const { label } of takes) this.#card(label);
    for (const card of this.#cards.values()) card.update();
    this.#showSending();
    write(this.#advice, adviceOnAll(takes, this.known));
    const isReady = suffices(takes, this.known) && this.lesson.sending === null;
    for (const button of [this.#save, this.#try]) button.disabled = !isReady;
    for (const element of [this.#try, this.#trying]) element.hidden = !mayHear();
    this.#showFailure();
  }

  #adding() {
    const drop = h("div", { class: "drop" },
      h("p", {}, h("b", {}, "Drop a folder here"), ", or choose one: each sub-folder becomes a sound."),
      h("p", { class: "buttons" }, chooser("Choose a folder", (found) => this.#send(found), { folder: true })));
    takesDrops(drop, (found) => this.#send(found));
    const add = h("form", { class: "fields", onsubmit: (event) => this.#addSound(event) },
      h("div", {}, h("label", { for: "sound-name" }, "Add a sound"), this.#name),
      h("button", {}, "Add"));
    return h("div", { class: "card" }, add, drop, this.#sending, this.#refused);
  }

  #finish() {
    return h("div", { class: "card finish" },
      this.#advice, this.#failure, h("p", { class: "buttons" }, this.#try, this.#save), this.#trying);
  }

  #addSound(event) {
    event.preventDefault();
    const label = this.#name.value.trim().normalize("NFC");
    if (!label) return;
    this.#name.value = "";
    this.#card(label).focus();
  }

  /** The card of a sound; a new one stands before that of what is none of them. */
  #card(label) {
    if (!this.#cards.has(label)) {
      const card = new SoundCard(this.lesson, label);
      const last = this.#cards.get(this.lesson.negative)?.element;
      this.#cards.set(label, card);
      this.#grid.insertBefore(card.element, isNegative(label) ? null : (last ?? null));
    }
    return this.#cards.get(label);
  }

  async #send(found) {
    const named = found.filter(({ label }) => label !== null);
    if (!found.length) throw new Problem("there is no recording in it", "WAV, FLAC, OGG, Opus, MP3 and AIFF are read");
    this.#stray = found.length - named.length;
    if (named.length) await this.lesson.send(named);
    else this.update();
  }

  /** Why the last try, or saving, came to nothing; everything that was recorded is still there. */
  #showFailure() {
    const { detail, hint } = this.lesson.view;
    const told = [detail, hint].join();
    if (this.#told === told) return;
    this.#told = told;
    fill(this.#failure, detail && [h("p", { class: "hint bad" }, h("b", {}, capital(detail))), h("p", { class: "hint" }, hint)]);
    if (detail) this.#failure.scrollIntoView({ block: "center" });
  }

  #showSending() {
    const { sending, refused } = this.lesson;
    const progress = sending && h("progress", { max: sending.total, value: sending.done, "aria-label": "Sent" });
    fill(this.#sending, sending && [progress, `${sending.done} of ${sending.total} sent`]);
    const stray = `Left out: ${count(this.#stray, "recording")} beside the sub-folders. `;
    fill(this.#refused,
      refused.map((one) => h("p", { class: "hint bad" }, [one.detail, one.hint].filter(Boolean).join(" – "))),
      this.#stray > 0 && h("p", { class: "hint" }, stray, "A file can be dropped on the sound that it is of."));
  }
}
