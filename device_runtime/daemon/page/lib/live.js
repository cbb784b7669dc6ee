/** The live feed of the microphone. The daemon sends ten columns of 50 ms twice a second; they are played one by
 * one, so that drawings move evenly. */

import { requestJson } from "./http.js";
import { EventStream } from "./stream.js";

const COLUMNS_PER_S = 20;
const BANDS = 48;
const LONGEST_QUEUE = 1.5 * COLUMNS_PER_S;

const listeners = new Set();
const stream = new EventStream("/live", (kind, moment) => {
  if (kind === "moment") for (const listener of listeners) listener(moment);
});

/** Call a function with each window of the feed; the function returned ends that. */
export function followLive(listener) {
  listeners.add(listener);
  stream.open();
  return () => {
    listeners.delete(listener);
    if (!listeners.size) stream.close();
  };
}

/** Return the columns of the last 30 seconds. */
export async function loadRecentColumns() {
  return splitColumns(await requestJson("GET", "/live/recent"));
}

/** Columns waiting to be drawn: {level_dbfs, bands: Uint8Array [48] or null, time: Unix ms}. */
export class ColumnQueue {
  #columns = [];
  #next_ms = 0;

  add(moment) {
    this.#columns.push(...splitColumns(moment));
    if (this.#columns.length > LONGEST_QUEUE) this.#columns.splice(0, this.#columns.length - COLUMNS_PER_S);
  }

  /** Return the columns that are due at a time. */
  take(now_ms) {
    const due = [];
    while (this.#columns.length && this.#next_ms <= now_ms) {
      due.push(this.#columns.shift());
      this.#next_ms = Math.max(this.#next_ms, now_ms - 1000 / COLUMNS_PER_S) + 1000 / COLUMNS_PER_S;
    }
    return due;
  }

  /** Return all columns. */
  takeAll() {
    return this.#columns.splice(0);
  }

  clear() {
    this.#columns = [];
  }
}

/** Split a part of the feed, or a spectrum, into its columns. */
export function splitColumns({ time, level_dbfs: loudest_dbfs, levels_dbfs: all_dbfs, bands }) {
  const levels_dbfs = all_dbfs?.length ? all_dbfs : [loudest_dbfs]; // the privacy level may forbid the others
  const bytes = bands ? Uint8Array.from(atob(bands), (character) => character.charCodeAt(0)) : null;
  const end_ms = new Date(time).getTime();
  return levels_dbfs.map((level_dbfs, index) => ({
    level_dbfs,
    bands: bytes?.subarray(index * BANDS, (index + 1) * BANDS) ?? null,
    time: end_ms - ((levels_dbfs.length - 1 - index) * 1000) / COLUMNS_PER_S,
  }));
}
