/** One sound of a lesson: its takes, what to record next, and the ways to add more. */

import { adviceOn, isNegative, nameOf } from "./advice.js";
import { known, mayHear, unheard } from "./board.js";
import { action, fill, h, write } from "./dom.js";
import { chooser, takesDrops } from "./drop_place.js";
import { count, span } from "./format.js";
import { player } from "./player.js";
import { recorded } from "./recorder.js";

const SECONDS = [2, 3, 5, 10];
const NEGATIVES = "What the sounds must not be taken for: speech, steps, other noises of the place.";

export class SoundCard {
  #takes = h("ul", { class: "plain takes" });
  #number = h("span", { class: "quiet" });
  #advice = h("div");
  #place = h("div");
  #deaf = h("p", { class: "hint" });
  #record;
  #rows = new Map();

  constructor(lesson, label) {
    this.lesson = lesson;
    this.label = label;
    this.title = nameOf(label);
    this.#record = this.#recording();
    this.element = h("section", { class: "card sound-card", "aria-label": this.title },
      h("h3", {}, this.title, " ", this.#number), isNegative(label) && h("p", { class: "quiet" }, NEGATIVES),
      this.#advice,
      h("p", { class: "buttons" }, this.#record,
        chooser("Add files", (found) => this.#send(found), { name: `Add files of ${this.title}` })),
      this.#deaf, this.#place, this.#takes);
    takesDrops(this.element, (found) => this.#send(found));
    this.update();
  }

  /** Show the lesson as it is now. */
  update() {
    const takes = this.lesson.takesOf(this.label);
    this.#record.hidden = this.#deaf.hidden = !mayHear();
    this.#record.firstElementChild.disabled = unheard() !== "";
    write(this.#deaf, whyNot());
    write(this.#number, takes.length ? count(takes.length, "take") : "");
    const advice = adviceOn(this.label, takes, this.lesson.judged);
    fill(this.#advice, advice.map(({ text, kind }) => h("p", { class: kind }, text)));
    const ids = new Set(takes.map(({ id }) => id));
    for (const [id, row] of this.#rows) if (!ids.has(id)) this.#drop(id, row);
    takes.forEach((take, index) => this.#rows.has(take.id) ? this.#mark(take) : this.#add(take, index));
  }

  /** Put the focus where one goes on. */
  focus() {
    this.element.querySelector(":not([hidden]) > button:enabled").focus();
  }

  #add(take, index) {
    const name = `take ${index + 1} of ${this.label}`;
    const row = h("li", { class: "take" },
      player(() => this.lesson.sound(take.id), name),
      h("span", { class: "name" }, take.name), h("span", { class: "figure" }, span(take.seconds)),
      action("×", () => this.lesson.remove(take.id), { class: "away", "aria-label": `Remove ${name}` }));
    this.#rows.set(take.id, row);
    this.#takes.append(row);
    this.#mark(take);
  }

  #mark({ id }) {
    const { clipped, quiet } = this.lesson.judged.get(id) ?? {};
    this.#rows.get(id).classList.toggle("doubtful", Boolean(clipped || quiet));
  }

  #drop(id, row) {
    const held = row.contains(document.activeElement);
    row.remove();
    this.#rows.delete(id);
    if (held) this.focus();
  }

  /** A button that records, and how long. */
  #recording() {
    const choices = SECONDS.map((value) => h("option", { value }, `${value} s`));
    const seconds = h("select", { "aria-label": `Seconds to record of ${this.title}` }, choices);
    const take = (wanted) => this.lesson.record(this.label, wanted);
    const record = () => recorded(this.#place, Number(seconds.value), take);
    seconds.value = SECONDS[1];
    return h("span", { class: "joined" },
      action("Record", record, { class: "record", "aria-label": `Record ${this.title}` }), seconds);
  }

  #send(found) {
    return this.lesson.send(found.map(({ file }) => ({ file, label: this.label })));
  }
}

/** Why nothing can be recorded, with what the microphone's condition tells; empty where it can. */
function whyNot() {
  const why = unheard();
  if (!why) return "";
  const { source, listening = true } = known.status;
  const told = listening ? [source.detail, source.hint].filter(Boolean).join(" – ") : "";
  return [`${why}, so nothing can be recorded`, told].filter(Boolean).join(": ");
}
