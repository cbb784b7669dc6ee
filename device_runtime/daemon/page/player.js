/** A button that plays a recording; one plays at a time. */

import { h, whileBusy, write } from "./dom.js";
import { Problem } from "./http.js";

const audio = new Audio();
const nobody = () => {};
let rest = nobody; // of the button whose recording is loaded or plays

/** A button that plays what `load()` gives, a blob. */
export function player(load, name) {
  const word = h("span", { class: "word" }, "Play");
  const button = h("button", { type: "button", class: "play", "aria-label": `Play ${name}` }, word);
  const mine = () => {
    button.classList.remove("playing");
    write(word, "Play");
    button.setAttribute("aria-label", `Play ${name}`);
  };
  button.addEventListener("click", () =>
    whileBusy(button, async () => {
      const stops = button.classList.contains("playing");
      silence();
      if (stops) return;
      rest = mine;
      const blob = await load();
      if (rest === mine) await sound(blob);
      if (rest !== mine) return; // another was pressed meanwhile
      button.classList.add("playing");
      write(word, "Stop");
      button.setAttribute("aria-label", `Stop ${name}`);
    }));
  return button;
}

/** Stop whatever plays. */
export function silence() {
  audio.pause();
  URL.revokeObjectURL(audio.src);
  rest();
  rest = nobody;
}

async function sound(blob) {
  audio.src = URL.createObjectURL(blob);
  try {
    await audio.play();
  } catch (error) {
    if (error.name === "AbortError") return;
    throw new Problem("this browser cannot play the recording", "WAV, FLAC and MP3 are played by most");
  }
}

audio.addEventListener("ended", silence);
