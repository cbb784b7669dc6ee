/** Recording on the board: a countdown, then a level that runs as long as it records. */

import { fill, h, write } from "./dom.js";
import { follow, Playout } from "./live.js";
import { Meter } from "./meter.js";

const COUNTDOWN = 3;
const TICK_MS = 800;

/** Count down and record in `place`; whether something was recorded. */
export async function recorded(place, seconds, record) {
  const leaving = new AbortController();
  const number = h("p", { class: "countdown", role: "status" });
  const stop = h("button", { type: "button", onclick: () => leaving.abort() }, "Stop");
  fill(place, h("div", { class: "recording" }, number, stop));
  try {
    for (let left = COUNTDOWN; left; left--) {
      write(number, String(left));
      await pause(TICK_MS, leaving.signal);
    }
    await running(place, seconds, record);
    return true;
  } catch (error) {
    if (error.name === "AbortError") return false;
    throw error;
  } finally {
    fill(place);
  }
}

/** Record, and show how loud it is and how much is left. */
async function running(place, seconds, record) {
  const [meter, playout, began_ms] = [new Meter(), new Playout(), performance.now()];
  const left = h("progress", { max: seconds, value: 0, "aria-label": "Recorded" });
  const told = h("p", { role: "status" }, h("span", { class: "dot" }), " Recording: make the sound");
  fill(place, h("div", { class: "recording on" }, told, meter.element, meter.figure, left));
  const unfollow = follow((moment) => playout.add(moment));
  let goes = true;
  const draw = (now_ms) => {
    if (!goes) return;
    left.value = (now_ms - began_ms) / 1000;
    for (const column of playout.due(now_ms)) meter.add(column.level_dbfs);
    meter.draw(now_ms);
    requestAnimationFrame(draw);
  };
  requestAnimationFrame(draw);
  await record(seconds).finally(() => {
    goes = false;
    unfollow();
  });
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
