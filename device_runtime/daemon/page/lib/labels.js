/** Labels of a task. Negative labels are never detected: they hold the sounds that a task should ignore. */

import { t } from "./translate.js";

/** The negative label of a new task. */
export const NEGATIVE = "background";
const NEGATIVES = new Set([NEGATIVE, "_negative"]);
const LOUD_TASK = "_loud"; // events of the loudness trigger, which belong to no task

export const isNegative = (label) => NEGATIVES.has(label.toLowerCase());

/** Return a label as it is displayed. */
export const displayLabel = (label) => (isNegative(label) ? t("Other sounds") : label);

/** Return the label of an event as it is displayed. */
export const displayEvent = (event) => (isLoudEvent(event) ? t("loud sound") : displayLabel(event.label));

/** Return the labels of a task that are detected. */
export const listSounds = (task) => task.labels.filter((label) => !(task.negatives ?? []).includes(label));

/** Return whether an event comes from the loudness trigger rather than from a task. */
export const isLoudEvent = (event) => event.task === LOUD_TASK;
