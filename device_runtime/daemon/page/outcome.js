/** What learning gave: how well each sound is known, what is confused, what to record; and what a try heard. */

import { curve } from "./curve.js";
import { h } from "./dom.js";
import { capital, count, percent, signed, size, span } from "./format.js";

const MOST = 5; // lines of a kind

/** The whole report on a result, as `edgecl enroll --json` tells it. */
export function outcome(result) {
  return h("div", { class: "outcome" },
    result.heard && tried(result),
    h("p", { class: "headline" }, h("b", {}, percent(result.held_out_accuracy)), " of the recordings kept aside were recognised"),
    table(result.classes), lines(result),
    result.learning_curve?.length > 1 && h("figure", {}, curve(result.learning_curve),
      h("figcaption", { class: "quiet" }, `Recognised, by how many recordings teach${more(result)}`)),
    h("p", { class: "quiet" }, `By ${result.training.method}, in ${span(result.seconds.total)}, ${size(result.size_bytes)}.`));
}

const more = ({ expected_of_twice_as_many: twice }) => (twice ? `; perhaps ${percent(twice)} by twice as many` : "");

function tried({ heard, heard_s }) {
  if (!heard.length) {
    return h("p", { class: "tried" }, `In the last ${span(heard_s)} it would have heard none of them. Make one of the sounds, and try again.`);
  }
  return h("div", { class: "tried" }, h("p", {}, `In the last ${span(heard_s)} it would have heard:`),
    h("ul", { class: "plain" }, heard.map(({ label, start_s, margin }) => h("li", { class: "row" }, h("b", { class: "name" }, label),
      h("span", { class: "figure" }, `${span(Math.max(0, heard_s - start_s))} ago · ${signed(margin)}`)))));
}

function table(classes) {
  const row = ({ label, clips, held_out, accuracy }) => h("tr", {}, h("th", { scope: "row" }, label), h("td", {}, String(clips)),
    h("td", {}, accuracy === null ? "–" : `${percent(accuracy)} of ${held_out}`));
  return h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Every sound" }, h("table", {},
    h("thead", {}, h("tr", {}, ["Sound", "Takes", "Recognised"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, classes.map(row))));
}

function lines({ confusable = [], suspects = [], duplicates = [], advice = [], notes = [], refused = [] }) {
  const file = (path) => path.split("/").slice(-2).join("/");
  const told = [
    ...confusable.slice(0, MOST).map((pair) => `${pair.label} was taken for ${pair.taken_for}: ${count(pair.clips, "recording")}`),
    ...suspects.slice(0, MOST).map((one) => `${file(one.file)} sounds like ${one.looks_like} (${percent(one.score)}): is it in the right place?`),
    duplicates.length ? `${count(duplicates.length, "recording is a copy", "recordings are copies")} of others and teach nothing new` : "",
    refused.length ? `${count(refused.length, "recording")} could not be used` : "",
    ...advice, ...notes,
  ].filter(Boolean);
  return told.length > 0 && h("ul", { class: "told" }, told.map((text) => h("li", {}, capital(text))));
}
