/** View "System": resources of the device, versions, installation check and log. */

import { device, loadStatus, on } from "../lib/device.js";
import { actionButton, h, setChildren } from "../lib/dom.js";
import { formatDuration, formatPercent, formatSize } from "../lib/format.js";
import { requestJson } from "../lib/http.js";
import { showError } from "../lib/notice.js";
import { Gauge } from "../widgets/gauge.js";
import { Log } from "../widgets/log.js";

const EVERY_MS = 5000;
const CHECK_MS = 500;
const HOT_C = 75;
const HOP_MS = 500; // from one window to the next
const PRIVACY = [
  "everything as configured",
  "no recordings are stored except for training",
  "no audio of the microphone is available here",
  "events are not stored either",
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
  section.append(
    h("div", { class: "card" }, h("div", { class: "gauges" }, gauges)),
    h("div", { class: "card" }, h("h2", {}, "This device"), facts, h("p", {}, h("a", { href: "/docs" }, "HTTP API"))),
    h("div", { class: "card" }, h("h2", {}, "Installation check"),
      h("p", { class: "quiet" }, "The same as ", h("code", {}, "edgecl doctor"), "; takes a few seconds and is repeated after half a minute at the earliest."),
      checks, h("p", { class: "buttons" }, actionButton("Run the check", runCheck))),
    h("div", { class: "card" }, h("h2", {}, "Log"), log.element));
  on("log", (line) => log.add(line));
  on("connected", () => section.hidden || show());
}

function show() {
  clearInterval(timer);
  timer = setInterval(() => document.hidden || update().catch(() => {}), EVERY_MS);
  Promise.all([update(), log.load()]).catch(showError);
}

function hide() {
  clearInterval(timer);
}

async function update() {
  const [state] = await Promise.all([requestJson("GET", "/system"), loadStatus()]);
  const { memory_total_bytes: total, memory_available_bytes: available, temperature_c: heat } = state;
  processor.show(`${state.cpu_percent.toFixed(0)} % of a core`, state.cpu_percent / 100);
  memory.show(`${formatSize(state.rss_bytes)} used by edgecl, ${formatSize(available)} free`, 1 - available / total);
  temperature.show(heat === null ? "unavailable" : `${heat.toFixed(0)} °C`, (heat ?? 0) / 100, heat > HOT_C);
  disk.show(`${formatSize(state.disk_free_bytes)} free`, 1 - state.disk_free_bytes / state.disk_total_bytes);
  setChildren(facts,
    Object.entries(listFacts(state)).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function listFacts(state) {
  const { source, mqtt, history, failures, privacy = 0 } = device.status;
  const failed = Object.entries(failures).map(([part, count]) => `${part}: ${count}`);
  const lost = `${formatDuration(state.lost_frames / source.rate_hz)} since the microphone was opened`;
  const runtime = state.onnxruntime.includes(" ") ? state.onnxruntime : `onnxruntime ${state.onnxruntime}`;
  return {
    Microphone: [source.name, source.state, source.detail, source.hint].filter(Boolean).join(" – "),
    "Lost audio": state.lost_frames ? lost : "none",
    "Lost events": state.dropped_events ? String(state.dropped_events) : "none",
    ...(mqtt && { MQTT: [mqtt.broker, mqtt.state, mqtt.detail].filter(Boolean).join(" – ") }),
    ...(history?.detail && { History: [history.state, history.detail, history.hint].join(" – ") }),
    ...(failed.length && { "Failures since the start": failed.join(", ") }),
    "Detection load": state.window_ms === null ? "–" : `${formatPercent(state.window_ms / HOP_MS)} of the available time`,
    Uptime: `${formatDuration(state.up_s)}, load ${state.load.map((value) => value.toFixed(2)).join(" ")}`,
    Privacy: `level ${privacy}: ${PRIVACY[privacy]}`,
    Versions: `edgecl ${state.edgecl}, ${runtime}, Python ${state.python}, ${state.machine}`,
    Bundle: `${state.bundle.name} (${state.bundle.fingerprint.slice(0, 12)}), threads: ${state.threads}`,
  };
}

async function runCheck() {
  setChildren(checks, h("li", { class: "quiet" }, "Checking …"));
  try {
    let latest = await requestJson("GET", "/doctor");
    while (latest.running) {
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
      latest = await requestJson("GET", "/doctor");
    }
    setChildren(checks, latest.checks.map(makeCheck));
  } catch (problem) {
    setChildren(checks);
    throw problem;
  }
}

function makeCheck({ name, status, detail, hint }) {
  const advice = hint && h("span", { class: "hint" }, ` – ${hint}`);
  return h("li", { class: `check-${status}` }, h("b", {}, `${status} `), `${name}: ${detail}`, advice);
}
