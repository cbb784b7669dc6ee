/** A canvas as sharp as the screen, in the colours of the style sheet. */

const dark = matchMedia("(prefers-color-scheme: dark)");
const colours = new Map();
dark.addEventListener("change", () => colours.clear());

/** Whether nothing should slide or glide. */
export const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Fit a canvas to its place; its 2D context, in CSS pixels. */
export function fitted(canvas) {
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

/** A colour of the style sheet: `colour("--accent")`. */
export function colour(name) {
  if (!colours.has(name)) colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return colours.get(name);
}

/** Have something done now, and again whenever the colours change; for what lasts as long as the page. */
export function withColours(act) {
  dark.addEventListener("change", act);
  act();
}
