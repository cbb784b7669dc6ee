/** The page: navigation between the views, state of the source and of the connection. */

import { connect, device, on, reconnect } from "./lib/device.js";
import { h, setChildren, setText } from "./lib/dom.js";
import { capitalise } from "./lib/format.js";
import { language, t } from "./lib/translate.js";
import { events } from "./views/events.js";
import { now } from "./views/now.js";
import { system } from "./views/system.js";
import { tasks } from "./views/tasks.js";
import { train } from "./views/train.js";

const views = { now, events, train, tasks, system };
const STATES = {
  listening: t("listening"),
  starting: t("starting"),
  silent: t("silent"),
  clipping: t("too loud"),
  "wrong rate": t("wrong sample rate"),
  "opposite phase": t("opposite phase"),
  "one channel dead": t("one channel dead"),
  "dc offset": t("DC offset"),
  "too soft": t("too soft"),
  hung: t("no audio"),
  failed: t("no microphone"),
};
let shown = null;

function showView() {
  const hash = location.hash.replace("#teach", "#train").slice(1); // older bookmarks
  const name = hash in views ? hash : "now";
  if (name === shown) return;
  if (shown) views[shown].hide?.();
  for (const key of Object.keys(views)) {
    document.getElementById(`view-${key}`).hidden = key !== name;
    const link = document.querySelector(`nav a[href="#${key}"]`);
    key === name ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  }
  const title = document.getElementById(`${name}-title`);
  document.title = `${title.textContent} – edgecl`;
  if (shown) title.focus({ preventScroll: true });
  scrollTo(0, 0);
  shown = name;
  views[name].show?.();
}

function showSource() {
  const { source, listening = true } = device.status;
  document.getElementById("source").dataset.state = listening ? source.state : "off";
  const text = listening ? STATES[source.state] : t("switched off");
  setText(document.getElementById("source-text"), text);
}

function showConnection({ wait_ms, problem }) {
  const place = document.getElementById("connection");
  if (wait_ms === null) return place.replaceChildren();
  const reason = problem?.status ? capitalise(problem.message) : t("No connection to the device");
  const text = t("{reason}; trying again in {seconds} s.", { reason, seconds: Math.ceil(wait_ms / 1000) });
  return setChildren(place, h("span", {}, text), h("button", { type: "button", onclick: reconnect }, t("Try now")));
}

/** Translate the texts of the document, which are in English. */
function translateDocument() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) setText(element, t(element.textContent));
  const navigation = document.querySelector("nav");
  navigation.setAttribute("aria-label", t(navigation.getAttribute("aria-label")));
}

translateDocument();
for (const [name, view] of Object.entries(views)) view.mount(document.getElementById(`view-${name}`));
on("status", showSource);
on("connection", showConnection);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault()); // keep the page open
addEventListener("hashchange", showView);
showView();
connect();
