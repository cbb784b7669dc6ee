/** View "Tasks": all tasks with their accuracy and sensitivity; import and integrity check. */

import { device, loadTasks, on } from "../lib/device.js";
import { actionButton, h, runBusy, setChildren } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { listSounds } from "../lib/labels.js";
import { showDone, showError } from "../lib/notice.js";
import { t } from "../lib/translate.js";
import { confirm } from "../widgets/dialog.js";
import { TaskCard } from "./task_card.js";

const cards = new Map();
const list = h("div", { class: "grid wide" });
const empty = h("p", { class: "empty", hidden: true },
  t("There are no tasks yet: {link}, or import a task from another device.",
    { link: h("a", { href: "#train" }, t("train the first sound")) }));

export const tasks = { mount, show: () => loadTasks().catch(showError) };

function mount(section) {
  const file = h("input", { type: "file", accept: ".safetensors", hidden: true, "aria-label": t("Task file") });
  const choose = h("button", { type: "button", onclick: () => file.click() }, t("Import a task"));
  file.addEventListener("change", () => {
    const [chosen] = file.files;
    file.value = "";
    if (chosen) runBusy(choose, () => importTask(chosen));
  });
  section.append(list, empty, h("p", { class: "buttons" }, choose, file, actionButton(t("Verify all"), verifyAll)));
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
    showDone(t("{task} imported: {sounds}", { task: task.task, sounds: listSounds(task).join(", ") }));
  } catch (problem) {
    if (problem.status !== 409 || replace) throw problem;
    const what = t("{problem}. Undo restores the present version.", { problem: problem.message });
    if (await confirm(t("Replace the task?"), what, t("Replace"))) await importTask(file, true);
  }
}

async function verifyAll() {
  const checks = await requestJson("GET", "/verify");
  for (const { task, status, detail } of checks) cards.get(task)?.showCheck(status, detail);
  const isIntact = checks.every(({ status }) => status === "unchanged");
  showDone(isIntact ? t("All {count} tasks are intact", { count: device.tasks.length }) : t("Some tasks are damaged"));
}
