/** What the microphone hears at this moment. The board tells it twice a second, ten columns of 50 ms at once;
 * they are played one by one, so that what is drawn from them moves evenly. */

import { Stream } from "./stream.js";

const COLUMNS_PER_S = 20;
const BANDS = 48;
const LATE = 1.5 * COLUMNS_PER_S; // columns that may wait before some are passed over

const followers = new Set();
const stream = new Stream("/live", (kind, moment) => {
  if (kind === "moment") for (const follower of followers) follower(moment);
});

/** Have `follower` called with every moment; what comes back ends it. */
export function follow(follower) {
  followers.add(follower);
  stream.open();
  return () => {
    followers.delete(follower);
    if (!followers.size) stream.close();
  };
}

/** Columns on their way to the screen: {level_dbfs, bands: Uint8Array [48] or null, time: Unix ms}. */
export class Playout {
  #waiting = [];
  #next_ms = 0;

  add(moment) {
    this.#waiting.push(...columnsOf(moment));
    if (this.#waiting.length > LATE) this.#waiting.splice(0, this.#waiting.length - COLUMNS_PER_S);
  }

  /** The columns whose turn has come. */
  due(now_ms) {
    const due = [];
    while (this.#waiting.length && this.#next_ms <= now_ms) {
      due.push(this.#waiting.shift());
      this.#next_ms = Math.max(this.#next_ms, now_ms - 1000 / COLUMNS_PER_S) + 1000 / COLUMNS_PER_S;
    }
    return due;
  }

  /** All of them at once. */
  all() {
    return this.#waiting.splice(0);
  }

  clear() {
    this.#waiting = [];
  }
}

function columnsOf({ time, level_dbfs: loudest_dbfs, levels_dbfs: told_dbfs, bands }) {
  const levels_dbfs = told_dbfs?.length ? told_dbfs : [loudest_dbfs]; // the privacy level may forbid the rest
  const bytes = bands ? Uint8Array.from(atob(bands), (character) => character.charCodeAt(0)) : null;
  const end_ms = new Date(time).getTime();
  return levels_dbfs.map((level_dbfs, index) => ({
    level_dbfs,
    bands: bytes?.subarray(index * BANDS, (index + 1) * BANDS) ?? null,
    time: end_ms - ((levels_dbfs.length - 1 - index) * 1000) / COLUMNS_PER_S,
  }));
}
