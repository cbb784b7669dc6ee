/** Events: everything that was heard, day by day, and whether it was right. */

import { known, mayHear, on, soundsOf } from "./board.js";
import { action, fill, h } from "./dom.js";
import { day } from "./format.js";
import { ask } from "./http.js";
import { failed } from "./notice.js";
import { SoundItem } from "./sound.js";

const COUNT = 50; // at a time
const parts = {
  task: h("select", { id: "event-task" }), label: h("select", { id: "event-label" }),
  days: h("div"), empty: h("p", { class: "empty" }),
  silent: h("p", { class: "quiet" },
    "What was heard more than two minutes ago can be played and corrected only where recordings are kept: ",
    h("code", {}, "keep = true"), " under ", h("code", {}, "[clips]"), "."),
};
const older = action("Load older", () => load(oldest()));
const items = new Map();
let ended = false; // nothing is older than what is shown
let asked = 0; // of several answers only the one to the newest question counts

export const events = { mount, show: () => load().catch(failed) };

function mount(section) {
  section.append(
    h("form", { class: "filters", onsubmit: (event) => event.preventDefault() },
      h("div", {}, h("label", { for: "event-task" }, "Task"), parts.task),
      h("div", {}, h("label", { for: "event-label" }, "Sound"), parts.label)),
    parts.days, parts.empty, parts.silent, h("p", { class: "buttons" }, older));
  parts.task.addEventListener("change", () => {
    offerLabels();
    renew();
  });
  parts.label.addEventListener("change", () => renew());
  on("tasks", offerTasks);
  on("sound", heard);
  on("fresh", () => section.hidden || load().catch(failed));
}

/** Ask for the newest sounds, or for those before a time; what is shown already stays. */
async function load(before) {
  const question = ++asked;
  const query = { count: COUNT, before, task: parts.task.value, label: parts.label.value };
  const sounds = await ask("GET", "/sounds", { query });
  if (question !== asked) return;
  const isMore = before || sounds.some(({ id }) => items.has(id));
  if (!isMore) clear();
  ended ||= sounds.length < COUNT;
  older.hidden = ended;
  sounds.forEach(place);
  tellWhy();
}

function renew() {
  clear();
  load().catch(failed);
}

function heard(sound) {
  const { task, label } = sound;
  if (items.has(sound.id)) return items.get(sound.id).update(sound);
  if ((parts.task.value || task) !== task || (parts.label.value || label) !== label) return;
  place({ audible: mayHear(), ...sound });
  tellWhy();
}

function place(sound) {
  if (items.has(sound.id)) return items.get(sound.id).update(sound);
  const item = new SoundItem(sound);
  items.set(sound.id, item);
  const list = listOf(day(sound.start), sound.start);
  const later = [...list.children].find((other) => other.querySelector("time").dateTime < sound.start);
  list.insertBefore(item.element, later ?? null);
}

/** The list of a day, which is made where there is none yet. */
function listOf(name, start) {
  const groups = [...parts.days.children];
  const there = groups.find((group) => group.dataset.day === name);
  if (there) return there.lastElementChild;
  const list = h("ol", { class: "plain sounds" });
  const group = h("section", { class: "card day", "data-day": name, "data-start": start, "aria-label": name },
    h("h2", {}, name), list);
  parts.days.insertBefore(group, groups.find((other) => other.dataset.start < start) ?? null);
  return list;
}

const oldest = () => [...items.values()].map((item) => item.sound.start).sort()[0];

function clear() {
  ended = false;
  items.clear();
  fill(parts.days);
}

function tellWhy() {
  const filtered = parts.task.value || parts.label.value;
  const unheard = known.tasks.length
    ? ["Nothing was heard yet. Make one of the sounds near the microphone; it will stand here."]
    : ["Nothing was taught yet: ", h("a", { href: "#teach" }, "teach the first sound"), "."];
  parts.empty.hidden = items.size > 0;
  parts.silent.hidden = !mayHear() || [...items.values()].every(({ sound }) => sound.audible);
  if (!items.size) fill(parts.empty, filtered ? "Nothing like this was heard." : unheard);
}

function offerTasks(tasks) {
  offer(parts.task, "all tasks", tasks.map(({ task }) => task));
  offerLabels();
}

function offerLabels() {
  const tasks = known.tasks.filter(({ task }) => !parts.task.value || task === parts.task.value);
  offer(parts.label, "all sounds", [...new Set(tasks.flatMap(soundsOf))].sort());
}

/** Fill a choice, keeping what was chosen where it is still there. */
function offer(select, all, names) {
  const chosen = select.value;
  fill(select, h("option", { value: "" }, all), names.map((name) => h("option", { value: name }, name)));
  select.value = names.includes(chosen) ? chosen : "";
}
