/** One sound of an enrolment: its recordings, advice, and the ways to add more. */

import { adviseOnSound } from "../lib/advice.js";
import { allowsAudio, device, whyNoAudio } from "../lib/device.js";
import { actionButton, h, setChildren, setText } from "../lib/dom.js";
import { formatDuration } from "../lib/format.js";
import { displayLabel, isNegative } from "../lib/labels.js";
import { showError } from "../lib/notice.js";
import { t } from "../lib/translate.js";
import { CutPanel } from "../widgets/cut_panel.js";
import { acceptDrops, makeChooser } from "../widgets/drop_zone.js";
import { makePlayer } from "../widgets/player.js";
import { recordWithCountdown } from "../widgets/recorder.js";

const SECONDS = [2, 3, 5, 10];
const NEGATIVE_NOTE = t("Sounds that should not be detected, such as speech, steps and noise in the room.");

export class SoundCard {
  #takes = h("ul", { class: "plain takes" });
  #number = h("span", { class: "quiet" });
  #advice = h("div");
  #place = h("div");
  #noRecording = h("p", { class: "hint" });
  #record;
  #rows = new Map();
  #cuts = h("div");
  #panels = new Map();

  constructor(enrolment, label) {
    this.enrolment = enrolment;
    this.label = label;
    this.title = displayLabel(label);
    this.#record = this.#makeRecordButton();
    this.element = h("section", { class: "card sound-card", "aria-label": this.title },
      h("h3", {}, this.title, " ", this.#number), isNegative(label) && h("p", { class: "quiet" }, NEGATIVE_NOTE),
      this.#advice,
      h("p", { class: "buttons" }, this.#record,
        makeChooser(t("Add files"), (found) => this.#send(found), { name: t("Add files of {title}", this) }),
        !isNegative(label) && this.#makeCutButton()),
      this.#noRecording, this.#place, this.#cuts, this.#takes);
    acceptDrops(this.element, (found) => this.#send(found));
    this.update();
  }

  /** Show the present state of the enrolment. */
  update() {
    const takes = this.enrolment.listTakes(this.label);
    this.#record.hidden = this.#noRecording.hidden = !allowsAudio();
    this.#record.firstElementChild.disabled = whyNoAudio() !== "";
    setText(this.#noRecording, whyNoRecording());
    setText(this.#number, takes.length ? t("{count} recordings", { count: takes.length }) : "");
    const advice = adviseOnSound(this.label, takes, this.enrolment.qualities);
    setChildren(this.#advice, advice.map(({ text, kind }) => h("p", { class: kind }, text)));
    const ids = new Set(takes.map(({ id }) => id));
    for (const [id, row] of this.#rows) if (!ids.has(id)) this.#dropRow(id, row);
    this.#showCuts();
    takes.forEach((take, index) => this.#rows.has(take.id) ? this.#markRow(take) : this.#addRow(take, index));
  }

  /** Focus the first button. */
  focus() {
    this.element.querySelector(":not([hidden]) > button:enabled").focus();
  }

  /** Show the long recordings whose takes wait for a choice. */
  #showCuts() {
    const cuts = this.enrolment.view.cuts.filter(({ label }) => label === this.label);
    const ids = new Set(cuts.map(({ id }) => id));
    for (const [id, { element }] of this.#panels) {
      if (ids.has(id)) continue;
      const hadFocus = element.contains(document.activeElement);
      element.remove();
      this.#panels.delete(id);
      if (hadFocus) this.focus();
    }
    for (const cut of cuts) {
      if (this.#panels.has(cut.id)) continue;
      const panel = new CutPanel(this.enrolment, cut);
      this.#panels.set(cut.id, panel);
      this.#cuts.append(panel.element);
      panel.draw().catch(showError);
    }
  }

  #addRow(take, index) {
    const name = t("recording {number} of {label}", { number: index + 1, label: this.label });
    const row = h("li", { class: "take" },
      makePlayer(() => this.enrolment.fetchAudio(take.id), name),
      h("span", { class: "name" }, take.name), h("span", { class: "figure" }, formatDuration(take.seconds)),
      actionButton("×", () => this.enrolment.remove(take.id), { class: "remove", "aria-label": t("Remove {name}", { name }) }));
    this.#rows.set(take.id, row);
    this.#takes.append(row);
    this.#markRow(take);
  }

  #markRow({ id }) {
    const { clipped, quiet } = this.enrolment.qualities.get(id) ?? {};
    this.#rows.get(id).classList.toggle("doubtful", Boolean(clipped || quiet));
  }

  #dropRow(id, row) {
    const hadFocus = row.contains(document.activeElement);
    row.remove();
    this.#rows.delete(id);
    if (hadFocus) this.focus();
  }

  /** Return a button that records, and a select for the duration. */
  #makeRecordButton() {
    const options = SECONDS.map((value) => h("option", { value }, t("{number} s", { number: value })));
    const seconds = h("select", { "aria-label": t("Seconds to record of {title}", this) }, options);
    const record = (duration_s) => this.enrolment.record(this.label, duration_s);
    const start = () => recordWithCountdown(this.#place, Number(seconds.value), record);
    seconds.value = SECONDS[1];
    return h("span", { class: "joined" },
      actionButton(t("Record"), start, { class: "record", "aria-label": t("Record {title}", this) }), seconds);
  }

  /** Return a button that uploads a long recording, to be cut into takes. */
  #makeCutButton() {
    const cut = async ([found]) => {
      if (found) await this.enrolment.cut(found.file, this.label);
    };
    return makeChooser(t("Cut a recording"), cut, { single: true, name: t("Cut a long recording of {title}", this) });
  }

  #send(found) {
    return this.enrolment.send(found.map(({ file }) => ({ file, label: this.label })));
  }
}

/** Return why nothing can be recorded, with the details of the microphone; empty if it can. */
function whyNoRecording() {
  const reason = whyNoAudio();
  if (!reason) return "";
  const { source, listening = true } = device.status;
  const details = listening ? [source.detail, source.hint].filter(Boolean).join(" – ") : "";
  return [t("{reason}, so nothing can be recorded", { reason }), details].filter(Boolean).join(": ");
}
