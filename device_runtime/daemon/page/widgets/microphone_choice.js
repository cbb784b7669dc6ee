/** Which sound card is listened to, to be chosen from those that record. */

import { loadStatus } from "../lib/device.js";
import { actionButton, h, runBusy, setChildren } from "../lib/dom.js";
import { capitalise } from "../lib/format.js";
import { requestJson } from "../lib/http.js";
import { showDone } from "../lib/notice.js";
import { t } from "../lib/translate.js";

const ID = "microphone";

export class MicrophoneChoice {
  #select = h("select", { id: ID });
  #advice = h("p", { class: "hint", role: "status" });

  constructor() {
    this.#select.addEventListener("change", () => runBusy(this.#select, () => this.#choose()));
    this.element = h("div", { class: "card" }, h("h2", {}, t("Microphone")),
      h("div", { class: "fields" }, h("div", {}, h("label", { for: ID }, t("Listen to")), this.#select)),
      this.#advice,
      h("p", { class: "buttons" }, actionButton(t("Look for microphones again"), () => this.load())));
  }

  /** Show the sound cards that there are; nothing where the source is none. */
  async load() {
    try {
      this.#show(await requestJson("GET", "/microphones"));
    } catch (problem) {
      this.#select.disabled = true;
      setChildren(this.#select);
      setChildren(this.#advice, [problem.message, problem.hint].filter(Boolean).join("; "));
    }
  }

  #show({ configured, chosen, sound_cards: cards, fixed, hint }) {
    const missing = chosen && !cards.some(({ name }) => name === chosen);
    setChildren(this.#select,
      h("option", { value: "" }, t("As configured: {configured}", { configured })),
      cards.map(({ name, title }) => h("option", { value: name }, `${title} (${name})`)),
      missing && h("option", { value: chosen }, t("{name}, not plugged in", { name: chosen })));
    this.#select.disabled = Boolean(fixed);
    this.#select.value = chosen;
    const advice = cards.length ? "" : t("No sound card that records was found. Plug a microphone in and look again.");
    setChildren(this.#advice, fixed ? `${capitalise(fixed)}; ${hint}` : advice);
  }

  async #choose() {
    try {
      await requestJson("PUT", "/microphone", { json: { name: this.#select.value } });
      showDone(t("Microphone chosen"));
    } finally {
      await Promise.all([this.load(), loadStatus()]);
    }
  }
}
