/** Short messages over the page: a failure stays until it is put away, anything else leaves by itself. */

const STAYS_MS = 6000;

/** Tell that something is done. */
export function done(text) {
  const notice = shown("notice", "status", text, "");
  setTimeout(() => notice.remove(), STAYS_MS);
}

/** Tell a failure: what happened, and what to do next. */
export function failed(error) {
  if (error.name === "AbortError") return;
  if (!("hint" in error)) console.error(error);
  const last = document.getElementById("notices").lastElementChild;
  if (last?.firstElementChild.textContent !== error.message) shown("notice bad", "alert", error.message, error.hint);
}

function shown(kind, role, text, hint) {
  const notice = document.createElement("div");
  const [said, advice, away] = ["p", "p", "button"].map((name) => document.createElement(name));
  notice.className = kind;
  notice.setAttribute("role", role);
  said.textContent = text;
  advice.textContent = hint ?? "";
  advice.className = "hint";
  away.textContent = "×";
  away.setAttribute("aria-label", "Put this message away");
  away.addEventListener("click", () => notice.remove());
  notice.append(said, ...(hint ? [advice] : []), away);
  document.getElementById("notices").append(notice);
  return notice;
}
