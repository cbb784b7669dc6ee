/** The page: five views, one of which is shown, and what is the same in all of them. */

import { follow, hurry, known, on } from "./board.js";
import { fill, h, write } from "./dom.js";
import { events } from "./events.js";
import { capital } from "./format.js";
import { now } from "./now.js";
import { system } from "./system.js";
import { tasks } from "./tasks.js";
import { teach } from "./teach.js";

const views = { now, events, teach, tasks, system };
const EAR = { clipping: "too loud", hung: "no sound", failed: "no microphone" }; // other states are called as they are
let shown = null;

function showView() {
  const name = location.hash.slice(1) in views ? location.hash.slice(1) : "now";
  if (name === shown) return;
  if (shown) views[shown].hide?.();
  for (const key of Object.keys(views)) {
    document.getElementById(`view-${key}`).hidden = key !== name;
    const link = document.querySelector(`nav a[href="#${key}"]`);
    key === name ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  }
  document.title = `${document.getElementById(`${name}-title`).textContent} – edgecl`;
  if (shown) document.getElementById(`${name}-title`).focus({ preventScroll: true });
  scrollTo(0, 0);
  shown = name;
  views[name].show?.();
}

function showEar() {
  const { source, listening = true } = known.status;
  document.getElementById("ear").dataset.state = listening ? source.state : "off";
  write(document.getElementById("ear-text"), listening ? (EAR[source.state] ?? source.state) : "switched off");
}

function showConnection({ wait_ms, problem }) {
  const place = document.getElementById("connection");
  if (wait_ms === null) return place.replaceChildren();
  const why = problem?.status ? capital(problem.message) : "No connection to the board";
  const wait = `${why}; trying again in ${Math.ceil(wait_ms / 1000)} s.`;
  return fill(place, h("span", {}, wait), h("button", { type: "button", onclick: hurry }, "Try now"));
}

for (const [name, view] of Object.entries(views)) view.mount(document.getElementById(`view-${name}`));
on("status", showEar);
on("connection", showConnection);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault()); // never leave for a file
addEventListener("hashchange", showView);
showView();
follow();
