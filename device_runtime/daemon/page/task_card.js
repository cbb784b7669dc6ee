/** One task on the screen. */

import { isNegative } from "./advice.js";
import { wish } from "./begin.js";
import { refreshTasks, soundsOf } from "./board.js";
import { curve } from "./curve.js";
import { agreed } from "./dialog.js";
import { action, fill, h } from "./dom.js";
import { count, percent, size } from "./format.js";
import { ask, fetched, path } from "./http.js";
import { done } from "./notice.js";
import { Slider } from "./slider.js";

export class TaskCard {
  #facts = h("dl", { class: "facts" });
  #curve = h("figure");
  #sliders = h("div", { class: "sliders" });
  #verdict = h("p", { role: "status", class: "hint" });
  #undo = action("Undo", () => this.#takeBack());
  #drawn = "";
  #rows = new Map();

  constructor(task) {
    const { task: name } = task;
    this.element = h("article", { class: "card task", "aria-label": name },
      h("h2", {}, name), this.#facts, this.#curve,
      h("details", {}, h("summary", {}, "From when a sound counts"),
        h("p", { class: "quiet" }, "The margin it needs. Higher: fewer false alarms. Lower: less is missed."),
        this.#sliders),
      h("p", { class: "buttons" },
        h("a", { class: "button", href: "#teach", "aria-label": `Teach ${name} more`, onclick: () => (wish.task = name) },
          "Teach more"),
        action("Export", () => save(name), { "aria-label": `Export ${name}` }), this.#undo,
        action("Verify", () => this.#verify(), { "aria-label": `Verify ${name}` }),
        action("Forget", () => forget(name), { class: "danger", "aria-label": `Forget ${name}` })),
      this.#verdict);
    this.update(task);
  }

  /** Show what is known of the task now. */
  update(task) {
    this.task = task;
    const sounds = soundsOf(task);
    for (const [label, slider] of this.#rows) {
      if (!sounds.includes(label)) this.#rows.delete(label) && slider.element.remove();
    }
    for (const label of sounds) this.#slider(label);
    const drawn = JSON.stringify({ ...task, thresholds: null });
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#undo.disabled = task.previous_sha256 === null;
    const ignored = task.labels.filter(isNegative);
    fill(this.#facts,
      fact("Sounds", sounds.join(", ")),
      ignored.length > 0 && fact("Taught to ignore", ignored.join(", ")),
      fact("Recognised", `${percent(task.held_out_accuracy)}${task.method ? `, by ${task.method}` : ""}`),
      fact("Learnt from", count(task.recordings, "recording")),
      fact("Stored", `${size(task.size_bytes)}, ${new Date(task.created).toLocaleDateString()}`),
      !task.heard && fact("Now", "not heard with"));
    const caption = h("figcaption", { class: "quiet" }, "Recognised, by how many recordings teach");
    fill(this.#curve, curve(task.curve), caption);
    this.#curve.hidden = task.curve.length < 2;
  }

  tellVerdict(status, detail) {
    fill(this.#verdict, status === "unchanged" ? "Unchanged, byte for byte." : `${status}: ${detail}`);
    this.#verdict.classList.toggle("bad", status !== "unchanged");
  }

  #slider(label) {
    const margin = this.task.thresholds[label] ?? this.task.threshold;
    if (this.#rows.has(label)) return this.#rows.get(label).show(margin);
    const place = path("tasks", this.task.task, "thresholds", label);
    const slider = new Slider(`${this.task.task}/${label}`, label, margin, {
      set: async (value) => (await ask("PUT", place, { json: { margin: value } })).thresholds[label],
      reset: async () => (await ask("DELETE", place)).thresholds[label],
    });
    this.#rows.set(label, slider);
    this.#sliders.append(slider.element);
    return slider;
  }

  async #takeBack() {
    await ask("POST", path("tasks", this.task.task, "undo"));
    await refreshTasks();
    done(`${this.task.task} is what it was before; Undo once more brings this back`);
  }

  async #verify() {
    const verdict = (await ask("GET", "/verify")).find(({ task }) => task === this.task.task);
    if (verdict) this.tellVerdict(verdict.status, verdict.detail);
  }
}

const fact = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

async function save(task) {
  const file = await fetched(path("tasks", task, "export"));
  const link = h("a", { href: URL.createObjectURL(file), download: `${task}.safetensors` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function forget(task) {
  const what = `The board will not hear ${task} any more; no other task is touched. Export it first if you may want it back.`;
  if (!(await agreed(`Forget ${task}?`, what, `Forget ${task}`))) return;
  await ask("DELETE", path("tasks", task));
  await refreshTasks();
  done(`${task} is forgotten`);
  document.getElementById("tasks-title").focus();
}
