/** One enrolment: uploads and removes its recordings and starts training on the device. */

import { checkQuality } from "./audio_quality.js";
import { makeReadable } from "./decode.js";
import { fetchBlob, makePath, requestJson } from "./http.js";
import { isNegative, NEGATIVE } from "./labels.js";

const FATAL = new Set([0, 409, 413]); // statuses after which no further file is sent

/** Dispatches `change` whenever its state, uploads or audio checks change. */
export class Enrolment extends EventTarget {
  /** Take ID → {quiet, clipped}, or null if unknown. */
  qualities = new Map();
  /** Files that the device refused: [{detail, hint}]. */
  refused = [];
  /** Progress of the upload: {done, total}, or null. */
  upload = null;
  /** The negative label of the task. */
  negative = NEGATIVE;
  #blobs = new Map();
  #changes = 0;

  /** `view`: the state as the API returns it. */
  constructor(view) {
    super();
    this.view = view;
  }

  /** Begin an enrolment; mode: new, replace or add. */
  static async begin(task, mode) {
    return new Enrolment(await requestJson("POST", "/enrolments", { json: { task, mode } }));
  }

  /** Set a newer state. */
  setView(view) {
    this.view = view;
    this.#changes += 1;
    this.dispatchEvent(new Event("change"));
  }

  listTakes(label) {
    return this.view.takes.filter((take) => take.label === label);
  }

  /** Upload [{file, label}] one after the other. */
  async send(recordings) {
    this.refused = [];
    this.upload = { done: 0, total: recordings.length };
    try {
      for (const { file, label } of recordings) {
        if (!(await this.#sendFile(file, isNegative(label) ? this.negative : label))) break;
        this.upload.done += 1;
        this.dispatchEvent(new Event("change"));
      }
    } finally {
      this.upload = null;
      this.dispatchEvent(new Event("change"));
    }
  }

  /** Upload a long recording, in which the device finds the takes. */
  async cut(file, label) {
    const body = await makeReadable(file);
    this.setView((await this.#request("POST", "cuts", { query: { label, name: body.name }, body })).enrolment);
  }

  /** Return level and spectrum of a long recording. */
  fetchCutSpectrum(id) {
    return requestJson("GET", this.#cutPath(id, "spectrum"));
  }

  /** Return the audio of one of its takes. */
  fetchCutTake(id, number) {
    return fetchBlob(this.#cutPath(id, "takes", number));
  }

  /** Add its takes, but for those whose numbers are dropped, and pieces of the room between them. */
  async keepTakes(id, dropped) {
    const json = { dropped, negative: this.negative };
    this.setView(await requestJson("POST", this.#cutPath(id, "clips"), { json }));
  }

  async removeCut(id) {
    this.setView(await requestJson("DELETE", this.#cutPath(id)));
  }

  /** Record with the microphone of the device. */
  async record(label, seconds) {
    const { take, enrolment } = await this.#request("POST", "record", { query: { label, seconds } });
    this.setView(enrolment);
    this.#checkQuality(take);
  }

  /** Return the audio of a take. */
  async fetchAudio(id) {
    if (!this.#blobs.has(id)) this.#blobs.set(id, await fetchBlob(makePath("enrolments", this.view.id, "takes", id)));
    return this.#blobs.get(id);
  }

  async remove(id) {
    this.setView(await requestJson("DELETE", makePath("enrolments", this.view.id, "takes", id)));
  }

  /** Train without saving, and report what would have been detected in the last two minutes. */
  async try() {
    await this.#train("try");
  }

  /** Train and save. */
  async save() {
    await this.#train("start");
  }

  async cancel() {
    this.setView(await requestJson("DELETE", makePath("enrolments", this.view.id)));
  }

  async reload() {
    this.setView(await requestJson("GET", makePath("enrolments", this.view.id)));
  }

  /** Start training. An event that overtakes the response is newer than it. */
  async #train(what) {
    const changes = this.#changes;
    const view = await this.#request("POST", what);
    if (this.#changes === changes) this.setView(view);
  }

  /** Upload one file; return whether to go on with the next. */
  async #sendFile(file, label) {
    try {
      const body = await makeReadable(file);
      const { take, enrolment } = await this.#request("POST", "recordings", { query: { label, name: body.name }, body });
      this.#blobs.set(take, body);
      this.setView(enrolment);
      this.#checkQuality(take);
    } catch (problem) {
      const detail = problem.message.includes(file.name) ? problem.message : `${file.name}: ${problem.message}`;
      this.refused.push({ detail, hint: problem.hint });
      return !FATAL.has(problem.status ?? 0);
    }
    return true;
  }

  async #checkQuality(id) {
    this.qualities.set(id, await this.fetchAudio(id).then(checkQuality, () => null));
    this.dispatchEvent(new Event("change"));
  }

  #cutPath(id, ...what) {
    return makePath("enrolments", this.view.id, "cuts", id, ...what);
  }

  #request(method, what, options) {
    return requestJson(method, makePath("enrolments", this.view.id, what), options);
  }
}
