/** System: how the board itself is. */

import { known, on, refreshStatus } from "./board.js";
import { action, fill, h } from "./dom.js";
import { percent, size, span } from "./format.js";
import { Gauge } from "./gauge.js";
import { ask } from "./http.js";
import { Log } from "./log.js";
import { failed } from "./notice.js";

const EVERY_MS = 5000;
const HOT_C = 75;
const HOP_MS = 500; // from one window to the next
const PRIVACY = [
  "everything as it is configured",
  "no recording is kept on the disk but those it is taught with",
  "no sound of the microphone is given to this page",
  "what is heard is not kept either",
];
const processor = new Gauge("Processor");
const memory = new Gauge("Memory");
const temperature = new Gauge("Temperature");
const disk = new Gauge("Disk");
const facts = h("dl", { class: "facts" });
const checks = h("ul", { class: "plain checks", "aria-live": "polite" });
const log = new Log();
let timer = 0;

export const system = { mount, show, hide };

function mount(section) {
  const gauges = [processor, memory, temperature, disk].map(({ element }) => element);
  const work = "Looks over the installation, the bundle and the engines; takes a few seconds.";
  section.append(
    h("div", { class: "card" }, h("div", { class: "gauges" }, gauges)),
    h("div", { class: "card" }, h("h2", {}, "This board"), facts, h("p", {}, h("a", { href: "/docs" }, "The HTTP API"))),
    h("div", { class: "card" }, h("h2", {}, "Doctor"), h("p", { class: "quiet" }, work),
      checks, h("p", { class: "buttons" }, action("Ask the doctor", examine))),
    h("div", { class: "card" }, h("h2", {}, "Log"), log.element));
  on("log", (line) => log.add(line));
  on("fresh", () => section.hidden || show());
}

function show() {
  clearInterval(timer);
  timer = setInterval(() => document.hidden || look().catch(() => {}), EVERY_MS);
  Promise.all([refreshStatus().then(look), log.load()]).catch(failed);
}

function hide() {
  clearInterval(timer);
}

async function look() {
  const told = await ask("GET", "/system");
  const { memory_total_bytes: all, memory_available_bytes: free, temperature_c: heat } = told;
  processor.show(`${told.cpu_percent.toFixed(0)} % of a core`, told.cpu_percent / 100);
  memory.show(`${size(told.rss_bytes)} for edgecl, ${size(free)} free`, 1 - free / all);
  temperature.show(heat === null ? "not told" : `${heat.toFixed(0)} °C`, (heat ?? 0) / 100, heat > HOT_C);
  disk.show(`${size(told.disk_free_bytes)} free`, 1 - told.disk_free_bytes / told.disk_total_bytes);
  fill(facts, Object.entries(factsOf(told)).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function factsOf(told) {
  const { source, privacy = 0 } = known.status;
  const lost = `${span(told.lost_frames / source.rate_hz)} since the microphone was opened`;
  const runtime = told.onnxruntime.includes(" ") ? told.onnxruntime : `onnxruntime ${told.onnxruntime}`;
  return {
    Microphone: [source.name, source.state, source.detail, source.hint].filter(Boolean).join(" – "),
    "Dropped audio": told.lost_frames ? lost : "none",
    "Dropped events": told.dropped_events ? String(told.dropped_events) : "none",
    "Hearing takes": told.window_ms === null ? "–" : `${percent(told.window_ms / HOP_MS)} of the time there is`,
    Running: `${span(told.up_s)}, load ${told.load.map((value) => value.toFixed(2)).join(" ")}`,
    Privacy: `level ${privacy}: ${PRIVACY[privacy]}`,
    Versions: `edgecl ${told.edgecl}, ${runtime}, Python ${told.python}, ${told.machine}`,
    Bundle: `${told.bundle.name}, ${told.bundle.fingerprint.slice(0, 12)}; threads: ${told.threads}`,
  };
}

async function examine() {
  fill(checks, h("li", { class: "quiet" }, "Looking …"));
  try {
    fill(checks, (await ask("GET", "/doctor")).checks.map(check));
  } catch (problem) {
    fill(checks);
    throw problem;
  }
}

function check({ name, status, detail, hint }) {
  const advice = hint && h("span", { class: "hint" }, ` – ${hint}`);
  return h("li", { class: `check-${status}` }, h("b", {}, `${status} `), `${name}: ${detail}`, advice);
}
