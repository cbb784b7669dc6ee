/** The last few sounds that were heard, the newest first. */

import { mayHear } from "./board.js";
import { h, write } from "./dom.js";
import { ask } from "./http.js";
import { SoundItem } from "./sound.js";

const COUNT = 6;

export class LastSounds {
  #items = new Map();
  #list = h("ol", { class: "plain sounds" });
  #empty = h("p", { class: "empty" });
  element = h("div", {}, this.#list, this.#empty);

  async load() {
    const sounds = await ask("GET", "/sounds", { query: { count: COUNT } });
    sounds.reverse().forEach((sound) => this.#show(sound));
  }

  /** Heed an event; whether it is of a sound that was not there before. */
  heed(sound) {
    const isNew = !this.#items.has(sound.id);
    this.#show({ audible: mayHear(), ...sound });
    return isNew;
  }

  /** Say why there are none, as long as there are none. */
  explain(text) {
    write(this.#empty, text);
  }

  #show(sound) {
    if (this.#items.has(sound.id)) return this.#items.get(sound.id).update(sound);
    const item = new SoundItem(sound);
    this.#items.set(sound.id, item);
    this.#list.prepend(item.element);
    this.#empty.hidden = true;
    while (this.#items.size > COUNT) this.#drop(this.#items.keys().next().value);
  }

  #drop(id) {
    this.#items.get(id).element.remove();
    this.#items.delete(id);
  }
}
