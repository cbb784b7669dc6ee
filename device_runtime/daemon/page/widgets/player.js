/** A button that plays a recording; only one plays at a time. */

import { h, runBusy, setText } from "../lib/dom.js";
import { Problem } from "../lib/http.js";
import { t } from "../lib/translate.js";

const audio = new Audio();
const nothing = () => {};
let reset = nothing; // resets the button whose recording is being loaded or played

/** Return a button that plays the blob that `load()` returns. */
export function makePlayer(load, name) {
  const word = h("span", { class: "word" }, t("Play"));
  const button = h("button", { type: "button", class: "play", "aria-label": t("Play {name}", { name }) }, word);
  const resetButton = () => {
    button.classList.remove("playing");
    setText(word, t("Play"));
    button.setAttribute("aria-label", t("Play {name}", { name }));
  };
  button.addEventListener("click", () =>
    runBusy(button, async () => {
      const wasPlaying = button.classList.contains("playing");
      stop();
      if (wasPlaying) return;
      reset = resetButton;
      const blob = await load();
      if (reset === resetButton) await play(blob);
      if (reset !== resetButton) return; // another button was pressed while this one loaded
      button.classList.add("playing");
      setText(word, t("Stop"));
      button.setAttribute("aria-label", t("Stop {name}", { name }));
    }));
  return button;
}

function stop() {
  audio.pause();
  URL.revokeObjectURL(audio.src);
  reset();
  reset = nothing;
}

async function play(blob) {
  audio.src = URL.createObjectURL(blob);
  try {
    await audio.play();
  } catch (error) {
    if (error.name === "AbortError") return;
    throw new Problem(t("this browser cannot play the recording"), t("most browsers play WAV, FLAC and MP3"));
  }
}

audio.addEventListener("ended", stop);
