/** The last half minute as a strip: time to the right, pitch upwards, loudness as colour; sounds are named in it.
 *
 * The columns lie in a ring beside the screen, one pixel wide each; drawing copies its two ends. */

import { colour, fitted, withColours } from "./canvas.js";

const COLUMNS = 600; // 30 s
const BANDS = 48;
const COLUMN_MS = 50;
const JITTER = 4; // columns
const SHADES = 5; // --shade-0 … --shade-4
const MOST_MARKS = 20; // are remembered while nobody looks, and none grows too old
const ROWS = 3; // of names, so that those of sounds in close succession can be read
const QUIET = 25; // what is below stays dark: about -90 dBFS
const LOUD = 190;

export class Spectrogram {
  #ring = Object.assign(document.createElement("canvas"), { width: COLUMNS, height: BANDS });
  #context = this.#ring.getContext("2d", { willReadFrequently: true });
  #column = new ImageData(1, BANDS);
  #palette = new Uint32Array(256);
  #at = 0;
  #newest_ms = 0;
  #marks = [];
  #marked = 0;
  #ink = "";
  #ground = "";

  constructor(canvas) {
    this.canvas = canvas;
    withColours(() => this.#mix());
  }

  /** Add a column; where some are missing before it, as nobody looked, their place stays empty. */
  add({ bands, time }) {
    const missing = Math.min(COLUMNS, Math.round((time - this.#newest_ms) / COLUMN_MS) - 1);
    if (missing > JITTER) for (let column = 0; column < missing; column++) this.#put(null);
    this.#put(bands);
    this.#newest_ms = time;
  }

  /** Name a sound that began at `time` (Unix ms). */
  mark(label, time) {
    const left = this.#marks.filter((mark) => mark.time > this.#newest_ms - COLUMNS * COLUMN_MS);
    this.#marks = [...left, { label, time, row: this.#marked++ % ROWS }].slice(-MOST_MARKS);
  }

  draw() {
    const context = fitted(this.canvas);
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const old = COLUMNS - this.#at;
    const split = (old / COLUMNS) * width;
    context.drawImage(this.#ring, this.#at, 0, old, BANDS, 0, 0, split, height);
    if (this.#at) context.drawImage(this.#ring, 0, 0, this.#at, BANDS, split, 0, width - split, height);
    this.#drawMarks(context, width, height);
  }

  #put(bands) {
    const pixels = new Uint32Array(this.#column.data.buffer);
    for (let band = 0; band < BANDS; band++) pixels[BANDS - 1 - band] = this.#palette[bands?.[band] ?? 0];
    this.#context.putImageData(this.#column, this.#at, 0);
    this.#at = (this.#at + 1) % COLUMNS;
  }

  #drawMarks(context, width, height) {
    context.font = "600 13px system-ui, sans-serif";
    context.textBaseline = "top";
    context.fillStyle = this.#ink;
    context.strokeStyle = this.#ground;
    context.lineWidth = 4;
    context.lineJoin = "round";
    this.#marks.forEach(({ label, time, row }) => {
      const x = width - ((this.#newest_ms - time) / COLUMN_MS / COLUMNS) * width;
      const place = [label, Math.min(x + 6, width - context.measureText(label).width - 4), 5 + row * 18];
      context.fillRect(x, 0, 1.5, height);
      context.strokeText(...place);
      context.fillText(...place);
    });
  }

  #mix() {
    this.#ink = colour("--shade-ink");
    this.#ground = colour("--shade-0");
    const stops = Array.from({ length: SHADES }, (_, index) => rgb(colour(`--shade-${index}`)));
    this.#palette.forEach((_, value) => {
      const place = Math.max(0, Math.min(1, (value - QUIET) / (LOUD - QUIET))) * (SHADES - 1);
      const [low, high] = [stops[Math.floor(place)], stops[Math.ceil(place)]];
      const [r, g, b] = low.map((part, index) => Math.round(part + (high[index] - part) * (place % 1)));
      this.#palette[value] = (255 << 24) | (b << 16) | (g << 8) | r;
    });
  }

}

/** "#0b6e69" → [11, 110, 105]. */
function rgb(hex) {
  return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
}
