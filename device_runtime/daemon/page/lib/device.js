/** State of the device: status and tasks, kept up to date by its events. */

import { requestJson } from "./http.js";
import { EventStream } from "./stream.js";
import { t } from "./translate.js";

const target = new EventTarget();

/** The latest status and tasks. */
export const device = { status: null, tasks: [] };

/** Call a function with each event `sound`, `source`, `enrolment` and `log`; with the new value of `status` and
 * `tasks`; with {wait_ms, problem} when the `connection` changes (wait_ms is null once it is open); and on
 * `connected`, when everything should be loaded again. */
export function on(kind, listener) {
  target.addEventListener(kind, (event) => listener(event.detail));
}

/** Load the status. */
export async function loadStatus() {
  device.status = await requestJson("GET", "/status");
  emit("status", device.status);
}

/** Load the tasks. */
export async function loadTasks() {
  device.tasks = await requestJson("GET", "/tasks");
  emit("tasks", device.tasks);
}

/** Return whether the privacy level allows audio of the microphone. */
export const allowsAudio = () => (device.status?.privacy ?? 0) < 2;

/** Return whether the privacy level allows the history and the live feed. */
export const allowsHistory = () => (device.status?.privacy ?? 0) < 3;

const SILENT_STATES = {
  starting: t("The microphone is starting"),
  hung: t("The microphone sends no audio"),
  failed: t("There is no microphone"),
};

/** Return why no audio is processed at present; empty if it is. */
export function whyNoAudio() {
  if (!device.status) return "";
  const { source, listening = true } = device.status;
  return listening ? (SILENT_STATES[source.state] ?? "") : t("Listening is switched off");
}

/** Open the event stream. */
export function connect() {
  stream.open();
}

/** Reconnect now. */
export const reconnect = () => stream.retry();

const stream = new EventStream("/events", handle, (wait_ms, problem) => {
  emit("connection", { wait_ms, problem });
  if (wait_ms === null) loadAll().then(() => emit("connected"));
});

async function loadAll() {
  await Promise.all([loadStatus(), loadTasks()]).catch(() => {}); // the connection bar shows the failure
}

function handle(kind, document) {
  if (kind === "tasks") loadAll();
  else emit(kind, document);
  if (kind === "source" || kind === "fault") loadStatus().catch(() => {});
}

function emit(kind, detail) {
  target.dispatchEvent(new CustomEvent(kind, { detail }));
}
