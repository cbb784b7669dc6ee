/** Server-sent events by `fetch`, so that the token can be sent; opened again by itself, with back-off. */

import { reach } from "./http.js";

const DEAF_MS = 40_000; // the board says something every 15 s
const LONGEST_MS = 30_000;

/** One stream. It is closed while nobody looks at the page. */
export class Stream {
  #path;
  #heard;
  #told;
  #wanted = false;
  #failures = 0;
  #timer = 0;
  #following = null;

  /** `heard(kind, data)` gets each event; `told(null)` when it is open, `told(ms, problem)` until it
   * is tried again. */
  constructor(path, heard, told = () => {}) {
    this.#path = path;
    this.#heard = heard;
    this.#told = told;
    document.addEventListener("visibilitychange", () => this.#heed());
  }

  open() {
    this.#wanted = true;
    this.#heed();
  }

  close() {
    this.#wanted = false;
    this.#heed();
  }

  /** Try again at once. */
  hurry() {
    this.#failures = 0;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#heed();
  }

  #heed() {
    if (this.#wanted && !document.hidden) {
      if (!this.#following && !this.#timer) this.#follow();
    } else {
      clearTimeout(this.#timer);
      this.#timer = 0;
      this.#following?.abort();
      this.#following = null;
    }
  }

  async #follow() {
    const following = (this.#following = new AbortController());
    let problem = null;
    try {
      const response = await reach("GET", this.#path, { signal: following.signal });
      this.#failures = 0;
      this.#told(null);
      await this.#read(response.body.getReader(), following);
    } catch (error) {
      if (this.#following !== following) return;
      if (error.status === 403) return this.close(); // as the privacy level wants it
      problem = error;
    }
    if (this.#following === following) this.#later(problem);
  }

  async #read(reader, following) {
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const deaf = setTimeout(() => following.abort(), DEAF_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(deaf));
      if (done) return;
      const events = (text + decoder.decode(value, { stream: true })).split("\n\n");
      text = events.pop();
      for (const event of events) this.#parse(event);
    }
  }

  #parse(event) {
    const fields = Object.fromEntries(event.split("\n").map((line) => line.split(/: (.*)/s)));
    if (fields.event && fields.data) this.#heard(fields.event, JSON.parse(fields.data));
  }

  #later(problem) {
    this.#following = null;
    if (!this.#wanted || document.hidden) return;
    const wait_ms = Math.min(LONGEST_MS, 1000 * 2 ** this.#failures++) * (0.8 + 0.4 * Math.random());
    this.#told(wait_ms, problem);
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#heed();
    }, wait_ms);
  }
}
