/** Events grouped by day, newest first. */

import { h, setText } from "../lib/dom.js";
import { formatDate, formatDay } from "../lib/format.js";
import { SoundItem } from "./sound_item.js";

const RENAME_EVERY_MS = 60_000; // "Today" becomes "Yesterday"

export class SoundList {
  element = h("div");
  #items = new Map();

  constructor() {
    setInterval(() => [...this.element.children].forEach(nameDay), RENAME_EVERY_MS);
  }

  get size() {
    return this.#items.size;
  }

  /** All events, in no particular order. */
  get events() {
    return [...this.#items.values()].map(({ event }) => event);
  }

  has(id) {
    return this.#items.has(id);
  }

  /** Add an event, or update it. */
  put(event) {
    if (this.has(event.id)) return this.#items.get(event.id).update(event);
    const item = new SoundItem(event);
    this.#items.set(event.id, item);
    item.element.dataset.id = event.id;
    const list = this.#findDay(event.start);
    const next = [...list.children].find((other) => other.querySelector("time").dateTime <= event.start);
    list.insertBefore(item.element, next ?? null);
  }

  /** Remove the oldest events beyond a number; return whether there were any. */
  trim(most) {
    const isOver = this.size > most;
    while (this.size > most) this.#dropOldest(this.element.lastElementChild);
    return isOver;
  }

  clear() {
    this.#items.clear();
    this.element.replaceChildren();
  }

  #dropOldest(group) {
    const oldest = group.lastElementChild.lastElementChild;
    this.#items.delete(oldest.dataset.id);
    oldest.remove();
    if (!group.lastElementChild.childElementCount) group.remove();
  }

  /** Return the list of a day; create it if needed. */
  #findDay(start) {
    const groups = [...this.element.children];
    const existing = groups.find((group) => group.dataset.day === formatDate(start));
    if (existing) return existing.lastElementChild;
    const list = h("ol", { class: "plain sounds" });
    const group = h("section", { class: "card day", "data-day": formatDate(start), "data-start": start }, h("h2"), list);
    nameDay(group);
    this.element.insertBefore(group, groups.find((other) => other.dataset.day < formatDate(start)) ?? null);
    return list;
  }
}

/** Set the heading of a day. */
function nameDay(group) {
  const name = formatDay(group.dataset.start);
  group.setAttribute("aria-label", name);
  setText(group.firstElementChild, name);
}
