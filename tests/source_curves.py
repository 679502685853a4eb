"""Light curves of made-up sources, with arrivals, bands and pictures, for tests of plots and reports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.events.live_clock import LiveClock
from hstlc.lightcurves.aperture import aperture_curve, arrivals_of
from hstlc.model import Intervals, LightCurve, Stamp
from hstlc.times import TimeReference

BANDS = {"broad": (0.5, 7.0), "ultrasoft": (0.2, 0.5), "soft": (0.5, 1.2), "medium": (1.2, 2.0), "hard": (2.0, 7.0)}
REFERENCE = TimeReference(54621.25, "TT")
SPAN_S, BIN_S = 19_000.0, 500.0


def source_curves(
    rate: float = 0.05, *, name: str = "SIM J0102+0304", instrument: str = "CAMERA", seed: int = 1, flare: bool = True
) -> dict[str, LightCurve]:
    """Return the curves of a source by band: a flare of five times the rate, a gap, and a background flare."""
    rng = np.random.default_rng(seed)
    gti = Intervals.of([0.0, 8000.0], [7000.0, SPAN_S])
    clock = LiveClock.of([(gti, 1.0)], 0.98)
    time_s = np.sort(rng.uniform(0, SPAN_S, rng.poisson(rate * SPAN_S)))
    if flare:
        time_s = np.sort(np.append(time_s, rng.uniform(12_000, 13_500, rng.poisson(4 * rate * 1500))))
    time_s = time_s[gti.contains(time_s)]
    energy = rng.choice(np.exp(rng.normal(0.3, 0.7, 1000)), len(time_s)).clip(0.2, 6.9)
    beside_s = np.sort(rng.uniform(0, SPAN_S, rng.poisson(0.02 * SPAN_S)))
    beside_s = beside_s[gti.contains(beside_s)]
    beside_energy = rng.uniform(0.2, 6.9, len(beside_s))
    edges = np.arange(0.0, SPAN_S + 1, BIN_S)
    curves = {}
    for band, (low, high) in BANDS.items():
        chosen = (energy >= low) & (energy < high)
        beside = (beside_energy >= low) & (beside_energy < high)
        meta: dict[str, Any] = {
            "TARGNAME": "SIM FIELD", "SRCNAME": name, "INSTRUME": instrument, "DETECTOR": "S", "ROOTNAME": "sim00001",
            "BAND": band, "EMIN": low, "EMAX": high, "RA_TARG": 15.5, "DEC_TARG": 3.0667, "SIMULATD": True,
        }  # fmt: skip
        curves[band] = aperture_curve(
            edges,
            source_time_s=time_s[chosen],
            background_time_s=beside_s[beside],
            scale=0.1,
            clock=clock,
            reference=REFERENCE,
            gti=gti,
            dead_time_factor=0.98,
            flares=Intervals.of([3000.0], [3600.0]),
            meta=meta,
            provenance=({"filename": "sim00001_evt.fits", "kind": "evt", "sha256": "0" * 64, "cal_ver": "1"},),
            arrivals=arrivals_of(time_s[chosen], energy[chosen], clock),
        )
    return curves | {"broad": replace(curves["broad"], stamps=stamps(rng))}


def stamps(rng: np.random.Generator) -> tuple[Stamp, ...]:
    """Return pictures of a source with a bright pixel in the upper left corner."""
    angle = np.linspace(0, 2 * np.pi, 60)
    counts: NDArray[np.int32] = np.histogram2d(
        rng.normal(4096, 1.5, 600), rng.normal(4100, 1.5, 600), bins=(36, 48), range=((4087, 4105), (4088, 4112))
    )[0].astype(np.int32)
    counts[-1, 0] = 40
    sky = Stamp("SKY", counts, 4088.0, 4087.0, 0.5, 0.492, 4100 + 4 * np.cos(angle), 4096 + 3 * np.sin(angle))
    nothing = np.zeros(0)
    detector = Stamp("DETECTOR", counts[:20, 10:40], 210.0, 300.0, 0.5, 0.492, nothing, nothing)
    return sky, detector
