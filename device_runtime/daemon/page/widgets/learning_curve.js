/** A learning curve as SVG: accuracy by number of recordings, with 95 % confidence intervals. */

import { s } from "../lib/dom.js";
import { formatPercent } from "../lib/format.js";
import { t } from "../lib/translate.js";

const WIDTH = 320;
const HEIGHT = 150;
const [LEFT, RIGHT, TOP, BOTTOM] = [40, 14, 12, 28];

/** Return the drawing of `points` [{recordings, accuracy, low, high}], or null without points. */
export function drawLearningCurve(points) {
  if (!points?.length) return null;
  const most = Math.max(...points.map((point) => point.recordings));
  const floor = Math.min(0.9, Math.floor(Math.min(...points.map((point) => point.low)) * 10) / 10);
  const x = ({ recordings }) => LEFT + (recordings / most) * (WIDTH - LEFT - RIGHT);
  const y = (accuracy) => TOP + ((1 - accuracy) / (1 - floor)) * (HEIGHT - TOP - BOTTOM);
  const values = points.map(({ accuracy, recordings }) => t("{accuracy} with {recordings}", { accuracy: formatPercent(accuracy), recordings })).join(", ");
  const line = (pick) => points.map((point) => `${x(point)},${y(pick(point))}`);
  const band = [...line((point) => point.high), ...line((point) => point.low).reverse()];
  const name = t("Accuracy by number of recordings: {values}", { values });
  return s("svg", { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": name },
    [floor, (1 + floor) / 2, 1].map((share) => drawGrid(share, y(share))),
    s("polygon", { class: "band", points: band.join(" ") }),
    s("polyline", { class: "line", points: line((point) => point.accuracy).join(" ") }),
    points.map((point) => drawPoint(point, x(point), y)));
}

function drawGrid(share, y) {
  return [
    s("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }),
    s("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, formatPercent(share)),
  ];
}

function drawPoint(point, x, y) {
  return [
    s("line", { class: "whisker", x1: x, x2: x, y1: y(point.low), y2: y(point.high) }),
    s("circle", { cx: x, cy: y(point.accuracy), r: 4 }),
    s("text", { x, y: HEIGHT - 8, "text-anchor": "middle" }, String(point.recordings)),
  ];
}
