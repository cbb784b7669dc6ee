/** The token of the API: asked for once, kept until the tab is closed. */

import { closed } from "./dialog.js";
import { h } from "./dom.js";

const KEY = "edgecl token";
let asking = null;

/** The token, empty where none was given yet. */
export const token = () => sessionStorage.getItem(KEY) ?? "";

/** Ask the user for the token, as `refused` was none; several that ask are answered at once. */
export async function askForToken(refused) {
  if (token() === refused) await (asking ??= answered(refused !== "").finally(() => (asking = null)));
}

function answered(again) {
  const field = h("input", { type: "password", id: "token", autocomplete: "current-password", required: true });
  const dialog = h("dialog", { "aria-labelledby": "token-title", oncancel: (event) => event.preventDefault() },
    h("form", {
      onsubmit: (event) => {
        event.preventDefault();
        sessionStorage.setItem(KEY, field.value.trim());
        dialog.close();
      },
    },
    h("h2", { id: "token-title" }, again ? "This is not the token" : "The board asks for its token"),
    h("p", {}, "It is the ", h("code", {}, "token"), " under ", h("code", {}, "[api]"), " in the board's configuration."),
    h("label", { for: "token" }, "Token"), field,
    h("p", { class: "buttons" }, h("button", { class: "main" }, "Go on"))));
  return closed(dialog);
}
