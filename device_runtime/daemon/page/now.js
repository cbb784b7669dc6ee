/** Now: what the microphone hears at this moment, and what was heard last. */

import { isKept, known, mayHear, on, refreshStatus, soundsOf, unheard } from "./board.js";
import { still } from "./canvas.js";
import { h, whileBusy, write } from "./dom.js";
import { ask } from "./http.js";
import { LastSounds } from "./last_sounds.js";
import { follow, Playout } from "./live.js";
import { Meter } from "./meter.js";
import { failed } from "./notice.js";
import { Scores } from "./scores.js";
import { Spectrogram } from "./spectrogram.js";

const STATES = {
  listening: "The board is listening",
  starting: "The microphone is starting",
  silent: "Nothing is heard",
  clipping: "It is too loud for the microphone",
  "wrong rate": "The microphone has another rate",
  hung: "No sound comes",
  failed: "There is no microphone",
};
const state = h("b", {}, "…"); // until the board answered
const detail = h("p");
const hint = h("p", { class: "hint" });
const toggle = h("button", { type: "button", role: "switch", "aria-checked": "true", class: "switch", hidden: true }, "Listening");
const meter = new Meter();
const gauge = h("div", { class: "gauge" }, meter.element, meter.figure);
const strip = h("canvas", { class: "strip", role: "img", "aria-label": "Spectrogram of the last 30 seconds" });
const spectrogram = new Spectrogram(strip);
const blind = h("p", { class: "empty" });
const scores = new Scores(h("ul", { class: "plain" }));
const unjudged = h("p", { class: "empty" });
const untaught = h("p", { class: "empty", hidden: true },
  "Nothing was taught yet: ", h("a", { href: "#teach" }, "teach the first sound"), ".");
const opinions = h("div", { class: "card" }, h("h2", {}, "What the tasks make of it"), scores.list, unjudged, untaught);
const last = new LastSounds();
const playout = new Playout();
let unfollow, frame;

export const now = { mount, show, hide };

function mount(section) {
  section.append(
    h("div", { class: "card ear-card" }, h("div", {}, state, detail, hint), toggle),
    h("div", { class: "card" }, gauge, strip, blind),
    h("div", { class: "columns" },
      opinions,
      h("div", { class: "card" }, h("h2", {}, "Heard last"), last.element,
        h("p", { class: "buttons" }, h("a", { href: "#events" }, "All events")))));
  toggle.addEventListener("click", () => whileBusy(toggle, listen));
  on("status", showStatus);
  on("tasks", showTasks);
  on("fresh", () => last.load().catch(failed));
  on("sound", heard);
}

function show() {
  unfollow = follow((moment) => {
    playout.add(moment);
    if (!unheard()) scores.show(moment.scores);
    explain();
  });
  frame = requestAnimationFrame(draw);
}

function hide() {
  unfollow();
  cancelAnimationFrame(frame);
  playout.clear();
}

/** Draw what became due; browsers ask for no frame while the page is hidden. */
function draw(now_ms) {
  const due = still.matches ? playout.all() : playout.due(now_ms);
  for (const column of due) {
    meter.add(column.level_dbfs);
    spectrogram.add(column);
  }
  if (due.length) {
    meter.draw(now_ms);
    spectrogram.draw();
  }
  frame = requestAnimationFrame(draw);
}

/** Switch listening on or off. */
async function listen() {
  const wanted = toggle.getAttribute("aria-checked") !== "true";
  await ask("PUT", "/listening", { json: { on: wanted } });
  await refreshStatus();
}

function showStatus({ source, listening = true, privacy = 0 }) {
  toggle.hidden = false;
  toggle.setAttribute("aria-checked", String(listening));
  write(state, listening ? STATES[source.state] : "Listening is switched off");
  write(detail, source.detail || source.name);
  write(hint, source.hint);
  if (!listening) meter.rest();
  gauge.hidden = opinions.hidden = !isKept();
  strip.hidden = !mayHear();
  blind.hidden = mayHear();
  write(blind, `The privacy level is ${privacy}: no sound of the microphone is given here.`);
  explain();
}

function showTasks(tasks) {
  untaught.hidden = tasks.some((task) => soundsOf(task).length);
  explain();
  last.explain(tasks.length ? "Nothing was heard yet." : "What is recognised will stand here.");
}

/** Why the tasks make nothing of it, where there are some. */
function explain() {
  const why = unheard();
  if (why) scores.show([]);
  unjudged.hidden = !known.tasks.length || scores.list.childElementCount > 0;
  write(unjudged, why ? `${why}, so there is nothing to judge.` : "…");
}

function heard(sound) {
  if (!last.heed(sound)) return;
  spectrogram.mark(sound.label, new Date(sound.start).getTime());
  write(document.getElementById("said"), `${sound.label} heard`);
}
