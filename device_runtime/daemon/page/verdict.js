/** Telling the board whether it heard right, and what it learnt from that. */

import { isNegative } from "./advice.js";
import { known, refreshTasks, soundsOf } from "./board.js";
import { answer } from "./dialog.js";
import { action, h } from "./dom.js";
import { percent, signed, span } from "./format.js";
import { ask, path } from "./http.js";
import { done } from "./notice.js";

/** Tell the verdict on a sound; the answer of the board: {verdict, correction}. */
export const judge = (sound, verdict) => ask("POST", path("sounds", sound.id, "verdict"), { json: verdict });

/** Ask what the sound really was; a verdict, or null. */
export function whatItWas(sound) {
  const task = h("select", { id: "was-task" }, known.tasks.map(({ task }) => h("option", { value: task }, task)));
  const label = h("select", { id: "was-label" });
  const offer = () => {
    const chosen = known.tasks.find((one) => one.task === task.value);
    const labels = soundsOf(chosen ?? { labels: [] }).filter((one) => one !== sound.label || task.value !== sound.task);
    label.replaceChildren(...labels.map((one) => h("option", { value: one }, one)));
    label.disabled = !labels.length;
  };
  if (known.tasks.some((one) => one.task === sound.task)) task.value = sound.task;
  task.addEventListener("change", offer);
  offer();
  const read = () => (label.value ? { kind: "is", task: task.value, label: label.value } : null);
  return answer(`Not ${sound.label}: what was it?`, [
    h("label", { for: "was-task" }, "Task"), task, h("label", { for: "was-label" }, "Sound"), label,
    h("p", { class: "hint" }, "The board learns it at once, from memory. A sound that it does not know yet is taught in ",
      h("a", { href: "#teach", onclick: (event) => event.target.closest("dialog").close() }, "Teach"), "."),
  ], "It was this", read);
}

/** A verdict in words. */
export function said(verdict) {
  if (verdict.kind === "confirmed") return "confirmed";
  return verdict.kind === "not" ? `not ${verdict.label ?? "this"}` : `it was ${verdict.label} (${verdict.task})`;
}

/** What a correction changed, also in the task that had taken the sound for its own; all of it can be taken back. */
export function changed({ also, ...correction }) {
  const both = [correction, also].filter(Boolean);
  const { notes = [], others_unchanged: others = {} } = correction;
  const unmoved = Object.values(others).every(Boolean) && Object.keys(others).length > 0;
  const warnings = both.flatMap((one) => one.warnings ?? []);
  const left = both.map(({ task }) => task);
  const back = action("Take it back", async () => {
    await takeBack(left);
    back.replaceWith(h("p", { class: "quiet" }, "It was taken back."));
  });
  return h("div", { class: "changed" },
    learnt(correction, "learnt"), also && learnt(also, "unlearnt"),
    unmoved && h("p", { class: "quiet" }, "No other task was touched."),
    [...warnings, ...notes].map((text) => h("p", { class: "hint" }, text)), back);
}

function learnt({ task, before, after, held_out_accuracy: accuracy, seconds }, did) {
  return h("div", {},
    h("p", {}, h("b", {}, task), ` ${did} it in ${span(seconds)}.`),
    h("p", {}, `Before: ${outcome(before)}. Now: ${outcome(after)}.`),
    h("p", { class: "quiet" }, `Of its recordings ${percent(accuracy.after)} are recognised, `,
      `${percent(accuracy.before)} before.`));
}

/** Have tasks be what they were; those that are leave the list, so that another try goes on with the others. */
async function takeBack(left) {
  const told = left.length > 1 ? `${left.join(" and ")} are what they were before` : `${left[0]} is what it was before`;
  while (left.length) {
    await ask("POST", path("tasks", left[0], "undo"));
    left.shift();
  }
  await refreshTasks();
  done(told);
}

function outcome({ label, margin, threshold, accepted }) {
  if (isNegative(label)) return "taken for none of its sounds";
  return `${accepted ? "heard as" : "most like"} ${label}, ${signed(margin)} where ${signed(threshold)} is needed`;
}
