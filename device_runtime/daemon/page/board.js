/** What is known of the board: its status and tasks, kept up to date, and everything that it tells. */

import { ask } from "./http.js";
import { Stream } from "./stream.js";

const told = new EventTarget();

/** The newest that is known. */
export const known = { status: null, tasks: [] };

/** Have a function called with every `sound`, `source`, `enrolment`, `log`, and when `status`, `tasks` or the
 * `connection` change ({wait_ms, problem}: until it is tried again, null while there is one). */
export function on(kind, heed) {
  told.addEventListener(kind, (event) => heed(event.detail));
}

/** Ask how the board is, and tell it. */
export async function refreshStatus() {
  known.status = await ask("GET", "/status");
  tell("status", known.status);
}

/** Ask what it was taught, and tell it. */
export async function refreshTasks() {
  known.tasks = await ask("GET", "/tasks");
  tell("tasks", known.tasks);
}

/** Whether the privacy level lets the page have recordings of the microphone. */
export const mayHear = () => (known.status?.privacy ?? 0) < 2;

/** Whether what is heard is kept, and told with its figures. */
export const isKept = () => (known.status?.privacy ?? 0) < 3;

const DEAF = {
  starting: "The microphone is still starting",
  hung: "No sound comes from the microphone",
  failed: "There is no microphone",
};

/** Why nothing is heard at all; empty where something may be. */
export function unheard() {
  if (!known.status) return "";
  const { source, listening = true } = known.status;
  return listening ? (DEAF[source.state] ?? "") : "Listening is switched off";
}

/** The labels of a task that are answers, not what it is taught to ignore. */
export const soundsOf = (task) => task.labels.filter((label) => !(task.negatives ?? []).includes(label));

/** Follow the board; `hurry` tries again at once when the connection was lost. */
export function follow() {
  events.open();
}

export const hurry = () => events.hurry();

const events = new Stream("/events", heard, (wait_ms, problem) => {
  tell("connection", { wait_ms, problem });
  if (wait_ms === null) refreshAll().then(() => tell("fresh"));
});

async function refreshAll() {
  await Promise.all([refreshStatus(), refreshTasks()]).catch(() => {}); // the connection tells of itself
}

function heard(kind, document) {
  if (kind === "tasks") refreshAll();
  else tell(kind, document);
  if (kind === "source") refreshStatus().catch(() => {});
}

function tell(kind, detail) {
  told.dispatchEvent(new CustomEvent(kind, { detail }));
}
