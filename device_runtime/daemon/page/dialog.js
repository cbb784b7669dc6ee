/** Questions that have to be answered first. */

import { h } from "./dom.js";

/** Whether the user agrees to what the button `act` says. */
export async function agreed(title, text, act) {
  return (await answer(title, [h("p", {}, text)], act, () => true)) ?? false;
}

/** What `read()` gives when the button `act` is pressed; null where the user leaves. */
export async function answer(title, content, act, read) {
  let result = null;
  const form = h("form", {
    onsubmit: (event) => {
      event.preventDefault();
      result = read();
      dialog.close();
    },
  },
  h("h2", { id: "dialog-title" }, title), ...content,
  h("p", { class: "buttons" },
    h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
    h("button", { class: "main" }, act)));
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
  await closed(dialog);
  return result;
}

/** Show a dialog until it is closed. */
export function closed(dialog) {
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve();
    });
  });
}
