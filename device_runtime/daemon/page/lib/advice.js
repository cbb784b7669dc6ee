/** What to record next, while recordings are collected. */

import { formatCount } from "./format.js";
import { displayLabel, isNegative } from "./labels.js";

const MINIMUM = 5; // with fewer recordings the accuracy of a sound can hardly be measured
const GOOD_START = 12;

/** Return advice on one sound: [{text, kind}], most urgent first. `qualities` maps take IDs to {quiet, clipped}. */
export function adviseOnSound(label, takes, qualities) {
  const clipped = takes.filter(({ id }) => qualities.get(id)?.clipped).length;
  const quiet = takes.filter(({ id }) => qualities.get(id)?.quiet).length;
  return [
    clipped && makeWarning(clipped, "clipped: move away, or turn the input volume down"),
    quiet && makeWarning(quiet, "very quiet: move closer to the microphone"),
    !isNegative(label) && adviseOnNumber(takes.length),
  ].filter(Boolean);
}

/** Return why training cannot start yet; empty if it can. `existing` are the labels that the task has already. */
export function adviseOnAll(takes, existing) {
  const labels = new Set([...takes.map((take) => take.label), ...existing]);
  const sounds = [...labels].filter((label) => !isNegative(label));
  if (!takes.length) return "Add a sound and record it, or drop a folder with one sub-folder for each sound.";
  if (!sounds.length) return "These are all other sounds: add a sound that should be detected.";
  if (sounds.length === 1 && labels.size === 1) {
    return "There is only one sound. Also record other sounds that should not be detected: speech, steps, noise in the room.";
  }
  const single = [...labels].filter((label) => !existing.includes(label) && countTakes(label, takes) === 1);
  const names = single.map(displayLabel).join(", ");
  return single.length ? `Each sound needs at least two recordings: record one more of ${names}.` : "";
}

/** Return whether training can start. */
export const isEnough = (takes, existing) => takes.length > 0 && !adviseOnAll(takes, existing);

const countTakes = (label, takes) => takes.filter((take) => take.label === label).length;

function makeWarning(number, fault) {
  return { text: `${formatCount(number, "recording is", "recordings are")} ${fault}.`, kind: "hint bad" };
}

function adviseOnNumber(number) {
  if (!number) {
    return { text: `Record it, ${GOOD_START} times if you can: near and far, loud and soft.`, kind: "hint" };
  }
  if (number < MINIMUM) {
    return { text: `Record at least ${MINIMUM - number} more; ${GOOD_START} are a good start.`, kind: "hint" };
  }
  const missing = GOOD_START - number;
  if (missing > 0) return { text: `${missing} more make a good start: near and far, loud and soft.`, kind: "quiet" };
  return { text: "A good start. Recordings from other days and places make it more reliable.", kind: "quiet" };
}
