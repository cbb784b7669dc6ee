/** The colours of a spectrogram: levels as bytes → pixels, in the shades of the style sheet. */

import { getColour, onColours } from "./canvas.js";

export const BANDS = 48;
const SHADES = 5; // --shade-0 … --shade-4
const DARKEST = 25; // byte values below are drawn as silence: about -90 dBFS
const BRIGHTEST = 190;
const palette = new Uint32Array(256);

/** Return the pixels of a column, one pixel wide, the highest band on top; `bands`: Uint8Array [48], or null. */
export function paintColumn(bands) {
  const column = new ImageData(1, BANDS);
  const pixels = new Uint32Array(column.data.buffer);
  for (let band = 0; band < BANDS; band++) pixels[BANDS - 1 - band] = palette[bands?.[band] ?? 0];
  return column;
}

onColours(() => {
  const stops = Array.from({ length: SHADES }, (_, index) => parseColour(getColour(`--shade-${index}`)));
  palette.forEach((_, value) => {
    const share = Math.max(0, Math.min(1, (value - DARKEST) / (BRIGHTEST - DARKEST))) * (SHADES - 1);
    const [low, high] = [stops[Math.floor(share)], stops[Math.ceil(share)]];
    const [r, g, b] = low.map((part, index) => Math.round(part + (high[index] - part) * (share % 1)));
    palette[value] = (255 << 24) | (b << 16) | (g << 8) | r;
  });
});

/** "#0b6e69" → [11, 110, 105]. */
function parseColour(hex) {
  return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
}
