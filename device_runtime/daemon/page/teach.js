/** Teach: begin or go on with a lesson, and follow it. */

import { on } from "./board.js";
import { fill, h } from "./dom.js";
import { ask, path } from "./http.js";
import { Lesson } from "./lesson.js";
import { LessonView } from "./lesson_view.js";
import { beginning } from "./begin.js";

const KEY = "edgecl lesson"; // of this tab, so that a reload comes back to it
const place = h("div");
let view = null;

export const teach = { mount, show };

function mount(section) {
  section.append(place);
  on("enrolment", (enrolment) => view?.lesson.view.id === enrolment.id && view.lesson.take(enrolment));
  on("fresh", () => view?.lesson.refresh().catch((problem) => problem.status === 404 && leave()));
  on("status", () => view?.update()); // what is offered depends on the privacy level
  on("tasks", () => view || section.hidden || place.querySelector("#task-name")?.value || begin());
}

async function show() {
  if (view) return;
  const id = sessionStorage.getItem(KEY);
  const there = id && (await ask("GET", path("enrolments", id)).catch(() => null));
  if (there && there.state !== "cancelled") open(new Lesson(there));
  else begin();
}

function begin() {
  fill(place, beginning(open));
}

function open(lesson) {
  sessionStorage.setItem(KEY, lesson.view.id);
  view = new LessonView(lesson, leave);
  fill(place, view.element);
}

function leave() {
  sessionStorage.removeItem(KEY);
  view = null;
  begin();
}
