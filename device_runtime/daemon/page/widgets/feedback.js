/** Feedback on an event, and the correction that the device makes of it. */

import { actionButton, h } from "../lib/dom.js";
import { device, loadTasks } from "../lib/device.js";
import { formatDuration, formatPercent } from "../lib/format.js";
import { makePath, requestJson } from "../lib/http.js";
import { isNegative, listSounds } from "../lib/labels.js";
import { showDone } from "../lib/notice.js";
import { preselection } from "../lib/preselection.js";
import { neededScore, roundScore } from "../lib/score.js";
import { prompt } from "./dialog.js";

/** Send feedback on an event; return {verdict, correction}. */
export const sendFeedback = (event, feedback) =>
  requestJson("POST", makePath("sounds", event.id, "verdict"), { json: feedback });

/** Ask the user what an event really was; return the feedback, or null. */
export function askForSound(event) {
  const sounds = new Map(device.tasks.flatMap((task) => listSounds(task).map((label) => [nameSound(task.task, label), { task: task.task, label }])));
  sounds.delete(nameSound(event.task, event.label));
  const sound = h("input", { id: "was-sound", list: "was-sounds", required: true, autocomplete: "off" });
  const check = () => sound.setCustomValidity(!sound.value || sounds.has(sound.value) ? "" : "choose a sound of the list");
  sound.addEventListener("input", check);
  const train = () => {
    sound.closest("dialog").close();
    preselection.recording = { id: event.id, name: event.label, label: sounds.has(sound.value) ? "" : sound.value };
    location.hash = "#train";
  };
  const read = () => ({ kind: "is", ...sounds.get(sound.value) });
  return prompt(`What was it, if not ${event.label}?`, [
    h("label", { for: "was-sound" }, "Sound"), sound,
    h("datalist", { id: "was-sounds" }, [...sounds.keys()].map((name) => h("option", { value: name }))),
    h("p", { class: "hint" }, "The task is corrected with this recording at once. "),
    h("p", { class: "hint" }, "A sound that is in no task yet: ", h("button", { type: "button", onclick: train }, "Train a new sound")),
  ], "Correct it", read);
}

const nameSound = (task, label) => `${label} (${task})`;

/** Return feedback in words. */
export function describeFeedback(verdict) {
  if (verdict.kind === "confirmed") return "confirmed";
  return verdict.kind === "not" ? `false alarm: not ${verdict.label ?? "this"}` : `it was ${verdict.label} (${verdict.task})`;
}

/** Return an element that shows what a correction changed, with a button that undoes all of it. */
export function describeCorrection({ also, ...correction }) {
  const both = [correction, also].filter(Boolean);
  const { notes = [], others_unchanged: others = {} } = correction;
  const areOthersUnchanged = Object.values(others).every(Boolean) && Object.keys(others).length > 0;
  const warnings = both.flatMap((one) => one.warnings ?? []);
  const remaining = both.map(({ task }) => task);
  const button = actionButton("Undo", async () => {
    await undoTasks(remaining);
    button.replaceWith(h("p", { class: "quiet" }, "Undone."));
  });
  return h("div", { class: "correction" },
    both.map(describeTask),
    areOthersUnchanged && h("p", { class: "quiet" }, "All other tasks are unchanged."),
    [...warnings, ...notes].map((text) => h("p", { class: "hint" }, text)), button);
}

function describeTask({ task, before, after, held_out_accuracy: accuracy, seconds }) {
  return h("div", {},
    h("p", {}, h("b", {}, task), ` was corrected in ${formatDuration(seconds)}.`),
    h("p", {}, `Before: ${describeScore(before)}. Now: ${describeScore(after)}.`),
    h("p", { class: "quiet" }, `Accuracy on held-out recordings: ${formatPercent(accuracy.before)} before, `,
      `${formatPercent(accuracy.after)} now.`));
}

/** Undo each task of a list and remove it from the list, so that after a failure the rest can be undone. */
async function undoTasks(remaining) {
  const message = `previous version of ${remaining.join(" and ")} restored`;
  while (remaining.length) {
    await requestJson("POST", makePath("tasks", remaining[0], "undo"));
    remaining.shift();
  }
  await loadTasks();
  showDone(message);
}

function describeScore({ label, margin, threshold, accepted }) {
  if (isNegative(label)) return "none of its sounds";
  const score = `score ${roundScore(margin, threshold)}, needs ${neededScore(threshold)}`;
  return `${label} ${accepted ? "detected" : "not detected"} (${score})`;
}
