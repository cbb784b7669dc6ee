/** View "Now": level, spectrogram and scores of this moment, and the latest events. */

import { allowsAudio, allowsHistory, device, loadStatus, on, whyNoAudio } from "../lib/device.js";
import { reducedMotion } from "../lib/canvas.js";
import { h, runBusy, setText } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { displayEvent, listSounds } from "../lib/labels.js";
import { ColumnQueue, followLive, loadRecentColumns } from "../lib/live.js";
import { showError } from "../lib/notice.js";
import { t } from "../lib/translate.js";
import { Meter } from "../widgets/meter.js";
import { RecentSounds } from "../widgets/recent_sounds.js";
import { Scores } from "../widgets/scores.js";
import { Spectrogram } from "../widgets/spectrogram.js";

const STATES = {
  listening: t("The device is listening"),
  starting: t("The microphone is starting"),
  silent: t("The microphone is silent"),
  clipping: t("Too loud: the microphone is clipping"),
  "wrong rate": t("The sample rate of the microphone is not as configured"),
  "opposite phase": t("The channels of the microphone cancel each other"),
  "one channel dead": t("One channel of the microphone is dead"),
  "dc offset": t("The microphone has a DC offset, which is corrected"),
  "too soft": t("The microphone is very soft"),
  hung: t("The microphone sends no audio"),
  failed: t("There is no microphone"),
};
const state = h("b", {}, "…"); // until the first status
const detail = h("p");
const hint = h("p", { class: "hint" });
const toggle = h("button", { type: "button", role: "switch", "aria-checked": "true", class: "switch", hidden: true }, t("Listening"));
const meter = new Meter();
const gauge = h("div", { class: "gauge" }, meter.element, meter.figure);
const strip = h("canvas", { class: "strip", role: "img", "aria-label": t("Spectrogram of the last 30 seconds") });
const spectrogram = new Spectrogram(strip);
const privacyNote = h("p", { class: "empty" });
const scores = new Scores(h("ul", { class: "plain" }));
const legend = h("p", { class: "quiet" }, t("0 to 100. A sound is detected when its bar reaches the mark."));
const noScores = h("p", { class: "empty" });
const noTasks = h("p", { class: "empty", hidden: true },
  t("There are no tasks yet: {link}.", { link: h("a", { href: "#train" }, t("train the first sound")) }));
const scoreCard = h("div", { class: "card" }, h("h2", {}, t("Scores")), legend, scores.list, noScores, noTasks);
const recent = new RecentSounds();
const columns = new ColumnQueue();
let unfollow, frame;
let isShown = false;

export const now = { mount, show, hide };

function mount(section) {
  section.append(
    h("div", { class: "card source-card" }, h("div", {}, state, detail, hint), toggle),
    h("div", { class: "card" }, gauge, strip, privacyNote),
    h("div", { class: "columns" },
      scoreCard,
      h("div", { class: "card" }, h("h2", {}, t("Latest events")), recent.element,
        h("p", { class: "buttons" }, h("a", { href: "#events" }, t("All events"))))));
  toggle.addEventListener("click", () => runBusy(toggle, toggleListening));
  on("status", showStatus);
  on("tasks", showTasks);
  on("connected", () => {
    recent.load().catch(showError);
    if (isShown) begin();
  });
  on("sound", addEvent);
}

function show() {
  unfollow = followLive((moment) => {
    columns.add(moment);
    if (!whyNoAudio()) scores.show(moment.scores);
    explainScores();
  });
  isShown = true;
  if (device.status) begin();
}

/** Draw the last half minute, and from then on what is new; the privacy level must be known. */
async function begin() {
  await loadRecent().catch(() => {}); // without a past, it begins empty
  cancelAnimationFrame(frame);
  if (isShown) frame = requestAnimationFrame(draw);
}

/** Draw what the device recorded before the view was shown. */
async function loadRecent() {
  if (!allowsAudio()) return;
  spectrogram.addNewer(await loadRecentColumns());
  spectrogram.draw();
}

function hide() {
  isShown = false;
  unfollow();
  cancelAnimationFrame(frame);
  columns.clear();
}

/** Draw the columns that are due; browsers request no frames while the page is not visible. */
function draw(now_ms) {
  const due = reducedMotion.matches ? columns.takeAll() : columns.take(now_ms);
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

async function toggleListening() {
  const isOn = toggle.getAttribute("aria-checked") === "true";
  await requestJson("PUT", "/listening", { json: { on: !isOn } });
  await loadStatus();
}

function showStatus({ source, listening = true, privacy = 0 }) {
  toggle.hidden = false;
  toggle.setAttribute("aria-checked", String(listening));
  setText(state, listening ? STATES[source.state] : t("Listening is switched off"));
  setText(detail, source.detail || source.name);
  setText(hint, source.hint);
  if (!listening) meter.reset();
  gauge.hidden = scoreCard.hidden = !allowsHistory();
  strip.hidden = !allowsAudio();
  privacyNote.hidden = allowsAudio();
  setText(privacyNote, t("At privacy level {privacy} no audio of the microphone is available here.", { privacy }));
  explainScores();
}

function showTasks(tasks) {
  noTasks.hidden = tasks.some((task) => listSounds(task).length);
  explainScores();
  recent.explain(tasks.length ? t("No events yet.") : t("Detected sounds will be listed here."));
}

/** Show why there are no scores although there are tasks. */
function explainScores() {
  const reason = whyNoAudio();
  if (reason) scores.show([]);
  const hasScores = scores.list.childElementCount > 0;
  legend.hidden = !hasScores;
  noScores.hidden = !device.tasks.length || hasScores;
  setText(noScores, reason ? t("{reason}, so there are no scores.", { reason }) : "…");
}

function addEvent(event) {
  if (!recent.put(event)) return;
  const label = displayEvent(event);
  spectrogram.mark(label, new Date(event.start).getTime());
  setText(document.getElementById("announcement"), t("{label} detected", { label }));
}
