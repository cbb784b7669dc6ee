/** Feedback on an event, and the correction that the device makes of it. */

import { actionButton, h } from "../lib/dom.js";
import { device, loadTasks } from "../lib/device.js";
import { formatDuration, formatList, formatPercent } from "../lib/format.js";
import { makePath, requestJson } from "../lib/http.js";
import { isNegative, listSounds } from "../lib/labels.js";
import { showDone } from "../lib/notice.js";
import { preselection } from "../lib/preselection.js";
import { neededScore, roundScore } from "../lib/score.js";
import { t } from "../lib/translate.js";
import { prompt } from "./dialog.js";

/** Send feedback on an event; return {verdict, correction}. */
export const sendFeedback = (event, feedback) =>
  requestJson("POST", makePath("sounds", event.id, "verdict"), { json: feedback });

/** Ask the user what an event really was; return the feedback, or null. */
export function askForSound(event) {
  const sounds = new Map(device.tasks.flatMap((task) => listSounds(task).map((label) => [nameSound(task.task, label), { task: task.task, label }])));
  sounds.delete(nameSound(event.task, event.label));
  const sound = h("input", { id: "was-sound", list: "was-sounds", required: true, autocomplete: "off" });
  const check = () => sound.setCustomValidity(!sound.value || sounds.has(sound.value) ? "" : t("choose a sound of the list"));
  sound.addEventListener("input", check);
  const train = () => {
    sound.closest("dialog").close();
    preselection.recording = { id: event.id, name: event.label, label: sounds.has(sound.value) ? "" : sound.value };
    location.hash = "#train";
  };
  const read = () => ({ kind: "is", ...sounds.get(sound.value) });
  return prompt(t("What was it, if not {label}?", event), [
    h("label", { for: "was-sound" }, t("Sound")), sound,
    h("datalist", { id: "was-sounds" }, [...sounds.keys()].map((name) => h("option", { value: name }))),
    h("p", { class: "hint" }, t("The task is corrected with this recording at once.")),
    h("p", { class: "hint" }, t("A sound that is in no task yet: {button}",
      { button: h("button", { type: "button", onclick: train }, t("Train a new sound")) })),
  ], t("Correct it"), read);
}

const nameSound = (task, label) => `${label} (${task})`;

/** Return feedback in words. */
export function describeFeedback(verdict) {
  if (verdict.kind === "confirmed") return t("confirmed");
  return verdict.kind === "not" ? t("false alarm: not {label}", { label: verdict.label ?? t("this") }) : t("it was {label} ({task})", verdict);
}

/** Return an element that shows what a correction changed, with a button that undoes all of it. */
export function describeCorrection({ also, ...correction }) {
  const both = [correction, also].filter(Boolean);
  const { notes = [], others_unchanged: others = {} } = correction;
  const areOthersUnchanged = Object.values(others).every(Boolean) && Object.keys(others).length > 0;
  const warnings = both.flatMap((one) => one.warnings ?? []);
  const remaining = both.map(({ task }) => task);
  const button = actionButton(t("Undo"), async () => {
    await undoTasks(remaining);
    button.replaceWith(h("p", { class: "quiet" }, t("Undone.")));
  });
  return h("div", { class: "correction" },
    both.map(describeTask),
    areOthersUnchanged && h("p", { class: "quiet" }, t("All other tasks are unchanged.")),
    [...warnings, ...notes].map((text) => h("p", { class: "hint" }, text)), button);
}

function describeTask({ task, before, after, held_out_accuracy: accuracy, seconds }) {
  return h("div", {},
    h("p", {}, t("{task} was corrected in {duration}.", { task: h("b", {}, task), duration: formatDuration(seconds) })),
    h("p", {}, t("Before: {before}. Now: {after}.", { before: describeScore(before), after: describeScore(after) })),
    h("p", { class: "quiet" }, t("Accuracy on held-out recordings: {before} before, {after} now.",
      { before: formatPercent(accuracy.before), after: formatPercent(accuracy.after) })));
}

/** Undo each task of a list and remove it from the list, so that after a failure the rest can be undone. */
async function undoTasks(remaining) {
  const message = t("previous version of {tasks} restored", { tasks: formatList(remaining) });
  while (remaining.length) {
    await requestJson("POST", makePath("tasks", remaining[0], "undo"));
    remaining.shift();
  }
  await loadTasks();
  showDone(message);
}

function describeScore({ label, margin, threshold, accepted }) {
  if (isNegative(label)) return t("none of its sounds");
  const values = { label, score: roundScore(margin, threshold), needed: neededScore(threshold) };
  return accepted
    ? t("{label} detected (score {score}, needs {needed})", values)
    : t("{label} not detected (score {score}, needs {needed})", values);
}
