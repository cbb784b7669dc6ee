/** The token of the API: asked for once and kept until the tab is closed. */

import { h, showModal } from "./dom.js";
import { t } from "./translate.js";

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
    h("h2", { id: "token-title" }, wasWrong ? t("This token is wrong") : t("This device requires a token")),
    h("p", {}, t("It is the value of {token} under {section} in the configuration of the device.",
      { token: h("code", {}, "token"), section: h("code", {}, "[api]") })),
    h("label", { for: "token" }, t("Token")), field,
    h("p", { class: "buttons" }, h("button", { class: "main" }, t("Continue")))));
  return showModal(dialog);
}
