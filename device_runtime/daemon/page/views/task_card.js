/** One task: facts, learning curve, sensitivity of its sounds, and actions. */

import { device, loadTasks } from "../lib/device.js";
import { actionButton, h, setChildren } from "../lib/dom.js";
import { formatCalendarDate, formatPercent, formatSize } from "../lib/format.js";
import { fetchBlob, makePath, requestJson } from "../lib/http.js";
import { isNegative, listSounds } from "../lib/labels.js";
import { showDone } from "../lib/notice.js";
import { preselection } from "../lib/preselection.js";
import { t } from "../lib/translate.js";
import { confirm } from "../widgets/dialog.js";
import { drawLearningCurve } from "../widgets/learning_curve.js";
import { drawRooms } from "../widgets/room_meters.js";
import { SensitivitySlider } from "../widgets/slider.js";

export class TaskCard {
  #facts = h("dl", { class: "facts" });
  #rooms = h("div");
  #curve = h("figure");
  #sliders = h("div", { class: "sliders" });
  #check = h("p", { role: "status", class: "hint" });
  #undo = actionButton(t("Undo"), () => this.#undoChange());
  #shown = "";
  #rows = new Map();

  constructor(task) {
    const { task: name } = task;
    this.element = h("article", { class: "card task", "aria-label": name },
      h("h2", {}, name), this.#facts, this.#rooms, this.#curve,
      h("details", {}, h("summary", {}, t("Sensitivity")),
        h("p", { class: "quiet" }, t("To the right: fewer missed sounds. To the left: fewer false alarms.")),
        this.#sliders),
      h("p", { class: "buttons" },
        h("a", {
          class: "button", href: "#train", "aria-label": t("Train {name} more", { name }), onclick: () => (preselection.task = name),
        }, t("Train more")),
        actionButton(t("Export"), () => exportTask(name), { "aria-label": t("Export {name}", { name }) }), this.#undo,
        actionButton(t("Verify"), () => this.#verify(), { "aria-label": t("Verify {name}", { name }) }),
        actionButton(t("Forget"), () => forgetTask(name), { class: "danger", "aria-label": t("Forget {name}", { name }) })),
      this.#check);
    this.update(task);
  }

  /** Show the present state of the task. */
  update(task) {
    this.task = task;
    const sounds = listSounds(task);
    for (const [label, slider] of this.#rows) {
      if (!sounds.includes(label)) this.#rows.delete(label) && slider.element.remove();
    }
    for (const label of sounds) this.#showSlider(label);
    const shown = JSON.stringify({ ...task, thresholds: null });
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#undo.disabled = task.previous_sha256 === null;
    const ignored = task.labels.filter(isNegative);
    setChildren(this.#facts,
      makeFact(t("Sounds"), sounds.join(", ")),
      ignored.length > 0 && makeFact(t("Ignores"), ignored.join(", ")),
      makeFact(t("Accuracy"), formatPercent(task.held_out_accuracy)),
      makeFact(t("Trained on"), t("{count} recordings", { count: task.recordings })),
      task.method && makeFact(t("Method"), task.method),
      makeFact(t("Saved"), `${formatCalendarDate(task.created)}, ${formatSize(task.size_bytes)}`),
      !task.heard && makeFact(t("Status"), t("not in use")));
    setChildren(this.#rooms, drawRooms(task.rooms));
    const caption = h("figcaption", { class: "quiet" }, t("Accuracy by number of recordings"));
    setChildren(this.#curve, drawLearningCurve(task.curve), caption);
    this.#curve.hidden = task.curve.length < 2;
  }

  /** Show the result of the integrity check. */
  showCheck(status, detail) {
    setChildren(this.#check, status === "unchanged" ? t("The file is intact.") : `${status}: ${detail}`);
    this.#check.classList.toggle("bad", status !== "unchanged");
  }

  #showSlider(label) {
    const threshold = this.task.thresholds[label] ?? this.task.threshold;
    if (this.#rows.has(label)) return this.#rows.get(label).show(threshold);
    const path = makePath("tasks", this.task.task, "thresholds", label);
    const slider = new SensitivitySlider(`${this.task.task}/${label}`, label, threshold, {
      set: async (margin) => (await requestJson("PUT", path, { json: { margin } })).thresholds[label],
      reset: async () => (await requestJson("DELETE", path)).thresholds[label],
    });
    this.#rows.set(label, slider);
    this.#sliders.append(slider.element);
    return slider;
  }

  async #undoChange() {
    await requestJson("POST", makePath("tasks", this.task.task, "undo"));
    await loadTasks();
    showDone(t("previous version of {task} restored; Undo again returns to the newer one", this.task));
  }

  async #verify() {
    const check = (await requestJson("GET", "/verify")).find(({ task }) => task === this.task.task);
    if (check) this.showCheck(check.status, check.detail);
  }
}

const makeFact = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

async function exportTask(task) {
  const file = await fetchBlob(makePath("tasks", task, "export"));
  const link = h("a", { href: URL.createObjectURL(file), download: `${task}.safetensors` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function forgetTask(task) {
  const others = device.tasks.length > 1 ? t("Other tasks are not affected.") : "";
  const advice = t("Export it first if you may need it again.");
  const what = [t("{task} will be deleted and its sounds not detected any more.", { task }), others, advice].filter(Boolean).join(" ");
  if (!(await confirm(t("Forget {task}?", { task }), what, t("Forget {name}", { name: task })))) return;
  await requestJson("DELETE", makePath("tasks", task));
  await loadTasks();
  showDone(t("{task} forgotten", { task }));
  document.getElementById("tasks-title").focus();
}
