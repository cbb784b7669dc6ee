/** System: how the board itself is. */

import { known, on, refreshStatus } from "./board.js";
import { action, fill, h, write } from "./dom.js";
import { failed } from "./notice.js";
import { size, span } from "./format.js";
import { ask } from "./http.js";
import { Log } from "./log.js";

const EVERY_MS = 5000;
const HOT_C = 75;
const FULL = 0.9;
const PRIVACY = [
  "everything as it is configured",
  "no recording is kept on the disk but those it is taught with",
  "nothing of the microphone is given to this page",
  "what is heard is not kept either",
];
const parts = { gauges: h("div", { class: "gauges" }), facts: h("dl", { class: "facts" }), checks: h("ul", { class: "plain checks", "aria-live": "polite" }) };
const log = new Log();
const gauges = new Map();
let timer = 0;

export const system = { mount, show, hide };

function mount(section) {
  section.append(
    h("div", { class: "card" }, parts.gauges),
    h("div", { class: "card" }, h("h2", {}, "This board"), parts.facts, h("p", {}, h("a", { href: "/docs" }, "The HTTP API"))),
    h("div", { class: "card" }, h("h2", {}, "Doctor"), h("p", { class: "quiet" }, "Looks over the installation, the bundle and the engines; takes a few seconds."),
      parts.checks, h("p", { class: "buttons" }, action("Ask the doctor", examine))),
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
  const used = told.memory_total_bytes - told.memory_available_bytes;
  const full = told.disk_total_bytes - told.disk_free_bytes;
  gauge("Processor", `${told.cpu_percent.toFixed(0)} % of a core`, told.cpu_percent / 100);
  gauge("Memory", `${size(told.rss_bytes)} of ours, ${size(told.memory_available_bytes)} free`, used / told.memory_total_bytes);
  gauge("Temperature", told.temperature_c === null ? "not told" : `${told.temperature_c.toFixed(0)} °C`, (told.temperature_c ?? 0) / 100, told.temperature_c > HOT_C);
  gauge("Disk", `${size(told.disk_free_bytes)} free`, full / told.disk_total_bytes);
  showFacts(told);
}

/** A bar with a figure; `alarming` colours it. */
function gauge(name, text, share, alarming = share > FULL) {
  if (!gauges.has(name)) {
    const figure = h("span", { class: "figure" });
    const element = h("div", { class: "gauge-box" }, h("h2", {}, name), figure, h("span", { class: "bar", "aria-hidden": "true" }, h("i")));
    parts.gauges.append(element);
    gauges.set(name, { element, figure });
  }
  const { element, figure } = gauges.get(name);
  write(figure, text);
  element.style.setProperty("--share", Math.max(0, Math.min(1, share)));
  element.classList.toggle("bad", alarming);
}

function showFacts(told) {
  const { source, privacy = 0 } = known.status;
  fill(parts.facts, Object.entries({
    Microphone: [source.name, source.state, source.detail, source.hint].filter(Boolean).join(" – "),
    "Dropped audio": told.lost_frames ? `${span(told.lost_frames / source.rate_hz)} since the microphone was opened` : "none",
    "Dropped events": told.dropped_events || "none",
    "A window takes": told.window_ms === null ? "–" : `${told.window_ms.toFixed(1)} ms of the 500 there are`,
    Running: `${span(told.up_s)}, load ${told.load.map((value) => value.toFixed(2)).join(" ")}`,
    Privacy: `level ${privacy}: ${PRIVACY[privacy]}`,
    Versions: `edgecl ${told.edgecl}, ${told.onnxruntime.includes(" ") ? "" : "onnxruntime "}${told.onnxruntime}, Python ${told.python}, ${told.machine}`,
    Bundle: `${told.bundle.name}, ${told.bundle.fingerprint.slice(0, 12)}; threads: ${told.threads}`,
  }).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, String(value)))));
}

async function examine() {
  fill(parts.checks, h("li", { class: "quiet" }, "Looking …"));
  const { checks } = await ask("GET", "/doctor").catch((problem) => {
    fill(parts.checks);
    throw problem;
  });
  fill(parts.checks, checks.map(({ name, status, detail, hint }) => h("li", { class: `check-${status}` },
    h("b", {}, `${status} `), `${name}: ${detail}`, hint && h("span", { class: "hint" }, ` – ${hint}`))));
}
