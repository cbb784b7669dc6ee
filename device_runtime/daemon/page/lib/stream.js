/** Server-sent events by `fetch`, which unlike EventSource can send the token; reconnects with back-off. */

import { request } from "./http.js";

const TIMEOUT_MS = 40_000; // the daemon sends a keep-alive every 15 s
const LONGEST_WAIT_MS = 30_000;

/** One stream. It is closed while the page is not visible. */
export class EventStream {
  #path;
  #onEvent;
  #onConnection;
  #isWanted = false;
  #failures = 0;
  #timer = 0;
  #connection = null;

  /** `onEvent(kind, data)` gets each event; `onConnection(null)` is called when the stream is open, and
   * `onConnection(wait_ms, problem)` when it was lost and will be opened again. */
  constructor(path, onEvent, onConnection = () => {}) {
    this.#path = path;
    this.#onEvent = onEvent;
    this.#onConnection = onConnection;
    document.addEventListener("visibilitychange", () => this.#update());
  }

  open() {
    this.#isWanted = true;
    this.#update();
  }

  close() {
    this.#isWanted = false;
    this.#update();
  }

  /** Reconnect now. */
  retry() {
    this.#failures = 0;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#update();
  }

  #update() {
    if (this.#isWanted && !document.hidden) {
      if (!this.#connection && !this.#timer) this.#connect();
    } else {
      clearTimeout(this.#timer);
      this.#timer = 0;
      this.#connection?.abort();
      this.#connection = null;
    }
  }

  async #connect() {
    const connection = (this.#connection = new AbortController());
    let problem = null;
    try {
      const response = await request("GET", this.#path, { signal: connection.signal });
      this.#failures = 0;
      this.#onConnection(null);
      await this.#read(response.body.getReader(), connection);
    } catch (error) {
      if (this.#connection !== connection) return;
      if (error.status === 403) return this.close(); // the privacy level forbids it
      problem = error;
    }
    if (this.#connection === connection) this.#scheduleRetry(problem);
  }

  async #read(reader, connection) {
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const timeout = setTimeout(() => connection.abort(), TIMEOUT_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(timeout));
      if (done) return;
      const events = (text + decoder.decode(value, { stream: true })).split("\n\n");
      text = events.pop();
      for (const event of events) this.#parse(event);
    }
  }

  #parse(event) {
    const fields = Object.fromEntries(event.split("\n").map((line) => line.split(/: (.*)/s)));
    if (fields.event && fields.data) this.#onEvent(fields.event, JSON.parse(fields.data));
  }

  #scheduleRetry(problem) {
    this.#connection = null;
    if (!this.#isWanted || document.hidden) return;
    const wait_ms = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** this.#failures++) * (0.8 + 0.4 * Math.random());
    this.#onConnection(wait_ms, problem);
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#update();
    }, wait_ms);
  }
}
