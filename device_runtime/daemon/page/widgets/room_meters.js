/** How many held-out recordings a task detects in each of three rooms. */

import { h } from "../lib/dom.js";
import { capitalise } from "../lib/format.js";
import { t } from "../lib/translate.js";

const NAMES = { "quiet room": t("quiet room"), "living room": t("living room"), "noisy room": t("noisy room") };

/** Return a figure of one meter a room; null where nothing was measured. */
export function drawRooms(rooms) {
  if (!rooms?.length) return null;
  const caption = t("Of {count} recordings that were not trained on, detected when played in other rooms", { count: rooms[0].recordings });
  return h("figure", { class: "rooms" }, h("dl", {}, rooms.map(drawRoom)), h("figcaption", { class: "quiet" }, caption));
}

function drawRoom({ name, detected, recordings }) {
  const [shown, text] = [NAMES[name] ?? name, t("{done} of {total}", { done: detected, total: recordings })];
  return h("div", {}, h("dt", {}, capitalise(shown)),
    h("dd", {}, h("meter", { min: 0, max: recordings, value: detected, "aria-label": `${shown}: ${text}` }), h("span", { class: "figure" }, text)));
}
