/** Recording with the microphone of the device: a countdown, then a level meter while it records. */

import { h, setChildren, setText } from "../lib/dom.js";
import { ColumnQueue, followLive } from "../lib/live.js";
import { t } from "../lib/translate.js";
import { Meter } from "./meter.js";

const COUNTDOWN = 3;
const TICK_MS = 800;

/** Count down and record, with controls in `place`; return false if the user stopped the countdown. */
export async function recordWithCountdown(place, seconds, record) {
  const abort = new AbortController();
  const number = h("p", { class: "countdown", role: "status" });
  const stop = h("button", { type: "button", onclick: () => abort.abort() }, t("Stop"));
  setChildren(place, h("div", { class: "recording" }, number, stop));
  try {
    for (let left = COUNTDOWN; left; left--) {
      setText(number, String(left));
      await wait(TICK_MS, abort.signal);
    }
    await recordWithMeter(place, seconds, record);
    return true;
  } catch (error) {
    if (error.name === "AbortError") return false;
    throw error;
  } finally {
    setChildren(place);
  }
}

/** Record, and show level and elapsed time. */
async function recordWithMeter(place, seconds, record) {
  const [meter, queue, start_ms] = [new Meter(), new ColumnQueue(), performance.now()];
  const elapsed = h("progress", { max: seconds, value: 0, "aria-label": t("Recorded") });
  const message = h("p", { role: "status" }, h("span", { class: "dot" }), " ", t("Recording: make the sound"));
  setChildren(place, h("div", { class: "recording on" }, message, meter.element, meter.figure, elapsed));
  const unfollow = followLive((moment) => queue.add(moment));
  let isRecording = true;
  const draw = (now_ms) => {
    if (!isRecording) return;
    elapsed.value = (now_ms - start_ms) / 1000;
    for (const column of queue.take(now_ms)) meter.add(column.level_dbfs);
    meter.draw(now_ms);
    requestAnimationFrame(draw);
  };
  requestAnimationFrame(draw);
  await record(seconds).finally(() => {
    isRecording = false;
    unfollow();
  });
}

function wait(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
