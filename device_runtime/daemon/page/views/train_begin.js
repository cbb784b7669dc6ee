/** The first step of training: choose a task, or continue an enrolment. */

import { device } from "../lib/device.js";
import { actionButton, h, runBusy, setChildren } from "../lib/dom.js";
import { Enrolment } from "../lib/enrolment.js";
import { fetchBlob, makePath, requestJson } from "../lib/http.js";
import { preselection } from "../lib/preselection.js";
import { t } from "../lib/translate.js";

const OPEN_STATES = new Set(["collecting", "learning", "trying", "tried"]);

/** Return a form that calls `open(enrolment)`. */
export function makeBeginForm(open) {
  const task = h("select", { id: "task-which", onchange: update },
    h("option", { value: "" }, t("New task")), device.tasks.map(({ task }) => h("option", { value: task }, task)));
  const name = h("input", {
    id: "task-name", maxlength: 64, autocomplete: "off", autocapitalize: "none", placeholder: t("for example: alarms"),
  });
  const nameField = h("div", {}, h("label", { for: "task-name" }, t("Task name")), name);
  const startOver = h("input", { type: "checkbox", id: "task-over" });
  const startOverField = h("p", { class: "check" },
    startOver, h("label", { for: "task-over" }, t("Start over: use only the new recordings")));
  const button = h("button", { class: "main" }, t("Begin"));

  function update() {
    nameField.hidden = task.value !== "";
    name.required = !nameField.hidden;
    startOverField.hidden = task.value === "";
  }

  async function begin() {
    const mode = task.value ? (startOver.checked ? "replace" : "add") : "new";
    const enrolment = await Enrolment.begin(task.value || name.value.trim(), mode);
    open(enrolment);
    if (recording) await addEvent(enrolment, recording, sound.value.trim().normalize("NFC"));
  }

  task.value = device.tasks.some((one) => one.task === preselection.task) ? preselection.task : "";
  const { recording } = preselection;
  const sound = h("input", { id: "event-sound", maxlength: 64, required: true, autocomplete: "off", value: recording?.label });
  const soundField = recording && h("div", {},
    h("label", { for: "event-sound" }, t("The recording taken for {name} is", recording)), sound);
  Object.assign(preselection, { task: "", recording: null });
  update();
  const taskField = h("div", { hidden: !device.tasks.length }, h("label", { for: "task-which" }, t("Task")), task);
  const form = h("form", { class: "card", onsubmit: (event) => (event.preventDefault(), runBusy(button, begin)) },
    h("h2", {}, device.tasks.length ? t("Train a task") : t("Train the first task")),
    h("p", {}, t("A task is a group of sounds, such as doorbell, smoke alarm and timer. Training one task never changes the others.")),
    h("div", { class: "fields" }, taskField, nameField, soundField), startOverField, h("p", { class: "buttons" }, button));
  return h("div", {}, form, makeOpenList(open));
}

/** Add the recording of an event to an enrolment. */
async function addEvent(enrolment, { id }, label) {
  const blob = await fetchBlob(makePath("sounds", id, "audio"));
  await enrolment.send([{ file: new File([blob], `${id}.flac`), label }]);
}

/** Return the list of enrolments that are not finished, begun here or in another browser. */
function makeOpenList(open) {
  const place = h("div");
  requestJson("GET", "/enrolments").then((all) => {
    const views = all.filter(({ state }) => OPEN_STATES.has(state));
    const list = h("ul", { class: "plain" }, views.map((view) => makeRow(view, open)));
    if (views.length) setChildren(place, h("div", { class: "card" }, h("h2", {}, t("Not finished")), list));
  }, () => {}); // the connection bar shows the failure
  return place;
}

function makeRow(view, open) {
  const takes = h("span", { class: "quiet" }, t("{count} recordings", { count: view.takes.length }));
  return h("li", { class: "row" },
    h("span", { class: "name" }, h("b", {}, view.task), " ", takes),
    actionButton(t("Continue"), () => open(new Enrolment(view)), { "aria-label": t("Continue with {task}", view) }));
}
