/** A lesson on the screen: sound by sound, then Try or Save, then what was learnt. */

import { adviceOnAll, isNegative, NEGATIVE, suffices } from "./advice.js";
import { known, mayHear } from "./board.js";
import { agreed } from "./dialog.js";
import { action, fill, h, write } from "./dom.js";
import { chooser, takesDrops } from "./drop_place.js";
import { capital, count } from "./format.js";
import { Problem } from "./http.js";
import { outcome } from "./outcome.js";
import { SoundCard } from "./sound_card.js";

const COLLECTS = new Set(["collecting", "tried"]);
const WORKS = new Set(["learning", "trying"]);

export class LessonView {
  #cards = new Map();
  #grid = h("div", { class: "grid" });
  #stray = 0;
  #name = h("input", { id: "sound-name", maxlength: 64, autocomplete: "off", autocapitalize: "none", required: true, placeholder: "such as: doorbell" });
  #sending = h("div", { role: "status" });
  #refused = h("div");
  #advice = h("p", { class: "hint", role: "status" });
  #collecting;
  #work = h("div", { role: "status" });
  #result = h("div", { tabindex: "-1" });
  #resultOf = null;
  #leave = action("Give up", () => this.#cancel());
  #save = action("Save", () => this.lesson.save(), { class: "main" });
  #try = action("Try it", () => this.lesson.try());

  /** `left()` is called when the user is done with it. */
  constructor(lesson, left) {
    this.lesson = lesson;
    this.left = left;
    const { task, mode } = lesson.view;
    const taught = known.tasks.find((one) => one.task === task);
    this.known = mode === "add" && taught ? taught.labels : [];
    lesson.negative = this.known.find(isNegative) ?? NEGATIVE;
    this.#collecting = this.#collect();
    const words = { new: "A new task", add: "More for", replace: "Anew" };
    this.element = h("div", {},
      h("div", { class: "card lesson-head" }, h("h2", {}, h("span", { class: "quiet" }, words[mode]), " ", task), this.#leave),
      this.#work, this.#result, this.#collecting);
    for (const label of this.known) this.#card(label);
    this.#card(lesson.negative);
    lesson.addEventListener("change", () => this.update());
    this.update();
  }

  /** Show the lesson as it is now. */
  update() {
    const { state, takes } = this.lesson.view;
    for (const { label } of takes) this.#card(label);
    for (const card of this.#cards.values()) card.update();
    this.#collecting.hidden = !COLLECTS.has(state);
    this.#leave.hidden = state === "done" || state === "failed";
    this.#showSending();
    write(this.#advice, adviceOnAll(takes, this.known));
    for (const button of [this.#save, this.#try]) button.disabled = !suffices(takes, this.known) || this.lesson.sending !== null;
    this.#showWork();
    this.#showResult();
  }

  #collect() {
    const drop = h("div", { class: "drop" }, h("p", {}, h("b", {}, "Drop a folder here"), ", or choose one: each sub-folder becomes a sound."),
      h("p", { class: "buttons" }, chooser("Choose a folder", (found) => this.#send(found), { folder: true })));
    takesDrops(drop, (found) => this.#send(found));
    const add = h("form", { class: "fields", onsubmit: (event) => this.#addSound(event) },
      h("div", {}, h("label", { for: "sound-name" }, "Add a sound"), this.#name), h("button", {}, "Add"));
    return h("div", {}, h("div", { class: "card" }, add, drop, this.#sending, this.#refused), this.#grid,
      h("div", { class: "card finish" }, this.#advice, h("p", { class: "buttons" }, mayHear() && this.#try, this.#save),
        h("p", { class: "quiet" }, mayHear() && "Try it: the board learns, hears the last two minutes again, and stores nothing.")));
  }

  #addSound(event) {
    event.preventDefault();
    const label = this.#name.value.trim().normalize("NFC");
    if (!label) return;
    this.#name.value = "";
    this.#card(label).element.querySelector("button").focus();
  }

  /** The card of a sound; a new one stands before that of what is none of them. */
  #card(label) {
    if (!this.#cards.has(label)) {
      const card = new SoundCard(this.lesson, label);
      this.#cards.set(label, card);
      this.#grid.insertBefore(card.element, isNegative(label) ? null : (this.#cards.get(this.lesson.negative)?.element ?? null));
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

  #showSending() {
    const { sending, refused } = this.lesson;
    fill(this.#sending, sending && [h("progress", { max: sending.total, value: sending.done, "aria-label": "Sent" }), `${sending.done} of ${sending.total} sent`]);
    fill(this.#refused,
      refused.map(({ name, detail, hint }) => h("p", { class: "hint bad" }, `${name}: ${detail}${hint ? ` – ${hint}` : ""}`)),
      this.#stray > 0 && h("p", { class: "hint" }, `Left out: ${count(this.#stray, "recording")} beside the sub-folders. A file can be dropped on the sound that it is of.`));
  }

  #showWork() {
    const { state, progress, detail, hint } = this.lesson.view;
    if (detail && !WORKS.has(state)) {
      fill(this.#work, h("div", { class: "card bad" }, h("p", {}, h("b", {}, capital(detail))), h("p", { class: "hint" }, hint),
        state === "failed" && action("Begin again", () => this.left())));
    } else if (WORKS.has(state)) {
      const { stage = "beginning", done = 0, total = 1 } = progress ?? {};
      fill(this.#work, h("div", { class: "card" }, h("p", {}, h("b", {}, state === "trying" ? "Learning, to try it" : "Learning"), "; the board goes on listening."),
        h("progress", { max: total, value: done, "aria-label": stage }), h("p", { class: "quiet" }, `${capital(stage)}, ${done} of ${total}`)));
    } else fill(this.#work);
  }

  #showResult() {
    const { state, result, task } = this.lesson.view;
    const shows = result && (state === "tried" || state === "done");
    if (this.#resultOf === (shows ? result : null)) return;
    this.#resultOf = shows ? result : null;
    if (!shows) return void fill(this.#result);
    fill(this.#result, h("div", { class: "card" },
      h("h2", {}, state === "done" ? `The board knows ${task}` : "A try, not stored"), outcome(result),
      h("p", { class: "buttons" }, state === "tried" ? action("Save", () => this.lesson.save(), { class: "main" }) : this.#onward())));
    this.#result.focus();
  }

  #onward() {
    return [h("a", { class: "button main", href: "#now", onclick: () => this.left() }, "Hear it now"), action("Teach more", () => this.left())];
  }

  async #cancel() {
    const { takes, task } = this.lesson.view;
    const what = `${count(takes.length, "recording")} of ${task} will be thrown away.`;
    if (takes.length && !(await agreed("Give this up?", what, "Throw away"))) return;
    await this.lesson.cancel();
    this.left();
  }
}
