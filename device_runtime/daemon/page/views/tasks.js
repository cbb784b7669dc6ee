/** View "Tasks": all tasks with their accuracy and sensitivity; import and integrity check. */

import { device, loadTasks, on } from "../lib/device.js";
import { actionButton, h, runBusy, setChildren } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { listSounds } from "../lib/labels.js";
import { showDone, showError } from "../lib/notice.js";
import { confirm } from "../widgets/dialog.js";
import { TaskCard } from "./task_card.js";

const cards = new Map();
const list = h("div", { class: "grid wide" });
const empty = h("p", { class: "empty", hidden: true },
  "There are no tasks yet: ", h("a", { href: "#train" }, "train the first sound"),
  ", or import a task from another device.");

export const tasks = { mount, show: () => loadTasks().catch(showError) };

function mount(section) {
  const file = h("input", { type: "file", accept: ".safetensors", hidden: true, "aria-label": "Task file" });
  const choose = h("button", { type: "button", onclick: () => file.click() }, "Import a task");
  file.addEventListener("change", () => {
    const [chosen] = file.files;
    file.value = "";
    if (chosen) runBusy(choose, () => importTask(chosen));
  });
  section.append(list, empty, h("p", { class: "buttons" }, choose, file, actionButton("Verify all", verifyAll)));
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
  if (elements.some((element, index) => list.children[index] !== element)) setChildren(list, elements);
}

/** Import a file; ask before a task of the same name is replaced. */
async function importTask(file, replace = false) {
  try {
    const task = await requestJson("POST", "/tasks/import", { query: { replace }, body: file });
    await loadTasks();
    showDone(`${task.task} imported: ${listSounds(task).join(", ")}`);
  } catch (problem) {
    if (problem.status !== 409 || replace) throw problem;
    const what = `${problem.message}. Undo restores the present version.`;
    if (await confirm("Replace the task?", what, "Replace")) await importTask(file, true);
  }
}

async function verifyAll() {
  const checks = await requestJson("GET", "/verify");
  for (const { task, status, detail } of checks) cards.get(task)?.showCheck(status, detail);
  const isIntact = checks.every(({ status }) => status === "unchanged");
  showDone(isIntact ? `All ${device.tasks.length} tasks are intact` : "Some tasks are damaged");
}
