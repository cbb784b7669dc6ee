/** Feedback on an event, and the correction that the device makes of it. */

import { actionButton, h } from "../lib/dom.js";
import { device, loadTasks } from "../lib/device.js";
import { formatDuration, formatPercent } from "../lib/format.js";
import { makePath, requestJson } from "../lib/http.js";
import { isNegative, listSounds } from "../lib/labels.js";
import { showDone } from "../lib/notice.js";
import { neededScore, roundScore } from "../lib/score.js";
import { prompt } from "./dialog.js";

/** Send feedback on an event; return {verdict, correction}. */
export const sendFeedback = (event, feedback) =>
  requestJson("POST", makePath("sounds", event.id, "verdict"), { json: feedback });

/** Ask the user what an event really was; return the feedback, or null. */
export function askForSound(event) {
  const task = h("select", { id: "was-task" }, device.tasks.map(({ task }) => h("option", { value: task }, task)));
  const label = h("select", { id: "was-label" });
  const offerLabels = () => {
    const chosen = device.tasks.find((one) => one.task === task.value);
    const labels = listSounds(chosen ?? { labels: [] }).filter((one) => one !== event.label || task.value !== event.task);
    label.replaceChildren(...labels.map((one) => h("option", { value: one }, one)));
    label.disabled = !labels.length;
  };
  if (device.tasks.some((one) => one.task === event.task)) task.value = event.task;
  task.addEventListener("change", offerLabels);
  offerLabels();
  const read = () => (label.value ? { kind: "is", task: task.value, label: label.value } : null);
  return prompt(`What was it, if not ${event.label}?`, [
    h("label", { for: "was-task" }, "Task"), task, h("label", { for: "was-label" }, "Sound"), label,
    h("p", { class: "hint" }, "The task is corrected with this recording at once. A new sound is added in ",
      h("a", { href: "#train", onclick: (click) => click.target.closest("dialog").close() }, "Train"), "."),
  ], "Correct it", read);
}

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
