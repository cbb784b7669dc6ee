/** Scores from 0 to 100: the page's one scale for margins and thresholds.
 *
 *     score = 50 · (margin + 1), limited to 0 … 100
 *
 * A margin of −1 (like background) is 0, a margin of +1 (like the enrolled sound) is 100. A threshold is a margin,
 * so it lies on the same scale: a sound is detected when its score reaches the score of its threshold.
 * Sensitivity is 100 − that score. */

/** Return the score of a margin, not rounded, 0 … 100. */
export const toScore = (margin) => Math.max(0, Math.min(100, 50 * (margin + 1)));

/** Return the score at which a sound is detected. */
export const neededScore = (threshold) => Math.round(toScore(threshold));

/** Return the whole score of a margin; it reaches the needed score exactly if the margin reaches the threshold. */
export function roundScore(margin, threshold) {
  const [score, needed] = [Math.round(toScore(margin)), neededScore(threshold)];
  return margin >= threshold ? Math.max(score, needed) : Math.max(0, Math.min(score, needed - 1));
}

/** Return a threshold as a sensitivity, 0 … 100. */
export const toSensitivity = (threshold) => 100 - neededScore(threshold);

/** Return the threshold of a sensitivity. */
export const toThreshold = (sensitivity) => Math.round(100 - 2 * sensitivity) / 100;
