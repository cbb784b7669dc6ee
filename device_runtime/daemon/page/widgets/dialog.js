/** Dialogs that ask the user something. */

import { h, showModal } from "../lib/dom.js";
import { t } from "../lib/translate.js";

/** Return whether the user confirms with the button `act`. */
export async function confirm(title, text, act) {
  return (await prompt(title, [h("p", {}, text)], act, () => true)) ?? false;
}

/** Return what `read()` returns when the user presses the button `act`, or null if the dialog is cancelled. */
export async function prompt(title, content, act, read) {
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
    h("button", { type: "button", onclick: () => dialog.close() }, t("Cancel")),
    h("button", { class: "main" }, act)));
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
  await showModal(dialog);
  return result;
}
