/** A place to drop recordings on, or to choose them for. */

import { whileBusy, h } from "./dom.js";
import { ofDrop, ofInput } from "./dropped.js";

/** Have recordings that are dropped on an element given to `take([{file, label}])`. */
export function takesDrops(element, take) {
  let inside = 0;
  const shade = (change) => {
    inside = change ? inside + change : 0;
    element.classList.toggle("over", inside > 0);
  };
  element.addEventListener("dragenter", () => shade(1));
  element.addEventListener("dragleave", () => shade(-1));
  element.addEventListener("dragover", (event) => event.preventDefault());
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    shade(0);
    const found = ofDrop(event.dataTransfer);
    whileBusy(element, async () => take(await found));
  });
}

/** A button that lets files be chosen, or a whole folder. */
export function chooser(text, take, { folder = false, name = text } = {}) {
  const accept = folder ? null : "audio/*,.flac,.opus,.aiff";
  const input = h("input", {
    type: "file", multiple: true, webkitdirectory: folder, accept, hidden: true, "aria-label": name,
  });
  const button = h("button", { type: "button", "aria-label": name, onclick: () => input.click() }, text);
  input.addEventListener("change", () => {
    const found = ofInput(input);
    input.value = "";
    whileBusy(button, () => take(found));
  });
  return h("span", { class: "chooser" }, button, input);
}
