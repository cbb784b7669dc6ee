/** The result of training: accuracy of each sound, confusions, advice; and what a trial detected. */

import { h } from "../lib/dom.js";
import { capitalise, formatDuration, formatNumber, formatPercent, formatSize } from "../lib/format.js";
import { toScore } from "../lib/score.js";
import { t } from "../lib/translate.js";
import { drawLearningCurve } from "./learning_curve.js";
import { drawRooms } from "./room_meters.js";

const MOST = 5; // lines of a kind

/** Return an element that shows the document of `edgecl enroll --json`. */
export function describeResult(result) {
  const { held_out_accuracy: accuracy, training, seconds, size_bytes } = result;
  const figures = [t("method {method}", training), formatDuration(seconds.total), formatSize(size_bytes)];
  return h("div", { class: "result" },
    result.heard && describeTrial(result),
    h("p", { class: "headline" }, t("{accuracy} accuracy on held-out recordings", { accuracy: h("b", {}, formatPercent(accuracy)) })),
    makeTable(result.classes),
    drawRooms(result.rooms),
    makeRemarks(result),
    result.learning_curve?.length > 1 && describeCurve(result),
    h("p", { class: "quiet" }, capitalise(figures.join(", "))));
}

function describeTrial(result) {
  const [detections, duration_s] = [result.heard, result.heard_s];
  if (!duration_s) return h("p", { class: "trial" }, t("There was no audio to try it on. Make one of the sounds and try again."));
  const duration = formatDuration(duration_s);
  if (!detections.length) {
    return h("p", { class: "trial" },
      t("In the last {duration} it would have detected no sound. Make one of the sounds and try again.", { duration }));
  }
  const list = h("ul", { class: "plain" }, detections.map((one) => describeDetection(one, duration_s)));
  return h("div", { class: "trial" }, h("p", {}, t("In the last {duration} it would have detected:", { duration })), list);
}

function describeDetection({ label, start_s, margin }, duration_s) {
  const ago_s = Math.round(Math.max(0, duration_s - start_s));
  const figures = t("{seconds} s ago · score {score}", { seconds: ago_s, score: Math.round(toScore(margin)) });
  return h("li", { class: "row" }, h("b", { class: "name" }, label), h("span", { class: "figure" }, figures));
}

function makeTable(classes) {
  const head = [t("Sound"), t("Recordings"), t("Accuracy")].map((name) => h("th", { scope: "col" }, name));
  const makeRow = ({ label, clips, held_out: count, accuracy }) => h("tr", {},
    h("th", { scope: "row" }, label),
    h("td", {}, formatNumber(clips)),
    h("td", {}, accuracy === null ? "–" : t("{accuracy} of {number}", { accuracy: formatPercent(accuracy), number: count })));
  return h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": t("Accuracy of each sound") },
    h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, classes.map(makeRow))));
}

function describeCurve({ learning_curve: points, expected_of_twice_as_many: expected }) {
  const caption = expected
    ? t("Accuracy by number of recordings; about {expected} expected with twice as many", { expected: formatPercent(expected) })
    : t("Accuracy by number of recordings");
  return h("figure", {}, drawLearningCurve(points), h("figcaption", { class: "quiet" }, caption));
}

function makeRemarks({ confusable = [], suspects = [], duplicates = [], advice = [], notes = [], refused = [] }) {
  const remarks = [
    ...confusable.slice(0, MOST).map(describeConfusion),
    ...suspects.slice(0, MOST).map(describeSuspect),
    duplicates.length > 0 && t("{count} recordings are copies of others and add nothing", { count: duplicates.length }),
    refused.length > 0 && t("{count} recordings could not be used", { count: refused.length }),
    ...advice,
    ...notes,
  ].filter(Boolean);
  return remarks.length > 0 && h("ul", { class: "remarks" }, remarks.map((text) => h("li", {}, capitalise(text))));
}

const describeConfusion = ({ label, taken_for: other, clips }) =>
  t("{label} was mistaken for {other}: {count} recordings", { label, other, count: clips });

function describeSuspect({ file, looks_like: label, score }) {
  const name = file.split("/").slice(-2).join("/");
  return t("{name} sounds like {label} ({score}): is its label right?", { name, label, score: formatPercent(score) });
}
