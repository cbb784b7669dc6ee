/** The spectrogram of the last 30 seconds: time to the right, frequency upwards, level as colour, events as names.
 *
 * The columns are kept in a ring on a hidden canvas, one pixel wide each; drawing copies its two halves. */

import { fitCanvas, getColour } from "../lib/canvas.js";
import { BANDS, paintColumn } from "../lib/palette.js";

const COLUMNS = 600; // 30 s
const COLUMN_MS = 50;
const JITTER = 4; // columns
const MOST_MARKS = 20; // while the page is not visible no mark grows old
const ROWS = 3; // of names, so that those of events in quick succession do not overlap

export class Spectrogram {
  #ring = Object.assign(document.createElement("canvas"), { width: COLUMNS, height: BANDS });
  #context = this.#ring.getContext("2d", { willReadFrequently: true });
  #position = 0;
  #newest_ms = 0;
  #marks = [];
  #markCount = 0;

  constructor(canvas) {
    this.canvas = canvas;
  }

  /** Add a column; missing columns before it are left empty. */
  add({ bands, time }) {
    const missing = Math.min(COLUMNS, Math.round((time - this.#newest_ms) / COLUMN_MS) - 1);
    if (missing > JITTER) for (let column = 0; column < missing; column++) this.#put(null);
    this.#put(bands);
    this.#newest_ms = time;
  }

  /** Add the columns that are newer than those it has. */
  addNewer(columns) {
    for (const column of columns) if (column.time > this.#newest_ms) this.add(column);
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
    this.#context.putImageData(paintColumn(bands), this.#position, 0);
    this.#position = (this.#position + 1) % COLUMNS;
  }

  #drawMarks(context, width, height) {
    context.font = "600 13px system-ui, sans-serif";
    context.textBaseline = "top";
    context.fillStyle = getColour("--shade-ink");
    context.strokeStyle = getColour("--shade-0");
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
}

/** Paint the whole spectrogram of a recording, a pixel a column; columns: as `splitColumns` returns them. */
export function paintSpectrogram(canvas, columns) {
  Object.assign(canvas, { width: columns.length, height: BANDS });
  const pixels = canvas.getContext("2d");
  columns.forEach(({ bands }, index) => pixels.putImageData(paintColumn(bands), index, 0));
}

/** Draw the same at the size of the canvas on the screen. */
export function drawSpectrogram(canvas, columns) {
  const picture = document.createElement("canvas");
  paintSpectrogram(picture, columns);
  const context = fitCanvas(canvas);
  if (columns.length) context.drawImage(picture, 0, 0, canvas.clientWidth, canvas.clientHeight);
}
