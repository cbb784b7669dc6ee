/** View "Train": begin or continue an enrolment, and follow it. */

import { on } from "../lib/device.js";
import { h, setChildren } from "../lib/dom.js";
import { Enrolment } from "../lib/enrolment.js";
import { makePath, requestJson } from "../lib/http.js";
import { makeBeginForm } from "./train_begin.js";
import { EnrolmentCard } from "./train_enrolment.js";

const KEY = "edgecl enrolment"; // of this tab, so that the enrolment is shown again after a reload
const place = h("div");
let card = null;
let form = null; // while no enrolment is open

export const train = { mount, show };

function mount(section) {
  section.append(place);
  on("enrolment", (view) => card?.enrolment.view.id === view.id && card.enrolment.setView(view));
  on("connected", () => card?.enrolment.reload().catch((problem) => problem.status === 404 && leave()));
  on("status", () => card?.update()); // the privacy level decides which buttons there are
  on("tasks", () => card || section.hidden || form?.refresh()); // a hidden form is made anew when it is shown
}

async function show() {
  if (card) return; // a recording that is handed over waits until this enrolment has ended
  const id = sessionStorage.getItem(KEY);
  const view = id && (await requestJson("GET", makePath("enrolments", id)).catch(() => null));
  if (view && view.state !== "cancelled") open(new Enrolment(view));
  else begin();
}

function begin() {
  form = makeBeginForm(open);
  setChildren(place, form.element);
}

function open(enrolment) {
  sessionStorage.setItem(KEY, enrolment.view.id);
  card = new EnrolmentCard(enrolment, leave);
  setChildren(place, card.element);
}

function leave() {
  sessionStorage.removeItem(KEY);
  card = null;
  begin();
}
