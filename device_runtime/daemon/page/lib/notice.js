/** Short messages above the page: an error stays until it is closed, a confirmation disappears by itself. */

import { t } from "./translate.js";

const VISIBLE_MS = 6000;

/** Show that an action succeeded. */
export function showDone(text) {
  const notice = show("notice", "status", text, "");
  setTimeout(() => notice.remove(), VISIBLE_MS);
}

/** Show an error: what happened, and what to do next. */
export function showError(error) {
  if (error.name === "AbortError") return;
  if (!("hint" in error)) console.error(error);
  const last = document.getElementById("notices").lastElementChild;
  if (last?.firstElementChild.textContent !== error.message) show("notice bad", "alert", error.message, error.hint);
}

function show(kind, role, text, hint) {
  const notice = document.createElement("div");
  const [message, advice, close] = ["p", "p", "button"].map((name) => document.createElement(name));
  notice.className = kind;
  notice.setAttribute("role", role);
  message.textContent = text;
  advice.textContent = hint ?? "";
  advice.className = "hint";
  close.textContent = "×";
  close.setAttribute("aria-label", t("Close this message"));
  close.addEventListener("click", () => notice.remove());
  notice.append(message, ...(hint ? [advice] : []), close);
  document.getElementById("notices").append(notice);
  return notice;
}
