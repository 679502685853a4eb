"""JavaScript of the pages' time axis: ticks and labels for whatever part is zoomed into.

The code gets ``segments``, a data source with the columns ``number``, ``left``, ``right``, ``zero`` and ``mjd`` of
:class:`hstlc.plots.axis.TimeAxis`, and does what :func:`hstlc.plots.axis.second_ticks` and
:func:`hstlc.plots.axis.mjd_ticks` do.
"""

from __future__ import annotations

__all__ = ["MJD_LABELS", "MJD_TICKS", "SECOND_LABELS", "SECOND_TICKS"]

_START = """
const {number, left, right, zero, mjd} = segments.data;
const several = left.length > 1;
function nice(raw) {
  const decade = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * decade).find((step) => step >= raw * (1 - 1e-9));
}
"""

SECOND_TICKS = f"""{_START}
const {{start, end}} = cb_data;
const step = nice((end - start) / 10), least = (end - start) / 11;
const ticks = [], starts = [];
for (let i = 0; i < left.length; i++) {{
  if (right[i] < start || left[i] > end) continue;
  const last = Math.floor((Math.min(right[i], end) - zero[i]) / step);
  for (let k = Math.ceil((Math.max(left[i], start) - zero[i]) / step); k <= last; k++) {{
    const x = zero[i] + k * step, is_start = several && k == 0;
    while (is_start && ticks.length > 0 && !starts.at(-1) && x - ticks.at(-1) < least) {{ ticks.pop(); starts.pop(); }}
    if (ticks.length == 0 || x - ticks.at(-1) >= least) {{ ticks.push(x); starts.push(is_start); }}
  }}
}}
return ticks;
"""

SECOND_LABELS = f"""{_START}
let i = 0;
while (i + 1 < left.length && left[i + 1] <= tick + 1e-9) i++;
if (left.length == 0) return "";
const value = Number((tick - zero[i]).toFixed(6));
return several && value == 0 ? "#" + number[i] : String(value);
"""

MJD_TICKS = f"""{_START}
const {{start, end}} = cb_data;
const least = (end - start) / 11;
const ticks = [];
if (several) {{
  for (const x of zero) {{
    if (x >= start && x <= end && (ticks.length == 0 || x - ticks.at(-1) >= least)) ticks.push(x);
  }}
  if (ticks.length > 0) return ticks;
}}
const step = nice((end - start) / 86400 / 10);
for (let i = 0; i < left.length; i++) {{
  if (right[i] < start || left[i] > end) continue;
  const day = mjd[i] - Math.floor(mjd[i]);
  const first = day + (Math.max(left[i], start) - zero[i]) / 86400;
  const last = day + (Math.min(right[i], end) - zero[i]) / 86400;
  for (let k = Math.ceil(first / step); k * step <= last; k++) ticks.push(zero[i] + (k * step - day) * 86400);
}}
return ticks;
"""

MJD_LABELS = f"""{_START}
let i = 0;
while (i + 1 < left.length && left[i + 1] <= tick + 1e-9) i++;
if (left.length == 0) return "";
const date = mjd[i] + (tick - zero[i]) / 86400;
if (several && zero.some((x) => x == tick)) return date.toFixed(3);
const step = ticks.length > 1 ? (ticks[1] - ticks[0]) / 86400 : 1e-5;
return date.toFixed(Math.max(0, Math.min(9, -Math.floor(Math.log10(step * (1 + 1e-6))))));
"""
