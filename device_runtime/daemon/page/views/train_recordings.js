/** Collecting the recordings of an enrolment: one sound at a time or whole folders; then a trial or training. */

import { adviseOnAll, adviseOnCuts, isEnough } from "../lib/advice.js";
import { allowsAudio } from "../lib/device.js";
import { actionButton, h, setChildren, setText } from "../lib/dom.js";
import { capitalise } from "../lib/format.js";
import { Problem } from "../lib/http.js";
import { isNegative } from "../lib/labels.js";
import { t } from "../lib/translate.js";
import { acceptDrops, makeChooser } from "../widgets/drop_zone.js";
import { SoundCard } from "./train_sound.js";

export class Collector {
  #cards = new Map();
  #grid = h("div", { class: "grid" });
  #shownFailure = ",";
  #skipped = 0; // recordings that were dropped outside of the sub-folders
  #name = h("input", {
    id: "sound-name", maxlength: 64, required: true, autocomplete: "off", autocapitalize: "none",
    placeholder: t("for example: doorbell"),
  });
  #upload = h("div", { role: "status" });
  #refused = h("div");
  #advice = h("p", { class: "hint", role: "status" });
  #failure = h("div", { role: "alert" });
  #trialNote = h("p", { class: "quiet" },
    t("Try it: trains and shows what would have been detected in the last two minutes; nothing is saved."));
  #try = actionButton(t("Try it"), () => this.enrolment.try());
  #save = actionButton(t("Train and save"), () => this.enrolment.save(), { class: "main" });

  /** `existing`: the labels that the task has already. */
  constructor(enrolment, existing) {
    this.enrolment = enrolment;
    this.existing = existing;
    this.element = h("div", {}, this.#makeAddCard(), this.#grid, this.#makeFinishCard());
    for (const label of existing) this.#findCard(label);
    this.#findCard(enrolment.negative);
  }

  /** Show the present state of the enrolment. */
  update() {
    const { takes, cuts } = this.enrolment.view;
    for (const { label } of [...takes, ...cuts]) this.#findCard(label);
    for (const card of this.#cards.values()) card.update();
    this.#showUpload();
    setText(this.#advice, adviseOnAll(takes, this.existing) || adviseOnCuts(cuts));
    const isReady = isEnough(takes, this.existing) && this.enrolment.upload === null;
    this.#try.disabled = !isReady;
    this.#save.disabled = !isReady || cuts.length > 0;
    for (const element of [this.#try, this.#trialNote]) element.hidden = !allowsAudio();
    this.#showFailure();
  }

  #makeAddCard() {
    const drop = h("div", { class: "drop" },
      h("p", {}, t("{action}, or choose one: each sub-folder becomes a sound.", { action: h("b", {}, t("Drop a folder here")) })),
      h("p", { class: "buttons" }, makeChooser(t("Choose a folder"), (found) => this.#send(found), { folder: true })));
    acceptDrops(drop, (found) => this.#send(found));
    const add = h("form", { class: "fields", onsubmit: (event) => this.#addSound(event) },
      h("div", {}, h("label", { for: "sound-name" }, t("Add a sound")), this.#name),
      h("button", {}, t("Add")));
    return h("div", { class: "card" }, add, drop, this.#upload, this.#refused);
  }

  #makeFinishCard() {
    return h("div", { class: "card finish" },
      this.#advice, this.#failure, h("p", { class: "buttons" }, this.#try, this.#save), this.#trialNote);
  }

  #addSound(event) {
    event.preventDefault();
    const label = this.#name.value.trim().normalize("NFC");
    if (!label) return;
    this.#name.value = "";
    this.#findCard(label).focus();
  }

  /** Return the card of a label; create it if needed. The negative label comes last. */
  #findCard(label) {
    if (!this.#cards.has(label)) {
      const card = new SoundCard(this.enrolment, label);
      const last = this.#cards.get(this.enrolment.negative)?.element;
      this.#cards.set(label, card);
      this.#grid.insertBefore(card.element, isNegative(label) ? null : (last ?? null));
    }
    return this.#cards.get(label);
  }

  async #send(found) {
    const labelled = found.filter(({ label }) => label !== null);
    if (!found.length) {
      throw new Problem(t("there are no audio files in it"), t("supported: WAV, FLAC, OGG, Opus, MP3 and AIFF"));
    }
    this.#skipped = found.length - labelled.length;
    if (labelled.length) await this.enrolment.send(labelled);
    else this.update();
  }

  /** Show why the last trial or training failed. */
  #showFailure() {
    const { detail, hint } = this.enrolment.view;
    const failure = [detail, hint].join();
    if (this.#shownFailure === failure) return;
    this.#shownFailure = failure;
    setChildren(this.#failure,
      detail && [h("p", { class: "hint bad" }, h("b", {}, capitalise(detail))), h("p", { class: "hint" }, hint)]);
    if (detail) this.#failure.scrollIntoView({ block: "center" });
  }

  #showUpload() {
    const { upload, refused } = this.enrolment;
    const bar = upload && h("progress", { max: upload.total, value: upload.done, "aria-label": t("Uploaded") });
    setChildren(this.#upload, upload && [bar, t("{done} of {total} uploaded", upload)]);
    const skipped = t("Skipped: {count} recordings outside of the sub-folders. Drop a file on the card of its sound instead.",
      { count: this.#skipped });
    setChildren(this.#refused,
      refused.map((one) => h("p", { class: "hint bad" }, [one.detail, one.hint].filter(Boolean).join(" – "))),
      this.#skipped > 0 && h("p", { class: "hint" }, skipped));
  }
}
