/** The first step of training: choose a task, or continue an enrolment. */

import { device } from "../lib/device.js";
import { actionButton, h, runBusy, setChildren } from "../lib/dom.js";
import { Enrolment } from "../lib/enrolment.js";
import { fetchBlob, makePath, requestJson } from "../lib/http.js";
import { preselection } from "../lib/preselection.js";
import { t } from "../lib/translate.js";

const OPEN_STATES = new Set(["collecting", "learning", "trying", "tried"]);

/** Return a form that calls `open(enrolment)`; `refresh` shows the present tasks and keeps what is filled in. */
export function makeBeginForm(open) {
  const task = h("select", { id: "task-which", onchange: update });
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

  function refresh(chosen = task.value) {
    setChildren(task, h("option", { value: "" }, t("New task")),
      device.tasks.map(({ task }) => h("option", { value: task }, task)));
    task.value = device.tasks.some((one) => one.task === chosen) ? chosen : "";
    taskField.hidden = !device.tasks.length;
    heading.textContent = device.tasks.length ? t("Train a task") : t("Train the first task");
    showOpenList(openList, open);
    update();
  }

  const { recording, task: preselected } = preselection;
  const sound = h("input", { id: "event-sound", maxlength: 64, required: true, autocomplete: "off", value: recording?.label });
  const soundField = recording && h("div", {},
    h("label", { for: "event-sound" }, t("The recording taken for {name} is", recording)), sound);
  Object.assign(preselection, { task: "", recording: null });
  const heading = h("h2");
  const taskField = h("div", {}, h("label", { for: "task-which" }, t("Task")), task);
  const openList = h("div");
  const form = h("form", { class: "card", onsubmit: (event) => (event.preventDefault(), runBusy(button, begin)) },
    heading,
    h("p", {}, t("A task is a group of sounds, such as doorbell, smoke alarm and timer. Training one task never changes the others.")),
    h("div", { class: "fields" }, taskField, nameField, soundField), startOverField, h("p", { class: "buttons" }, button));
  refresh(preselected);
  return { element: h("div", {}, form, openList), refresh };
}

/** Add the recording of an event to an enrolment. */
async function addEvent(enrolment, { id }, label) {
  const blob = await fetchBlob(makePath("sounds", id, "audio"));
  await enrolment.send([{ file: new File([blob], `${id}.flac`), label }]);
}

/** Show the enrolments that are not finished, begun here or in another browser. */
function showOpenList(place, open) {
  requestJson("GET", "/enrolments").then((all) => {
    const views = all.filter(({ state }) => OPEN_STATES.has(state));
    const list = h("ul", { class: "plain" }, views.map((view) => makeRow(view, open)));
    setChildren(place, views.length ? h("div", { class: "card" }, h("h2", {}, t("Not finished")), list) : []);
  }, () => {}); // the connection bar shows the failure
}

function makeRow(view, open) {
  const takes = h("span", { class: "quiet" }, t("{count} recordings", { count: view.takes.length }));
  return h("li", { class: "row" },
    h("span", { class: "name" }, h("b", {}, view.task), " ", takes),
    actionButton(t("Continue"), () => open(new Enrolment(view)), { "aria-label": t("Continue with {task}", view) }));
}
