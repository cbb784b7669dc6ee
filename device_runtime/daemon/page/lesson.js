/** One enrolment: its recordings on their way to the board, and what becomes of them. */

import { isNegative, NEGATIVE } from "./advice.js";
import { ask, fetched, path } from "./http.js";
import { judged } from "./loudness.js";

const GIVEN_UP = new Set([0, 409, 413]); // no use to send the next one

export class Lesson extends EventTarget {
  /** What was found of the sound of takes, by their id; */
  judged = new Map();
  /** recordings that the board refused: [{detail, hint}]; */
  refused = [];
  /** and how far sending is: {done, total}, or null. */
  sending = null;
  /** What the task calls all that is none of its sounds. */
  negative = NEGATIVE;
  #blobs = new Map();

  constructor(view) {
    super();
    this.view = view;
  }

  /** Begin to teach a task; mode: new, replace or add. */
  static async begin(task, mode) {
    return new Lesson(await ask("POST", "/enrolments", { json: { task, mode } }));
  }

  /** Heed a newer state of it. */
  take(view) {
    this.view = view;
    this.dispatchEvent(new Event("change"));
  }

  takesOf(label) {
    return this.view.takes.filter((take) => take.label === label);
  }

  /** Send recordings [{file, label}], one after the other. */
  async send(recordings) {
    this.refused = [];
    this.sending = { done: 0, total: recordings.length };
    try {
      for (const { file, label } of recordings) {
        if (!(await this.#sendOne(file, isNegative(label) ? this.negative : label))) break;
        this.sending.done += 1;
        this.dispatchEvent(new Event("change"));
      }
    } finally {
      this.sending = null;
      this.dispatchEvent(new Event("change"));
    }
  }

  /** Record on the board. */
  async record(label, seconds) {
    const { take, enrolment } = await this.#ask("POST", "record", { query: { label, seconds } });
    this.take(enrolment);
    this.#judge(take);
  }

  /** The sound of a take. */
  async sound(id) {
    if (!this.#blobs.has(id)) this.#blobs.set(id, await fetched(path("enrolments", this.view.id, "takes", id)));
    return this.#blobs.get(id);
  }

  async remove(id) {
    this.take(await ask("DELETE", path("enrolments", this.view.id, "takes", id)));
  }

  /** Learn, but store nothing; then hear the last two minutes with it. */
  async try() {
    this.take(await this.#ask("POST", "try"));
  }

  /** Learn, and keep it. */
  async save() {
    this.take(await this.#ask("POST", "start"));
  }

  async cancel() {
    this.take(await ask("DELETE", path("enrolments", this.view.id)));
  }

  async refresh() {
    this.take(await ask("GET", path("enrolments", this.view.id)));
  }

  async #sendOne(file, label) {
    try {
      const { take, enrolment } = await this.#ask("POST", "recordings", { query: { label, name: file.name }, body: file });
      this.#blobs.set(take, file);
      this.take(enrolment);
      this.#judge(take);
    } catch (problem) {
      const named = problem.message.includes(file.name) ? problem.message : `${file.name}: ${problem.message}`;
      this.refused.push({ detail: named, hint: problem.hint });
      return !GIVEN_UP.has(problem.status ?? 0);
    }
    return true;
  }

  async #judge(id) {
    this.judged.set(id, await this.sound(id).then(judged, () => null));
    this.dispatchEvent(new Event("change"));
  }

  #ask(method, what, options) {
    return ask(method, path("enrolments", this.view.id, what), options);
  }
}
