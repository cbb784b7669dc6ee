/** What to record next, while recordings are collected. */

import { displayLabel, isNegative } from "./labels.js";
import { t } from "./translate.js";

const MINIMUM = 5; // with fewer recordings the accuracy of a sound can hardly be measured
const GOOD_START = 12;

/** Return advice on one sound: [{text, kind}], most urgent first. `qualities` maps take IDs to {quiet, clipped}. */
export function adviseOnSound(label, takes, qualities) {
  const clipped = takes.filter(({ id }) => qualities.get(id)?.clipped).length;
  const quiet = takes.filter(({ id }) => qualities.get(id)?.quiet).length;
  return [
    clipped && makeWarning(t("{count} recordings are clipped: move away, or turn the input volume down.", { count: clipped })),
    quiet && makeWarning(t("{count} recordings are very quiet: move closer to the microphone.", { count: quiet })),
    !isNegative(label) && adviseOnNumber(takes.length),
  ].filter(Boolean);
}

/** Return why training cannot start yet; empty if it can. `existing` are the labels that the task has already. */
export function adviseOnAll(takes, existing) {
  const labels = new Set([...takes.map((take) => take.label), ...existing]);
  const sounds = [...labels].filter((label) => !isNegative(label));
  if (!takes.length) return t("Add a sound and record it, or drop a folder with one sub-folder for each sound.");
  if (!sounds.length) return t("These are all other sounds: add a sound that should be detected.");
  if (sounds.length === 1 && labels.size === 1) {
    return t("There is only one sound. Also record other sounds that should not be detected: speech, steps, noise in the room.");
  }
  const single = [...labels].filter((label) => !existing.includes(label) && countTakes(label, takes) === 1);
  const names = single.map(displayLabel).join(", ");
  return single.length ? t("Each sound needs at least two recordings: record one more of {names}.", { names }) : "";
}

/** Return why the task cannot be saved yet: training would delete a long recording; empty if none waits. */
export const adviseOnCuts = ([cut]) =>
  cut ? t("Choose the takes of {name}, or remove it, before you save.", { name: cut.name }) : "";

/** Return whether training can start. */
export const isEnough = (takes, existing) => takes.length > 0 && !adviseOnAll(takes, existing);

const countTakes = (label, takes) => takes.filter((take) => take.label === label).length;

const makeWarning = (text) => ({ text, kind: "hint bad" });

function adviseOnNumber(number) {
  if (!number) {
    const text = t("Record it, {number} times if you can: near and far, loud and soft.", { number: GOOD_START });
    return { text, kind: "hint" };
  }
  if (number < MINIMUM) {
    const numbers = { missing: MINIMUM - number, number: GOOD_START };
    return { text: t("Record at least {missing} more; {number} are a good start.", numbers), kind: "hint" };
  }
  const missing = GOOD_START - number;
  const text = missing > 0
    ? t("{missing} more make a good start: near and far, loud and soft.", { missing })
    : t("A good start. Recordings from other days and places make it more reliable.");
  return { text, kind: "quiet" };
}
