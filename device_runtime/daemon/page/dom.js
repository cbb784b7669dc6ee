/** Elements from data. Whatever is text stays text: nothing here, or anywhere else, makes HTML of it. */

import { failed } from "./notice.js";

/** An element with attributes (`onclick` listens, `class` names) and children: elements or text. */
export function h(name, attributes = {}, ...children) {
  return dressed(document.createElement(name), attributes, children);
}

/** The same in SVG. */
export function s(name, attributes = {}, ...children) {
  return dressed(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

/** A button that does something which takes a while or may fail: once at a time, told when it fails. */
export function action(text, act, attributes = {}) {
  const button = h("button", { type: "button", ...attributes }, text);
  button.addEventListener("click", () => whileBusy(button, act));
  return button;
}

/** Do something with a button marked as busy; it keeps the focus. */
export async function whileBusy(button, act) {
  if (button.hasAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  try {
    await act();
  } catch (error) {
    failed(error);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** Put these children in place of those that are there. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

/** Set a text without touching the element where it is the same. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function dressed(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) set(element, key, value);
  element.append(...present(children));
  return element;
}

function present(children) {
  return children.flat(2).filter((child) => child !== null && child !== undefined && child !== false);
}

function set(element, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (key.startsWith("--")) element.style.setProperty(key, value);
  else element.setAttribute(key, value === true ? "" : value);
}
