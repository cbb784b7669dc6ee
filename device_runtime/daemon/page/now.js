/** Now: what the microphone hears at this moment, and what was heard last. */

import { known, mayHear, on, refreshStatus, soundsOf } from "./board.js";
import { still } from "./canvas.js";
import { fill, h, whileBusy, write } from "./dom.js";
import { ask } from "./http.js";
import { follow, Playout } from "./live.js";
import { Meter } from "./meter.js";
import { Scores } from "./scores.js";
import { SoundItem } from "./sound.js";
import { Spectrogram } from "./spectrogram.js";

const LAST = 6; // sounds
const UNTOLD = 3; // the privacy level from which no figure is told
const parts = {
  state: h("b"), detail: h("p"), hint: h("p", { class: "hint" }),
  toggle: h("button", { type: "button", role: "switch", "aria-checked": "true", class: "switch" }, "Listening"),
  gauge: h("div", { class: "gauge" }),
  strip: h("canvas", { class: "strip", role: "img", "aria-label": "Spectrogram of the last 30 seconds" }),
  blind: h("p", { class: "empty" }), scores: h("ul", { class: "plain" }), untaught: h("div", { class: "empty" }),
  last: h("ol", { class: "plain sounds" }), unheard: h("p", { class: "empty" }),
};
const items = new Map();
const playout = new Playout();
const STATES = {
  listening: "The board is listening", starting: "The microphone is starting", silent: "Nothing is heard",
  clipping: "It is too loud for the microphone", "wrong rate": "The microphone has another rate",
  hung: "No sound comes", failed: "There is no microphone",
};
let meter, spectrogram, scores, unfollow;

export const now = { mount, show, hide };

function mount(section) {
  meter = new Meter();
  section.append(
    h("div", { class: "card ear-card" }, h("div", {}, parts.state, parts.detail, parts.hint), parts.toggle),
    h("div", { class: "card" }, fill(parts.gauge, meter.element, meter.figure), parts.strip, parts.blind),
    h("div", { class: "columns" },
      h("div", { class: "card" }, h("h2", {}, "What the tasks make of it"), parts.scores, parts.untaught),
      h("div", { class: "card" }, h("h2", {}, "Heard last"), parts.last, parts.unheard,
        h("p", { class: "buttons" }, h("a", { href: "#events" }, "All events")))));
  spectrogram = new Spectrogram(parts.strip);
  scores = new Scores(parts.scores);
  parts.toggle.addEventListener("click", () => whileBusy(parts.toggle, toggle));
  on("status", showStatus);
  on("tasks", showTasks);
  on("fresh", showLast);
  on("sound", heard);
}

function show() {
  unfollow = follow((moment) => {
    playout.add(moment);
    scores.show(moment.scores);
  });
  requestAnimationFrame(draw);
}

function hide() {
  unfollow();
  unfollow = null;
  playout.clear();
}

/** Draw what became due; browsers ask for no frame while the page is hidden. */
function draw(now_ms) {
  if (!unfollow) return;
  const due = still.matches ? playout.all() : playout.due(now_ms);
  for (const column of due) {
    meter.add(column.level_dbfs);
    spectrogram.add(column);
  }
  if (due.length) {
    meter.draw(now_ms);
    spectrogram.draw();
  }
  requestAnimationFrame(draw);
}

async function toggle() {
  const wanted = parts.toggle.getAttribute("aria-checked") !== "true";
  await ask("PUT", "/listening", { json: { on: wanted } });
  await refreshStatus();
}

function showStatus({ source, listening = true }) {
  parts.toggle.setAttribute("aria-checked", String(listening));
  write(parts.state, listening ? STATES[source.state] : "Listening is switched off");
  write(parts.detail, source.detail || source.name);
  write(parts.hint, source.hint);
  if (!listening) meter.rest();
  parts.strip.hidden = !mayHear();
  parts.blind.hidden = mayHear();
  parts.gauge.hidden = known.status.privacy >= UNTOLD;
  write(parts.blind, `The privacy level is ${known.status.privacy}: nothing of the microphone is shown here.`);
}

function showTasks(tasks) {
  parts.untaught.hidden = tasks.some((task) => soundsOf(task).length);
  fill(parts.untaught, "Nothing was taught yet: ", h("a", { href: "#teach" }, "teach the first sound"), ".");
  write(parts.unheard, tasks.length ? "Nothing was heard yet." : "What is recognised will stand here.");
}

async function showLast() {
  const sounds = await ask("GET", "/sounds", { query: { count: LAST } });
  sounds.reverse().forEach(showSound);
  parts.unheard.hidden = items.size > 0;
}

function heard(sound) {
  const isNew = !items.has(sound.id);
  showSound({ audible: mayHear(), ...sound });
  parts.unheard.hidden = true;
  if (!isNew) return;
  spectrogram.mark(sound.label, new Date(sound.start).getTime());
  write(document.getElementById("said"), `${sound.label} heard`);
}

function showSound(sound) {
  if (items.has(sound.id)) return items.get(sound.id).update(sound);
  const item = new SoundItem(sound);
  items.set(sound.id, item);
  parts.last.prepend(item.element);
  while (items.size > LAST) {
    const [oldest, { element }] = items.entries().next().value;
    element.remove();
    items.delete(oldest);
  }
}
