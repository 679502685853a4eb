// The time axis: seconds on which long gaps between datasets take little room. The same rules as hstlc/plots/axis.py.

export const DAY_S = 86400;
const GAP_PART = 0.03; // of the shown time: what a gap between datasets takes at most ...
const GAPS_PART = 0.15; // ... and all of them together

/** Return 1, 2 or 5 times a power of ten: the smallest step of which at most `most` fit into `span`. */
export function niceStep(span, most) {
  const raw = span / most;
  if (!(raw > 0) || !Number.isFinite(raw)) return 1;
  const decade = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * decade).find((step) => step >= raw * (1 - 1e-9));
}

/** Return what maps seconds after the reference to places on the axis and back.
 *
 * `data` has the columns time_left, time_right, time, mjd, dataset in the order of time. `shift[i]` is to be added to
 * the times of bin i. `segments` has one entry a dataset: number, first and last bin, start and end (s), left and
 * right (axis), zero (axis; where its labels begin to count), mjd (at zero).
 */
export function timeAxis(data) {
  const {time_left: from, time_right: to, time, mjd, dataset} = data;
  const segments = [];
  for (let i = 0; i < from.length; i++) {
    const last = segments.at(-1);
    if (last && last.number === dataset[i]) {
      last.last = i;
      last.end = Math.max(last.end, to[i]);
    } else {
      segments.push({number: dataset[i], first: i, last: i, start: from[i], end: to[i]});
    }
  }
  const shown = segments.reduce((sum, one) => sum + one.end - one.start, 0);
  const widest = Math.min(GAP_PART, GAPS_PART / Math.max(segments.length - 1, 1)) * shown;
  const gaps = [];
  let right = segments.length ? segments[0].start : 0;
  segments.forEach((one, k) => {
    const real = k ? Math.max(one.start - segments[k - 1].end, 0) : 0;
    one.left = right + Math.min(real, widest);
    if (real > widest) gaps.push([right, one.left]);
    right = one.right = one.left + one.end - one.start;
    one.zero = segments.length > 1 ? one.left : one.left - one.start;
    one.mjd = mjd[one.first] - (time[one.first] - one.start + one.left - one.zero) / DAY_S;
  });
  const shift = new Float64Array(from.length);
  for (const one of segments) shift.fill(one.left - one.start, one.first, one.last + 1);
  const low = segments.length ? segments[0].left : 0;
  const high = segments.length ? right : 1;
  const margin = 0.01 * (high - low) || 0.5;
  return {segments, gaps, shift, several: segments.length > 1, limits: [low - margin, high + margin]};
}

/** Return seconds after the reference of a place on the axis; one in a gap belongs to the nearer end. */
export function toSeconds(axis, x) {
  const one = nearest(axis.segments, (segment) => distance(x, segment.left, segment.right));
  return one ? Math.min(Math.max(x, one.left), one.right) - one.left + one.start : x;
}

/** Return the place on the axis of seconds after the reference. */
export function toAxis(axis, seconds) {
  const one = nearest(axis.segments, (segment) => distance(seconds, segment.start, segment.end));
  return one ? Math.min(Math.max(seconds, one.start), one.end) - one.start + one.left : seconds;
}

/** Return ticks between two places: seconds since the start of the datasets, which are named by '#' and number. */
export function secondTicks(axis, low, high, most) {
  const step = niceStep(high - low, most);
  const least = (high - low) / (most + 1);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (const {number, left, right, zero} of axis.segments) {
    if (right < low || left > high) continue;
    const end = Math.floor((Math.min(right, high) - zero) / step);
    for (let k = Math.ceil((Math.max(left, low) - zero) / step); k <= end; k++) {
      const start = axis.several && k === 0;
      const at = zero + k * step;
      while (start && ticks.length && !ticks.at(-1).start && at - ticks.at(-1).at < least) ticks.pop();
      if (ticks.length && at - ticks.at(-1).at < least) continue;
      ticks.push({at, start, text: start ? `#${number}` : (k * step).toFixed(Math.min(decimals, 6))});
    }
  }
  return ticks;
}

/** Return ticks between two places with the modified Julian date: round dates, of several datasets their starts. */
export function dateTicks(axis, low, high, most) {
  const least = (high - low) / (most + 1);
  const ticks = [];
  const inside = axis.segments.filter(({zero}) => zero >= low && zero <= high);
  if (axis.several && inside.length > 1) {
    for (const {zero, mjd} of inside) {
      if (!ticks.length || zero - ticks.at(-1).at >= least) ticks.push({at: zero, text: mjd.toFixed(3)});
    }
    return ticks;
  }
  const step = niceStep((high - low) / DAY_S, most);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  for (const {left, right, zero, mjd} of axis.segments) {
    if (right < low || left > high) continue;
    const whole = Math.floor(mjd);
    const first = mjd - whole + (Math.max(left, low) - zero) / DAY_S;
    const last = mjd - whole + (Math.min(right, high) - zero) / DAY_S;
    for (let k = Math.ceil(first / step); k * step <= last; k++) {
      const at = zero + (k * step - (mjd - whole)) * DAY_S;
      if (ticks.length && at - ticks.at(-1).at < least) continue;
      ticks.push({at, text: (whole + k * step).toFixed(Math.min(decimals, 9))});
    }
  }
  return ticks;
}

function distance(x, low, high) {
  return x < low ? low - x : x > high ? x - high : 0;
}

function nearest(items, measure) {
  let best = null;
  let least = Infinity;
  for (const item of items) {
    const far = measure(item);
    if (far < least) [best, least] = [item, far];
  }
  return best;
}
