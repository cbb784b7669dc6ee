/** Drop zones and file choosers for recordings. */

import { h, runBusy } from "../lib/dom.js";
import { listChosen, listDropped } from "../lib/files.js";

/** Call `take([{file, label}])` with recordings that are dropped on an element. */
export function acceptDrops(element, take) {
  let depth = 0;
  const highlight = (change) => {
    depth = change ? depth + change : 0;
    element.classList.toggle("over", depth > 0);
  };
  element.addEventListener("dragenter", () => highlight(1));
  element.addEventListener("dragleave", () => highlight(-1));
  element.addEventListener("dragover", (event) => event.preventDefault());
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    highlight(0);
    const found = listDropped(event.dataTransfer);
    runBusy(element, async () => take(await found));
  });
}

/** Return a button that opens a dialog to choose files, a single one, or a folder. */
export function makeChooser(text, take, { folder = false, single = false, name = text } = {}) {
  const accept = folder ? null : "audio/*,.flac,.opus,.aiff";
  const input = h("input", {
    type: "file", multiple: !single, webkitdirectory: folder, accept, hidden: true, "aria-label": name,
  });
  const button = h("button", { type: "button", "aria-label": name, onclick: () => input.click() }, text);
  input.addEventListener("change", () => {
    const found = listChosen(input);
    input.value = "";
    runBusy(button, () => take(found));
  });
  return h("span", { class: "chooser" }, button, input);
}
