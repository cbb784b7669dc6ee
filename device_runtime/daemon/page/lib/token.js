/** The token of the API: asked for once and kept until the tab is closed. */

import { h, showModal } from "./dom.js";

const KEY = "edgecl token";
let pending = null;

/** Return the token; empty if none was entered yet. */
export const token = () => sessionStorage.getItem(KEY) ?? "";

/** Ask the user for the token after `refused` was rejected; concurrent calls share one dialog. */
export async function askForToken(refused) {
  if (token() === refused) await (pending ??= showDialog(refused !== "").finally(() => (pending = null)));
}

function showDialog(wasWrong) {
  const field = h("input", { type: "password", id: "token", autocomplete: "current-password", required: true });
  const dialog = h("dialog", { "aria-labelledby": "token-title", oncancel: (event) => event.preventDefault() },
    h("form", {
      onsubmit: (event) => {
        event.preventDefault();
        sessionStorage.setItem(KEY, field.value.trim());
        dialog.close();
      },
    },
    h("h2", { id: "token-title" }, wasWrong ? "This token is wrong" : "This device requires a token"),
    h("p", {}, "It is the value of ", h("code", {}, "token"), " under ", h("code", {}, "[api]"),
      " in the configuration of the device."),
    h("label", { for: "token" }, "Token"), field,
    h("p", { class: "buttons" }, h("button", { class: "main" }, "Continue"))));
  return showModal(dialog);
}
