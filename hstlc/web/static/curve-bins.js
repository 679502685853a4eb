// From the answer of the server to what the plot draws: bins on the axis, strips behind them, limits.

import {secondsText, text} from "./curve-look.js";

const MOST_POINTS = 3000; // with error bars; of more bins only the span of groups of them is drawn
const SLACK = 0.01; // of a bin: barycentric times are rounded to tens of microseconds
const NAN = Number.NaN;

/** Return the bins as the plot has them: places on the axis, values, and whether each is flagged. */
export function placedBins(data, axis) {
  const n = data.rate.length;
  const bins = {n, data, left: new Float64Array(n), right: new Float64Array(n), x: new Float64Array(n)};
  for (let i = 0; i < n; i++) {
    bins.left[i] = data.time_left[i] + axis.shift[i];
    bins.right[i] = data.time_right[i] + axis.shift[i];
    bins.x[i] = (bins.left[i] + bins.right[i]) / 2;
  }
  return withValues(bins);
}

/** Return the bins of a folded light curve, twice: two periods are easier to read than one. */
export function foldedBins(data) {
  const twice = (column, shift) => Float64Array.from([...column, ...column.map((one) => one + shift)]);
  const doubled = Object.fromEntries(Object.entries(data).map(([name, column]) => [name, [...column, ...column]]));
  const bins = {n: 2 * data.rate.length, data: doubled};
  bins.left = twice(data.phase_left, 1);
  bins.right = twice(data.phase_right, 1);
  bins.x = twice(data.phase, 1);
  return withValues(bins);
}

function withValues(bins) {
  const number = (column) => Float64Array.from(column, (one) => one ?? NAN);
  const {rate, rate_low: low, rate_high: high, quality, dataset} = bins.data;
  bins.y = number(rate);
  bins.low = number(low);
  bins.high = number(high);
  bins.flagged = Array.from(quality, (one) => one !== 0);
  bins.even = Array.from({length: bins.n}, (_, i) => dataset !== undefined && dataset[i] % 2 === 0);
  return bins;
}

/** Return the limits of the axis of rates: of all bins that are not flagged, where there are any. */
export function rateLimits(bins, log) {
  const useful = (i) => Number.isFinite(bins.y[i]) && (!log || bins.high[i] > 0);
  const all = Array.from({length: bins.n}, (_, i) => i).filter(useful);
  const good = all.filter((i) => !bins.flagged[i]);
  let [low, high] = [Infinity, -Infinity];
  for (const i of good.length ? good : all) {
    if (!log) low = Math.min(low, bins.low[i]);
    else if (bins.y[i] > 0) low = Math.min(low, Math.max(bins.low[i], bins.y[i] / 10));
    high = Math.max(high, bins.high[i]);
  }
  if (!Number.isFinite(high)) return log ? [0.1, 10] : [0, 1];
  if (log) return [(Number.isFinite(low) ? low : high / 10) / 1.3, high * 1.3];
  const margin = 0.06 * (high - low) || Math.max(Math.abs(high), 1) / 10;
  return [low - margin, high + margin];
}

/** Return first and last index of the bins that reach into a part of the axis. */
export function visible(bins, low, high) {
  let first = 0;
  while (first < bins.n && bins.right[first] < low) first++;
  let last = bins.n - 1;
  while (last >= first && bins.left[last] > high) last--;
  return [first, last];
}

/** Whether a bin begins where the one before ends, in the same dataset, and both have a rate. */
function joined(bins, i, j) {
  const {dataset} = bins.data;
  const same = dataset === undefined || dataset[i] === dataset[j];
  return same && bins.left[j] <= bins.right[i] + SLACK * (bins.right[i] - bins.left[i]);
}

/** Return the columns of the data sources for some bins: steps, points with error bars, spans of groups of bins. */
export function columnsOf(bins, [first, last], {log, errors, look, floor, label}) {
  const columns = {
    steps: {x: [], y: []},
    points: {x: [], y: [], color: [], fill: [], marker: [], when: [], date: [], value: [], counts: [], live: []},
    bars: {x: [], low: [], high: [], color: []},
  };
  const group = Math.ceil((last - first + 1) / MOST_POINTS);
  if (group > 1) {
    spans(bins, first, last, 2 * group, look, columns.bars);
    return {columns, group: 2 * group};
  }
  const {steps, points, bars} = columns;
  let before = -1;
  for (let i = first; i <= last; i++) {
    const limit = log && !(bins.y[i] > 0);
    const y = limit ? bins.high[i] : bins.y[i];
    if (!Number.isFinite(y) || (log && !(y > 0))) continue;
    if (before >= 0 && (!joined(bins, before, i) || before !== i - 1)) {
      steps.x.push(NAN);
      steps.y.push(NAN);
    }
    before = i;
    if (!limit) {
      steps.x.push(bins.left[i], bins.right[i]);
      steps.y.push(y, y);
    }
    const color = bins.flagged[i] ? look.flagged : bins.even[i] ? look.even : look.odd;
    points.x.push(bins.x[i]);
    points.y.push(y);
    points.color.push(color);
    points.fill.push(bins.flagged[i] ? look.ground : color);
    points.marker.push(limit ? "inverted_triangle" : bins.flagged[i] ? "square" : "circle");
    for (const [name, words] of Object.entries(label(i))) points[name].push(words);
    if (errors && !limit) {
      bars.x.push(bins.x[i]);
      bars.low.push(log ? Math.max(bins.low[i], floor) : bins.low[i]);
      bars.high.push(bins.high[i]);
      bars.color.push(color);
    }
  }
  return {columns, group: 1};
}

function spans(bins, first, last, size, look, bars) {
  for (let i = first; i <= last; i += size) {
    let [low, high] = [Infinity, -Infinity];
    const end = Math.min(i + size, last + 1);
    for (let j = i; j < end; j++) {
      if (!Number.isFinite(bins.y[j]) || bins.flagged[j]) continue;
      low = Math.min(low, bins.y[j]);
      high = Math.max(high, bins.y[j]);
    }
    if (low > high) continue;
    bars.x.push((bins.left[i] + bins.right[end - 1]) / 2);
    bars.low.push(low);
    bars.high.push(high);
    bars.color.push(bins.even[i] ? look.even : look.odd);
  }
}

/** Return the ends of the stretches of flagged bins. */
export function flaggedStrips(bins) {
  const strips = [];
  let before = -2;
  for (let i = 0; i < bins.n; i++) {
    if (!bins.flagged[i]) continue;
    if (before === i - 1 && joined(bins, before, i)) strips.at(-1)[1] = bins.right[i];
    else strips.push([bins.left[i], bins.right[i]]);
    before = i;
  }
  return strips;
}

/** Return sums of the bins whose middle is in a stretch of time, or of those that it touches where it is that short. */
export function sums(data, start, stop) {
  const chosen = {
    middles: (i) => data.time[i] >= start && data.time[i] <= stop,
    touched: (i) => data.time_right[i] > start && data.time_left[i] < stop,
  };
  const found = added(data, chosen.middles);
  return found.bins ? found : added(data, chosen.touched);
}

function added(data, chosen) {
  const found = {bins: 0, counts: 0, background: 0, exposure: 0, start: NAN, stop: NAN};
  for (let i = 0; i < data.time.length; i++) {
    if (!chosen(i)) continue;
    if (found.bins++ === 0) found.start = data.time_left[i];
    found.stop = data.time_right[i];
    found.counts += data.gross[i] ?? 0;
    found.background += data.background[i] ?? 0;
    found.exposure += data.exposure[i] ?? 0;
  }
  return found;
}

/** Return what the plot says of a bin under the pointer. */
export function binLabel(bins, i, folded) {
  const {data} = bins;
  const set = data.dataset && data.dataset.some((one) => one > 1) ? `dataset ${data.dataset[i]}, ` : "";
  return {
    when: folded
      ? `phase ${text(data.phase_left[i])} to ${text(data.phase_right[i])}`
      : `${set}${secondsText(data.time_left[i])} to ${secondsText(data.time_right[i])} s`,
    date: folded ? "" : data.mjd[i].toFixed(7),
    value: `${text(bins.y[i])} (${text(bins.low[i])} to ${text(bins.high[i])})`,
    counts: `${text(data.gross[i])}, background ${text(data.background[i])}`,
    live: `${text(data.exposure[i])} s${bins.flagged[i] ? `, flagged (${data.quality[i]})` : ""}`,
  };
}
