"""Light curves of simulated arrivals."""

import math

import numpy as np

from hstlc.events.live_clock import LiveClock
from hstlc.model import COLUMNS, Arrivals, LightCurve, Quality
from hstlc.times import TimeReference


def curve_of(time_s, clock, width_s=500.0, *, quality=0, frame_s=0.0, dataset=1):
    """The curve of arrivals seen with a live clock, from time 0 on, without background."""
    time_s = np.sort(np.asarray(time_s, dtype=float))
    n = math.ceil(clock.time_s[-1] / width_s)
    edges = width_s * np.arange(n + 1)
    counts, exposure = np.histogram(time_s, edges)[0].astype(float), clock.between(edges)
    live = np.where(exposure > 0, exposure, np.nan)
    flags = np.where(exposure > 0, np.broadcast_to(quality, n), Quality.NO_LIVE_TIME | Quality.LOW_FRACTION)
    data = {column.name: np.zeros(n, dtype=column.dtype) for column in COLUMNS}
    data |= {"times": edges[:-1], "time": edges[:-1] + width_s / 2, "mjd": 55000 + (edges[:-1] + width_s / 2) / 86400}
    data |= {"bins": np.full(n, width_s), "exposure": exposure, "fraction": exposure / width_s}
    data |= {"gross": counts, "counts": counts, "variance": counts, "error": np.sqrt(counts)}
    data |= {"net": counts / live, "rate": counts / live, "rate_error": np.sqrt(counts) / live}
    data |= {"dataset": np.full(n, dataset, dtype="i4"), "quality": flags.astype("i4")}
    arrivals = Arrivals(time_s, clock.before(time_s), np.full(len(time_s), 1.0, "f4"), clock.total, frame_s)
    return LightCurve(data, clock.good, TimeReference(55000.0, "TT"), arrivals=arrivals)


def even_clock(total_s):
    return LiveClock(np.array([0.0, total_s]), np.array([0.0, total_s]))


def constant(clock, n, seed=1):
    return clock.time_at(np.sort(np.random.default_rng(seed).uniform(0, clock.total, n)))
