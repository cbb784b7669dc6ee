/** Tasks: what the board was taught, how well it knows it, and from which margin each sound counts. */

import { known, on, refreshTasks, soundsOf } from "./board.js";
import { agreed } from "./dialog.js";
import { action, fill, h, whileBusy } from "./dom.js";
import { ask } from "./http.js";
import { done, failed } from "./notice.js";
import { TaskCard } from "./task_card.js";

const cards = new Map();
const list = h("div", { class: "grid wide" });
const empty = h("p", { class: "empty", hidden: true },
  "Nothing was taught yet: ", h("a", { href: "#teach" }, "teach the first sound"), ", or import a task of another board.");

export const tasks = { mount, show: () => refreshTasks().catch(failed) };

function mount(section) {
  const file = h("input", { type: "file", accept: ".safetensors", hidden: true, "aria-label": "A task's file" });
  const choose = h("button", { type: "button", onclick: () => file.click() }, "Import a task");
  file.addEventListener("change", () => {
    const [chosen] = file.files;
    file.value = "";
    if (chosen) whileBusy(choose, () => take(chosen));
  });
  section.append(list, empty, h("p", { class: "buttons" }, choose, file, action("Verify all", verify)));
  on("tasks", showTasks);
}

function showTasks(all) {
  empty.hidden = all.length > 0;
  const names = new Set(all.map(({ task }) => task));
  for (const [name, card] of cards) if (!names.has(name)) cards.delete(name) && card.element.remove();
  for (const task of all) {
    if (cards.has(task.task)) cards.get(task.task).update(task);
    else cards.set(task.task, new TaskCard(task));
  }
  const elements = all.map(({ task }) => cards.get(task).element);
  if (elements.some((element, index) => list.children[index] !== element)) fill(list, elements);
}

/** Import a file; a task of the same name is replaced once that is agreed to. */
async function take(file, replace = false) {
  try {
    const task = await ask("POST", "/tasks/import", { query: { replace }, body: file });
    await refreshTasks();
    done(`${task.task} is known now: ${soundsOf(task).join(", ")}`);
  } catch (problem) {
    if (problem.status !== 409 || replace) throw problem;
    const what = `${problem.message}. What it knows now can be had back by Undo.`;
    if (await agreed("Replace the task?", what, "Replace")) await take(file, true);
  }
}

async function verify() {
  const verdicts = await ask("GET", "/verify");
  for (const { task, status, detail } of verdicts) cards.get(task)?.tellVerdict(status, detail);
  const unchanged = verdicts.every(({ status }) => status === "unchanged");
  done(unchanged ? `All ${known.tasks.length} tasks are what they were, byte for byte` : "Not every task is what it was");
}
