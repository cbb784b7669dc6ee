/** The spectrogram of the last 30 seconds: time to the right, frequency upwards, level as colour, events as names.
 *
 * The columns are kept in a ring on a hidden canvas, one pixel wide each; drawing copies its two halves. */

import { fitCanvas, getColour, onColours } from "../lib/canvas.js";

const COLUMNS = 600; // 30 s
const BANDS = 48;
const COLUMN_MS = 50;
const JITTER = 4; // columns
const SHADES = 5; // --shade-0 … --shade-4
const MOST_MARKS = 20; // while the page is not visible no mark grows old
const ROWS = 3; // of names, so that those of events in quick succession do not overlap
const DARKEST = 25; // byte values below are drawn as silence: about -90 dBFS
const BRIGHTEST = 190;

export class Spectrogram {
  #ring = Object.assign(document.createElement("canvas"), { width: COLUMNS, height: BANDS });
  #context = this.#ring.getContext("2d", { willReadFrequently: true });
  #column = new ImageData(1, BANDS);
  #palette = new Uint32Array(256);
  #position = 0;
  #newest_ms = 0;
  #marks = [];
  #markCount = 0;
  #ink = "";
  #background = "";

  constructor(canvas) {
    this.canvas = canvas;
    onColours(() => this.#mixPalette());
  }

  /** Add a column; missing columns before it are left empty. */
  add({ bands, time }) {
    const missing = Math.min(COLUMNS, Math.round((time - this.#newest_ms) / COLUMN_MS) - 1);
    if (missing > JITTER) for (let column = 0; column < missing; column++) this.#put(null);
    this.#put(bands);
    this.#newest_ms = time;
  }

  /** Add the name of an event that began at `time` (Unix ms). */
  mark(label, time) {
    const visible = this.#marks.filter((mark) => mark.time > this.#newest_ms - COLUMNS * COLUMN_MS);
    this.#marks = [...visible, { label, time, row: this.#markCount++ % ROWS }].slice(-MOST_MARKS);
  }

  draw() {
    const context = fitCanvas(this.canvas);
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const older = COLUMNS - this.#position;
    const split = (older / COLUMNS) * width;
    context.drawImage(this.#ring, this.#position, 0, older, BANDS, 0, 0, split, height);
    if (this.#position) context.drawImage(this.#ring, 0, 0, this.#position, BANDS, split, 0, width - split, height);
    this.#drawMarks(context, width, height);
  }

  #put(bands) {
    const pixels = new Uint32Array(this.#column.data.buffer);
    for (let band = 0; band < BANDS; band++) pixels[BANDS - 1 - band] = this.#palette[bands?.[band] ?? 0];
    this.#context.putImageData(this.#column, this.#position, 0);
    this.#position = (this.#position + 1) % COLUMNS;
  }

  #drawMarks(context, width, height) {
    context.font = "600 13px system-ui, sans-serif";
    context.textBaseline = "top";
    context.fillStyle = this.#ink;
    context.strokeStyle = this.#background;
    context.lineWidth = 4;
    context.lineJoin = "round";
    this.#marks.forEach(({ label, time, row }) => {
      const x = width - ((this.#newest_ms - time) / COLUMN_MS / COLUMNS) * width;
      const text = [label, Math.min(x + 6, width - context.measureText(label).width - 4), 5 + row * 18];
      context.fillRect(x, 0, 1.5, height);
      context.strokeText(...text);
      context.fillText(...text);
    });
  }

  #mixPalette() {
    this.#ink = getColour("--shade-ink");
    this.#background = getColour("--shade-0");
    const stops = Array.from({ length: SHADES }, (_, index) => parseColour(getColour(`--shade-${index}`)));
    this.#palette.forEach((_, value) => {
      const share = Math.max(0, Math.min(1, (value - DARKEST) / (BRIGHTEST - DARKEST))) * (SHADES - 1);
      const [low, high] = [stops[Math.floor(share)], stops[Math.ceil(share)]];
      const [r, g, b] = low.map((part, index) => Math.round(part + (high[index] - part) * (share % 1)));
      this.#palette[value] = (255 << 24) | (b << 16) | (g << 8) | r;
    });
  }
}

/** "#0b6e69" → [11, 110, 105]. */
function parseColour(hex) {
  return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
}
