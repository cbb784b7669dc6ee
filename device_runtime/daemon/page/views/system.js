/** View "System": resources of the device, versions, installation check and log. */

import { device, loadStatus, on } from "../lib/device.js";
import { actionButton, h, setChildren } from "../lib/dom.js";
import { formatDuration, formatNumber, formatPercent, formatSize } from "../lib/format.js";
import { requestJson } from "../lib/http.js";
import { showError } from "../lib/notice.js";
import { t } from "../lib/translate.js";
import { Gauge } from "../widgets/gauge.js";
import { Log } from "../widgets/log.js";
import { MicrophoneChoice } from "../widgets/microphone_choice.js";

const EVERY_MS = 5000;
const CHECK_MS = 500;
const HOT_C = 75;
const HOP_MS = 500; // from one window to the next
const PRIVACY = [
  t("everything as configured"),
  t("no recordings are stored except for training"),
  t("no audio of the microphone is available here"),
  t("events are not stored either"),
];
const processor = new Gauge(t("Processor"));
const memory = new Gauge(t("Memory"));
const temperature = new Gauge(t("Temperature"));
const disk = new Gauge(t("Disk"));
const facts = h("dl", { class: "facts" });
const checks = h("ul", { class: "plain checks", "aria-live": "polite" });
const log = new Log();
const microphone = new MicrophoneChoice();
let timer = 0;

export const system = { mount, show, hide };

function mount(section) {
  const gauges = [processor, memory, temperature, disk].map(({ element }) => element);
  section.append(
    h("div", { class: "card" }, h("div", { class: "gauges" }, gauges)),
    h("div", { class: "card" }, h("h2", {}, t("This device")), facts, h("p", {}, h("a", { href: "/docs" }, t("HTTP API")))),
    microphone.element,
    h("div", { class: "card" }, h("h2", {}, t("Installation check")),
      h("p", { class: "quiet" }, t("The same as {command}; takes a few seconds and is repeated after half a minute at the earliest.",
        { command: h("code", {}, "edgecl doctor") })),
      checks, h("p", { class: "buttons" }, actionButton(t("Run the check"), runCheck))),
    h("div", { class: "card" }, h("h2", {}, t("Log")), log.element));
  on("log", (line) => log.add(line));
  on("connected", () => section.hidden || show());
}

function show() {
  clearInterval(timer);
  timer = setInterval(() => document.hidden || update().catch(() => {}), EVERY_MS);
  Promise.all([update(), log.load(), microphone.load()]).catch(showError);
}

function hide() {
  clearInterval(timer);
}

async function update() {
  const [state] = await Promise.all([requestJson("GET", "/system"), loadStatus()]);
  const { memory_total_bytes: total, memory_available_bytes: available, temperature_c: heat } = state;
  processor.show(t("{share} of a core", { share: formatPercent(state.cpu_percent / 100) }), state.cpu_percent / 100);
  memory.show(t("{used} used by edgecl, {free} free", { used: formatSize(state.rss_bytes), free: formatSize(available) }), 1 - available / total);
  temperature.show(heat === null ? t("unavailable") : `${heat.toFixed(0)} °C`, (heat ?? 0) / 100, heat > HOT_C);
  disk.show(t("{free} free", { free: formatSize(state.disk_free_bytes) }), 1 - state.disk_free_bytes / state.disk_total_bytes);
  setChildren(facts,
    Object.entries(listFacts(state)).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function listFacts(state) {
  const { source, mqtt, history, failures, privacy = 0 } = device.status;
  const failed = Object.entries(failures).map(([part, count]) => `${part}: ${count}`);
  const lost = t("{duration} since the microphone was opened", { duration: formatDuration(state.lost_frames / source.rate_hz) });
  const runtime = state.onnxruntime.includes(" ") ? state.onnxruntime : `onnxruntime ${state.onnxruntime}`;
  return {
    [t("Microphone")]: [source.name, source.state, source.detail, source.hint].filter(Boolean).join(" – "),
    [t("Lost audio")]: state.lost_frames ? lost : t("none"),
    [t("Lost events")]: state.dropped_events ? formatNumber(state.dropped_events) : t("none"),
    ...(mqtt && { MQTT: [mqtt.broker, mqtt.state, mqtt.detail].filter(Boolean).join(" – ") }),
    ...(history?.detail && { [t("History")]: [history.state, history.detail, history.hint].join(" – ") }),
    ...(failed.length && { [t("Failures since the start")]: failed.join(", ") }),
    [t("Detection load")]: state.window_ms === null ? "–" : t("{share} of the available time", { share: formatPercent(state.window_ms / HOP_MS) }),
    [t("Uptime")]: t("{duration}, load {load}", { duration: formatDuration(state.up_s), load: state.load.map((value) => formatNumber(value, 2)).join(" ") }),
    [t("Privacy")]: t("level {privacy}: {meaning}", { privacy, meaning: PRIVACY[privacy] }),
    [t("Versions")]: `edgecl ${state.edgecl}, ${runtime}, Python ${state.python}, ${state.machine}`,
    [t("Bundle")]: t("{bundle}, threads: {threads}", { bundle: `${state.bundle.name} (${state.bundle.fingerprint.slice(0, 12)})`, threads: state.threads }),
  };
}

async function runCheck() {
  setChildren(checks, h("li", { class: "quiet" }, t("Checking …")));
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
