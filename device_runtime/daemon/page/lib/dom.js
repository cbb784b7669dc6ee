/** Creating and changing elements. Text is always inserted as text: the page never parses data as HTML. */

import { showError } from "./notice.js";

/** Return an element with attributes (`onclick` adds a listener) and children: elements or text. */
export function h(name, attributes = {}, ...children) {
  return setUp(document.createElement(name), attributes, children);
}

/** Return an SVG element. */
export function s(name, attributes = {}, ...children) {
  return setUp(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

/** Return a button with an asynchronous action: it runs once at a time, and an error is shown. */
export function actionButton(text, act, attributes = {}) {
  const button = h("button", { type: "button", ...attributes }, text);
  button.addEventListener("click", () => runBusy(button, act));
  return button;
}

/** Run an action while an element is marked as busy; the element keeps the focus. */
export async function runBusy(element, act) {
  if (element.hasAttribute("aria-busy")) return;
  element.setAttribute("aria-busy", "true");
  try {
    await act();
  } catch (error) {
    showError(error);
  } finally {
    element.removeAttribute("aria-busy");
  }
}

/** Replace the children of an element. */
export function setChildren(element, ...children) {
  element.replaceChildren(...flatten(children));
  return element;
}

/** Set the text of an element; does nothing if it is the same, so that screen readers stay silent. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show a dialog element; resolves when it is closed. */
export function showModal(dialog) {
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve();
    });
  });
}

function setUp(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) setAttribute(element, key, value);
  element.append(...flatten(children));
  return element;
}

function flatten(children) {
  return children.flat(2).filter((child) => child !== null && child !== undefined && child !== false);
}

function setAttribute(element, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (key.startsWith("--")) element.style.setProperty(key, value);
  else element.setAttribute(key, value === true ? "" : value);
}
