/** The latest events, newest first. */

import { allowsAudio } from "../lib/device.js";
import { h, setText } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { SoundItem } from "./sound_item.js";

const COUNT = 6;

export class RecentSounds {
  #items = new Map();
  #list = h("ol", { class: "plain sounds" });
  #empty = h("p", { class: "empty" });
  element = h("div", {}, this.#list, this.#empty);

  async load() {
    const events = await requestJson("GET", "/sounds", { query: { count: COUNT } });
    events.reverse().forEach((event) => this.#show(event));
  }

  /** Add an event, or update it; return whether it is new. */
  put(event) {
    const isNew = !this.#items.has(event.id);
    this.#show({ audible: allowsAudio(), ...event });
    return isNew;
  }

  /** Set the text that is shown while there are no events. */
  explain(text) {
    setText(this.#empty, text);
  }

  #show(event) {
    if (this.#items.has(event.id)) return this.#items.get(event.id).update(event);
    const item = new SoundItem(event);
    this.#items.set(event.id, item);
    this.#list.prepend(item.element);
    this.#empty.hidden = true;
    while (this.#items.size > COUNT) this.#drop(this.#items.keys().next().value);
  }

  #drop(id) {
    this.#items.get(id).element.remove();
    this.#items.delete(id);
  }
}
