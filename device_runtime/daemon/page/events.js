/** Events: everything that was heard, day by day, and whether it was right. */

import { isKept, known, mayHear, on, soundsOf } from "./board.js";
import { Days } from "./days.js";
import { action, fill, h } from "./dom.js";
import { ask } from "./http.js";
import { failed } from "./notice.js";

const COUNT = 50; // at a time
const MOST = 200; // are shown, unless older ones are asked for
const parts = {
  task: h("select", { id: "event-task" }), label: h("select", { id: "event-label" }),
  empty: h("p", { class: "empty" }),
  silent: h("p", { class: "quiet" },
    "What was heard more than two minutes ago can be played and corrected only where recordings are kept: ",
    h("code", {}, "keep = true"), " under ", h("code", {}, "[clips]"), "."),
  unkept: h("p", { class: "quiet" },
    "The privacy level is 3: what is heard is kept nowhere, and stands here as long as this page is open."),
};
const days = new Days();
const older = action("Load older", loadOlder);
let most = MOST;
let ended = false; // nothing is older than what is shown
let asked = 0; // of several answers only the one to the newest question counts

export const events = { mount, show: () => load().catch(failed), hide: shorten };

function mount(section) {
  section.append(
    h("form", { class: "filters", onsubmit: (event) => event.preventDefault() },
      h("div", {}, h("label", { for: "event-task" }, "Task"), parts.task),
      h("div", {}, h("label", { for: "event-label" }, "Sound"), parts.label)),
    days.element, parts.empty, parts.silent, parts.unkept, h("p", { class: "buttons" }, older));
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
  const isMore = before || !sounds.length || sounds.some(({ id }) => days.has(id));
  if (!isMore) clear();
  ended ||= sounds.length < COUNT;
  sounds.forEach((sound) => days.place(sound));
  told();
}

async function loadOlder() {
  most = Infinity;
  await load(days.sounds.map(({ start }) => start).sort()[0]);
}

/** Leave the view: older ones are not asked for any more. */
function shorten() {
  most = MOST;
  told();
}

function renew() {
  clear();
  load().catch(failed);
}

function heard(sound) {
  const { task, label } = sound;
  if (days.has(sound.id)) return days.place(sound);
  if ((parts.task.value || task) !== task || (parts.label.value || label) !== label) return;
  days.place({ audible: mayHear(), ...sound });
  told();
}

function clear() {
  ended = false;
  days.clear();
}

/** Put right what depends on which sounds are shown. */
function told() {
  if (days.keep(most)) ended = false;
  older.hidden = ended;
  const filtered = parts.task.value || parts.label.value;
  const unheard = known.tasks.length
    ? ["Nothing was heard yet. Make one of the sounds near the microphone; it will stand here."]
    : ["Nothing was taught yet: ", h("a", { href: "#teach" }, "teach the first sound"), "."];
  parts.empty.hidden = days.size > 0;
  parts.unkept.hidden = isKept();
  parts.silent.hidden = !mayHear() || days.sounds.every(({ audible }) => audible);
  if (days.size) return;
  if (!known.status) fill(parts.empty, "…"); // nothing is known yet
  else fill(parts.empty, filtered ? "Nothing like this was heard." : unheard);
}

function offerTasks(tasks) {
  const isLost = offer(parts.task, "all tasks", tasks.map(({ task }) => task));
  if (offerLabels() || isLost) renew();
}

function offerLabels() {
  const tasks = known.tasks.filter(({ task }) => !parts.task.value || task === parts.task.value);
  return offer(parts.label, "all sounds", [...new Set(tasks.flatMap(soundsOf))].sort());
}

/** Fill a choice, keeping what was chosen where it is still there; whether it is not. */
function offer(select, all, names) {
  const chosen = select.value;
  fill(select, h("option", { value: "" }, all), names.map((name) => h("option", { value: name }, name)));
  select.value = names.includes(chosen) ? chosen : "";
  return select.value !== chosen;
}
