/** View "Events": all detected sounds by day, and feedback on them. */

import { allowsAudio, allowsHistory, device, on } from "../lib/device.js";
import { actionButton, h, setChildren } from "../lib/dom.js";
import { formatDate } from "../lib/format.js";
import { requestJson } from "../lib/http.js";
import { listSounds } from "../lib/labels.js";
import { showError } from "../lib/notice.js";
import { t } from "../lib/translate.js";
import { Counts, utcOffset_min } from "../widgets/counts.js";
import { SoundList } from "../widgets/sound_list.js";

const PAGE_SIZE = 50;
const MOST = 200; // events shown, unless the user loads older ones
const parts = {
  task: h("select", { id: "event-task" }), label: h("select", { id: "event-label" }),
  day: h("input", { id: "event-day", type: "date" }),
  empty: h("p", { class: "empty" }),
  noAudio: h("p", { class: "quiet" },
    t("Events older than two minutes can be played and corrected only if recordings are stored: {setting} under {section} in the configuration.",
      { setting: h("code", {}, "keep = true"), section: h("code", {}, "[clips]") })),
  noHistory: h("p", { class: "quiet" },
    t("At privacy level 3 events are not stored; they are listed here only while this page is open.")),
};
const list = new SoundList();
const counts = new Counts(choose);
const loadOlderButton = actionButton(t("Load older"), loadOlder);
let most = MOST;
let isComplete = false; // there are no older events
let lastQuery = 0; // only the answer to the latest query counts

export const events = { mount, show, hide: shorten };

function mount(section) {
  section.append(
    h("form", { class: "filters", onsubmit: (event) => event.preventDefault() },
      h("div", {}, h("label", { for: "event-task" }, t("Task")), parts.task),
      h("div", {}, h("label", { for: "event-label" }, t("Sound")), parts.label),
      h("div", {}, h("label", { for: "event-day" }, t("Day")), parts.day)),
    counts.element, list.element, parts.empty, parts.noAudio, parts.noHistory, h("p", { class: "buttons" }, loadOlderButton));
  parts.task.addEventListener("change", () => {
    offerLabels();
    reload();
  });
  for (const filter of [parts.label, parts.day]) filter.addEventListener("change", () => reload());
  on("tasks", offerTasks);
  on("sound", (event) => {
    addEvent(event);
    if (event.phase === "end" && !section.hidden) loadCounts();
  });
  on("connected", () => section.hidden || load().catch(showError));
}

function show() {
  loadCounts();
  load().catch(showError);
}

/** Show how many sounds there were; at a privacy level without history there is nothing to count. */
function loadCounts() {
  counts.load().catch(() => {});
}

/** Show the events of one sound on one day. */
function choose({ day, task, label }) {
  parts.task.value = task;
  offerLabels();
  parts.label.value = label;
  parts.day.value = day;
  reload();
}

/** Load the newest events, or those before one, and add them to the list. */
async function load(before) {
  const number = ++lastQuery;
  const when = { day: parts.day.value, utc_offset_min: parts.day.value && utcOffset_min() };
  const query = { count: PAGE_SIZE, before, task: parts.task.value, label: parts.label.value, ...when };
  const loaded = await requestJson("GET", "/sounds", { query });
  if (number !== lastQuery) return;
  const isAdjacent = before || !loaded.length || loaded.some(({ id }) => list.has(id));
  if (!isAdjacent) clear();
  isComplete ||= loaded.length < PAGE_SIZE;
  loaded.forEach((event) => list.put(event));
  updateTexts();
}

async function loadOlder() {
  most = Infinity;
  const sequences = list.events.map(({ sequence }) => sequence).filter(Boolean); // a new event has none yet
  await load(sequences.length ? Math.min(...sequences) : undefined);
}

/** Drop older events when the view is left. */
function shorten() {
  most = MOST;
  updateTexts();
}

function reload() {
  clear();
  load().catch(showError);
}

function addEvent(event) {
  const { task, label } = event;
  if (list.has(event.id)) return list.put(event);
  if (parts.day.value && parts.day.value !== formatDate(event.start)) return;
  if ((parts.task.value || task) !== task || (parts.label.value || label) !== label) return;
  list.put({ audible: allowsAudio(), ...event });
  updateTexts();
}

function clear() {
  isComplete = false;
  list.clear();
}

/** Update everything that depends on which events are listed. */
function updateTexts() {
  if (list.trim(most)) isComplete = false;
  loadOlderButton.hidden = isComplete;
  const isFiltered = parts.task.value || parts.label.value || parts.day.value;
  const reason = device.tasks.length
    ? [t("No events yet. Make one of the sounds near the microphone.")]
    : t("There are no tasks yet: {link}.", { link: h("a", { href: "#train" }, t("train the first sound")) });
  parts.empty.hidden = list.size > 0;
  parts.noHistory.hidden = allowsHistory();
  parts.noAudio.hidden = !allowsAudio() || list.events.every(({ audible }) => audible);
  if (list.size) return;
  if (!device.status) setChildren(parts.empty, "…"); // before the first status
  else setChildren(parts.empty, isFiltered ? t("There are no such events.") : reason);
}

function offerTasks(tasks) {
  const isLost = offer(parts.task, t("all tasks"), tasks.map(({ task }) => task));
  if (offerLabels() || isLost) reload();
}

function offerLabels() {
  const tasks = device.tasks.filter(({ task }) => !parts.task.value || task === parts.task.value);
  return offer(parts.label, t("all sounds"), [...new Set(tasks.flatMap(listSounds))].sort());
}

/** Set the options of a select and keep its value if it is still offered; return whether it is not. */
function offer(select, all, names) {
  const chosen = select.value;
  setChildren(select, h("option", { value: "" }, all), names.map((name) => h("option", { value: name }, name)));
  select.value = names.includes(chosen) ? chosen : "";
  return select.value !== chosen;
}
