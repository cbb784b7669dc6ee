/** What to record next, while recordings are collected. */

import { count } from "./format.js";

const FEW = 5; // below, a sound can hardly be measured
const GOOD_START = 12;
export const NEGATIVE = "background";
const NEGATIVES = new Set([NEGATIVE, "_negative"]);

/** Whether a label is what a task is taught to ignore. */
export const isNegative = (label) => NEGATIVES.has(label.toLowerCase());

/** What people read for a label. */
export const nameOf = (label) => (isNegative(label) ? "None of these" : label);

/** Of one sound: [{text, kind}], the most pressing first; `judged` is what was found of the sound of each take. */
export function adviceOn(label, takes, judged) {
  const clipped = takes.filter(({ id }) => judged.get(id)?.clipped).length;
  const quiet = takes.filter(({ id }) => judged.get(id)?.quiet).length;
  return [
    clipped && warning(clipped, "clipped: step back, or turn the input down"),
    quiet && warning(quiet, "very quiet: go closer"),
    !isNegative(label) && enough(takes.length),
  ].filter(Boolean);
}

/** Of all of them together: a sentence, or none. `known` are the labels that the task has already. */
export function adviceOnAll(takes, known) {
  const labels = new Set([...takes.map((take) => take.label), ...known]);
  const sounds = [...labels].filter((label) => !isNegative(label));
  if (!takes.length) return "Add a sound and record it, or drop a folder with one sub-folder for each sound.";
  if (!sounds.length) return "All of this is to be ignored: add a sound to be heard.";
  if (sounds.length === 1 && labels.size === 1) {
    return "There is just one sound. Record also what it must not be taken for: speech, steps, noises of the place.";
  }
  const single = [...labels].filter((label) => !known.includes(label) && numberOf(label, takes) === 1);
  return single.length ? `Two takes of a sound are the least: one more of ${single.map(nameOf).join(", ")}.` : "";
}

/** Whether there is enough to learn from. */
export const suffices = (takes, known) => takes.length > 0 && !adviceOnAll(takes, known);

const numberOf = (label, takes) => takes.filter((take) => take.label === label).length;

function warning(number, fault) {
  return { text: `${count(number, "take is", "takes are")} ${fault}.`, kind: "hint bad" };
}

function enough(number) {
  if (!number) return { text: `Record it, ${GOOD_START} times if you can: near and far, loud and soft.`, kind: "hint" };
  if (number < FEW) return { text: `Record ${FEW - number} more at least; ${GOOD_START} are a good start.`, kind: "hint" };
  const missing = GOOD_START - number;
  if (missing > 0) return { text: `${missing} more make a good start: near and far, loud and soft.`, kind: "quiet" };
  return { text: "A good start. More, from other days and places, make it surer.", kind: "quiet" };
}
