/** How many held-out recordings a task detects in each of three rooms. */

import { h } from "../lib/dom.js";
import { capitalise } from "../lib/format.js";

/** Return a figure of one meter a room; null where nothing was measured. */
export function drawRooms(rooms) {
  if (!rooms?.length) return null;
  return h("figure", { class: "rooms" }, h("dl", {}, rooms.map(drawRoom)),
    h("figcaption", { class: "quiet" }, `Of ${rooms[0].recordings} recordings that were not trained on, detected when played in other rooms`));
}

function drawRoom({ name, detected, recordings }) {
  const text = `${detected} of ${recordings}`;
  return h("div", {}, h("dt", {}, capitalise(name)),
    h("dd", {}, h("meter", { min: 0, max: recordings, value: detected, "aria-label": `${name}: ${text}` }), h("span", { class: "figure" }, text)));
}
