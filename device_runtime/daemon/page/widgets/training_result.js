/** The result of training: accuracy of each sound, confusions, advice; and what a trial detected. */

import { h } from "../lib/dom.js";
import { capitalise, formatCount, formatDuration, formatPercent, formatSize } from "../lib/format.js";
import { toScore } from "../lib/score.js";
import { drawLearningCurve } from "./learning_curve.js";
import { drawRooms } from "./room_meters.js";

const MOST = 5; // lines of a kind

/** Return an element that shows the document of `edgecl enroll --json`. */
export function describeResult(result) {
  const { held_out_accuracy: accuracy, training, seconds, size_bytes } = result;
  const figures = [`method ${training.method}`, formatDuration(seconds.total), formatSize(size_bytes)];
  return h("div", { class: "result" },
    result.heard && describeTrial(result),
    h("p", { class: "headline" }, h("b", {}, formatPercent(accuracy)), " accuracy on held-out recordings"),
    makeTable(result.classes),
    drawRooms(result.rooms),
    makeRemarks(result),
    result.learning_curve?.length > 1 && describeCurve(result),
    h("p", { class: "quiet" }, capitalise(figures.join(", "))));
}

function describeTrial(result) {
  const [detections, duration_s] = [result.heard, result.heard_s];
  if (!duration_s) return h("p", { class: "trial" }, "There was no audio to try it on. Make one of the sounds and try again.");
  const start = `In the last ${formatDuration(duration_s)} it would have detected`;
  if (!detections.length) return h("p", { class: "trial" }, `${start} no sound. Make one of the sounds and try again.`);
  const list = h("ul", { class: "plain" }, detections.map((one) => describeDetection(one, duration_s)));
  return h("div", { class: "trial" }, h("p", {}, `${start}:`), list);
}

function describeDetection({ label, start_s, margin }, duration_s) {
  const ago_s = Math.max(0, duration_s - start_s).toFixed(0);
  const figures = `${ago_s} s ago · score ${Math.round(toScore(margin))}`;
  return h("li", { class: "row" }, h("b", { class: "name" }, label), h("span", { class: "figure" }, figures));
}

function makeTable(classes) {
  const head = ["Sound", "Recordings", "Accuracy"].map((name) => h("th", { scope: "col" }, name));
  const makeRow = ({ label, clips, held_out: count, accuracy }) => h("tr", {},
    h("th", { scope: "row" }, label),
    h("td", {}, String(clips)),
    h("td", {}, accuracy === null ? "–" : `${formatPercent(accuracy)} of ${count}`));
  return h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Accuracy of each sound" },
    h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, classes.map(makeRow))));
}

function describeCurve({ learning_curve: points, expected_of_twice_as_many: expected }) {
  const forecast = expected ? `; about ${formatPercent(expected)} expected with twice as many` : "";
  return h("figure", {}, drawLearningCurve(points),
    h("figcaption", { class: "quiet" }, `Accuracy by number of recordings${forecast}`));
}

function makeRemarks({ confusable = [], suspects = [], duplicates = [], advice = [], notes = [], refused = [] }) {
  const copies = ["recording is a copy of another and adds nothing", "recordings are copies of others and add nothing"];
  const remarks = [
    ...confusable.slice(0, MOST).map(describeConfusion),
    ...suspects.slice(0, MOST).map(describeSuspect),
    duplicates.length > 0 && formatCount(duplicates.length, ...copies),
    refused.length > 0 && `${formatCount(refused.length, "recording")} could not be used`,
    ...advice,
    ...notes,
  ].filter(Boolean);
  return remarks.length > 0 && h("ul", { class: "remarks" }, remarks.map((text) => h("li", {}, capitalise(text))));
}

const describeConfusion = ({ label, taken_for: other, clips }) =>
  `${label} was mistaken for ${other}: ${formatCount(clips, "recording")}`;

function describeSuspect({ file, looks_like: label, score }) {
  const name = file.split("/").slice(-2).join("/");
  return `${name} sounds like ${label} (${formatPercent(score)}): is its label right?`;
}
