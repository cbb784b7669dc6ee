/** Canvases at the resolution of the screen, in the colours of the style sheet. */

const dark = matchMedia("(prefers-color-scheme: dark)");
const colours = new Map();
dark.addEventListener("change", () => colours.clear());

/** Whether the user asked for reduced motion. */
export const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/** Fit the resolution of a canvas to its size; return its 2D context, in CSS pixels. */
export function fitCanvas(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = devicePixelRatio;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return context;
}

/** Return a colour of the style sheet: `getColour("--accent")`. */
export function getColour(name) {
  if (!colours.has(name)) colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return colours.get(name);
}

/** Call a function now and whenever the colours change, for the lifetime of the page. */
export function onColours(act) {
  dark.addEventListener("change", act);
  act();
}
