/** What learning gave: how well each sound is known, what is confused, what to record; and what a try heard. */

import { curve } from "./curve.js";
import { h } from "./dom.js";
import { capital, count, percent, signed, size, span } from "./format.js";

const MOST = 5; // lines of a kind

/** The whole report on a result, as `edgecl enroll --json` tells it. */
export function outcome(result) {
  const { held_out_accuracy: accuracy, training, seconds, size_bytes } = result;
  return h("div", { class: "outcome" },
    result.heard && tried(result),
    h("p", { class: "headline" }, h("b", {}, percent(accuracy)), " of the recordings kept aside were recognised"),
    table(result.classes),
    lines(result),
    result.learning_curve?.length > 1 && grown(result),
    h("p", { class: "quiet" }, `By ${training.method}, in ${span(seconds.total)}, ${size(size_bytes)}.`));
}

function tried({ heard, heard_s }) {
  if (!heard_s) return h("p", { class: "tried" }, "There was no sound to try it on. Make one of the sounds, and try again.");
  const time = `In the last ${span(heard_s)} it would have heard`;
  if (!heard.length) return h("p", { class: "tried" }, `${time} none of them. Make one of the sounds, and try again.`);
  const list = h("ul", { class: "plain" }, heard.map((one) => moment(one, heard_s)));
  return h("div", { class: "tried" }, h("p", {}, `${time}:`), list);
}

function moment({ label, start_s, margin }, heard_s) {
  const ago = `${Math.max(0, heard_s - start_s).toFixed(0)} s ago · ${signed(margin)}`;
  return h("li", { class: "row" }, h("b", { class: "name" }, label), h("span", { class: "figure" }, ago));
}

function table(classes) {
  const head = ["Sound", "Takes", "Recognised"].map((name) => h("th", { scope: "col" }, name));
  const row = ({ label, clips, held_out, accuracy }) => h("tr", {},
    h("th", { scope: "row" }, label),
    h("td", {}, String(clips)),
    h("td", {}, accuracy === null ? "–" : `${percent(accuracy)} of ${held_out}`));
  return h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Every sound" },
    h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, classes.map(row))));
}

function grown({ learning_curve: points, expected_of_twice_as_many: twice }) {
  const more = twice ? `; perhaps ${percent(twice)} by twice as many` : "";
  return h("figure", {}, curve(points),
    h("figcaption", { class: "quiet" }, `Recognised, by how many recordings teach${more}`));
}

function lines({ confusable = [], suspects = [], duplicates = [], advice = [], notes = [], refused = [] }) {
  const copies = count(duplicates.length, "recording is a copy", "recordings are copies");
  const told = [
    ...confusable.slice(0, MOST).map(confused),
    ...suspects.slice(0, MOST).map(doubtful),
    duplicates.length > 0 && `${copies} of others and teach nothing new`,
    refused.length > 0 && `${count(refused.length, "recording")} could not be used`,
    ...advice,
    ...notes,
  ].filter(Boolean);
  return told.length > 0 && h("ul", { class: "told" }, told.map((text) => h("li", {}, capital(text))));
}

const confused = ({ label, taken_for, clips }) => `${label} was taken for ${taken_for}: ${count(clips, "recording")}`;

function doubtful({ file, looks_like, score }) {
  const name = file.split("/").slice(-2).join("/");
  return `${name} sounds like ${looks_like} (${percent(score)}): is it in the right place?`;
}
