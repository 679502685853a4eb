// Pictures of where the photons fell: one canvas each, with the outline of the region.

import {element, text} from "./curve-look.js";

const SIZE = 300; // CSS pixels of the longer side, at most
const OUTLINE = "#ff8f70"; // the picture is dark in every theme
const NAMES = {sky: "Sky", detector: "Detector"};

/** Show an answer of the server; return how many pictures it has. */
export function drawStamps(box, answer) {
  const found = Object.entries(NAMES).filter(([key]) => answer[key]);
  box.replaceChildren(...found.map(([key, name]) => stampFigure(answer[key], name)));
  return found.length;
}

function stampFigure(stamp, name) {
  const {counts, step, unit = "", scale_arcsec: scale} = stamp;
  const [rows, columns] = [counts.length, counts[0]?.length ?? 0];
  const all = counts.flat();
  const total = all.reduce((sum, one) => sum + one, 0);
  const most = all.reduce((high, one) => Math.max(high, one), 0);
  const figure = element("figure", "", {class: columns > 3 * rows ? "curve-stamp wide" : "curve-stamp"});
  const caption = element("figcaption", `${name}: ${text(total)} counts; brightest pixel ${text(most)}`);
  const size = scale ? `${text(columns * step * scale, 3)}″ × ${text(rows * step * scale, 3)}″` : "";
  const label = `${name} picture, ${columns} × ${rows} pixels, ${text(total)} counts`;
  const canvas = element("canvas", "", {role: "img", "aria-label": label});
  const factor = Math.max(1, Math.floor((2 * SIZE) / Math.max(rows, columns, 1)));
  canvas.width = columns * factor;
  canvas.height = rows * factor;
  const paint = canvas.getContext("2d");
  paintCounts(paint, counts, most, factor);
  paintOutline(paint, stamp, factor, rows);
  const axes = [stamp.x_label, stamp.y_label].filter(Boolean).join(", ");
  const under = element("p", [size, axes, `each square ${text(step)} ${unit} wide`].filter(Boolean).join(" · "), {
    class: "quiet",
  });
  const value = element("p", " ", {class: "quiet", "aria-hidden": "true"});
  canvas.addEventListener("pointermove", (event) => {
    const column = Math.floor((event.offsetX / canvas.clientWidth) * columns);
    const row = rows - 1 - Math.floor((event.offsetY / canvas.clientHeight) * rows);
    const number = counts[row]?.[column];
    const [x, y] = [stamp.x0 + (column + 0.5) * step, stamp.y0 + (row + 0.5) * step];
    value.textContent = number === undefined ? " " : `${text(x, 6)}, ${text(y, 6)}: ${text(number)} counts`;
  });
  figure.append(caption, canvas, under, value);
  return figure;
}

function paintCounts(paint, counts, most, factor) {
  const rows = counts.length;
  counts.forEach((row, y) => row.forEach((number, x) => {
    const light = most > 0 ? Math.sqrt(Math.max(number, 0) / most) : 0; // as the static pages stretch it
    const shade = (low, high) => Math.round(low + (high - low) * light);
    paint.fillStyle = `rgb(${shade(8, 255)} ${shade(12, 244)} ${shade(28, 214)})`;
    paint.fillRect(x * factor, (rows - 1 - y) * factor, factor, factor);
  }));
}

function paintOutline(paint, {outline_x: xs, outline_y: ys, x0, y0, step}, factor, rows) {
  paint.strokeStyle = OUTLINE;
  paint.lineWidth = Math.max(2, factor / 4);
  paint.beginPath();
  let down = false;
  (xs ?? []).forEach((x, i) => {
    if (x === null || ys[i] === null) {
      down = false;
      return;
    }
    const place = [((x - x0) / step) * factor, (rows - (ys[i] - y0) / step) * factor];
    if (down) paint.lineTo(...place);
    else paint.moveTo(...place);
    down = true;
  });
  paint.stroke();
}
