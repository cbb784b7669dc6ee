/** Sounds day by day, the newest first. */

import { h, write } from "./dom.js";
import { date, day } from "./format.js";
import { SoundItem } from "./sound.js";

const EVERY_MS = 60_000; // days are called anew: "Today" becomes "Yesterday"

export class Days {
  element = h("div");
  #items = new Map();

  constructor() {
    setInterval(() => [...this.element.children].forEach(called), EVERY_MS);
  }

  get size() {
    return this.#items.size;
  }

  /** Of these sounds, in no order. */
  get sounds() {
    return [...this.#items.values()].map(({ sound }) => sound);
  }

  has(id) {
    return this.#items.has(id);
  }

  /** Show a sound, or what is new of it. */
  place(sound) {
    if (this.has(sound.id)) return this.#items.get(sound.id).update(sound);
    const item = new SoundItem(sound);
    this.#items.set(sound.id, item);
    item.element.dataset.id = sound.id;
    const list = this.#listOf(sound.start);
    const later = [...list.children].find((other) => other.querySelector("time").dateTime <= sound.start);
    list.insertBefore(item.element, later ?? null);
  }

  /** Drop the oldest where there are more than so many; whether some were. */
  keep(most) {
    const isOver = this.size > most;
    while (this.size > most) this.#drop(this.element.lastElementChild);
    return isOver;
  }

  clear() {
    this.#items.clear();
    this.element.replaceChildren();
  }

  #drop(group) {
    const oldest = group.lastElementChild.lastElementChild;
    this.#items.delete(oldest.dataset.id);
    oldest.remove();
    if (!group.lastElementChild.childElementCount) group.remove();
  }

  /** The list of a day, which is made where there is none yet. */
  #listOf(start) {
    const groups = [...this.element.children];
    const there = groups.find((group) => group.dataset.day === date(start));
    if (there) return there.lastElementChild;
    const list = h("ol", { class: "plain sounds" });
    const group = h("section", { class: "card day", "data-day": date(start), "data-start": start }, h("h2"), list);
    called(group);
    this.element.insertBefore(group, groups.find((other) => other.dataset.day < date(start)) ?? null);
    return list;
  }
}

/** Name a day as it is called now. */
function called(group) {
  const name = day(group.dataset.start);
  group.setAttribute("aria-label", name);
  write(group.firstElementChild, name);
}
