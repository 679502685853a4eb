"""The periodogram of a light curve as it is shown, with its highest peaks and what else could make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hstlc.missions.registry import missions
from hstlc.stats.artifacts import artifact_note
from hstlc.stats.periodogram import Spectrum, spectrum
from hstlc.times import SECONDS_PER_DAY
from hstlc.web.rebin.engine import Seen
from hstlc.web.rebin.subject import Selection, Subject

__all__ = ["no_periodogram", "periodogram"]

_PEAKS = 10
_POINTS = 4000
_METHOD = "generalized Lomb-Scargle periodogram of the rates of unflagged bins, mean of each exposure taken off"


_ABOUT = {"unit": "", "doc": "power, standard normalization: 0 is a constant, 1 a perfect sine", "method": _METHOD}


def no_periodogram(note: str) -> dict[str, Any]:
    """Return the answer where there is none, and why."""
    return {**_ABOUT, "frequency_hz": [], "power": [], "false_alarm_levels": {}, "peaks": [], "note": note}


def periodogram(subject: Subject, selection: Selection, seen: Seen) -> dict[str, Any]:
    """Return the periodogram of a light curve that is not folded as plain values; see the interfaces."""
    curve = seen.curve
    rows = np.flatnonzero(curve.good & np.isfinite(curve["rate"]) & (curve["exposure"] > 0))
    time_s = curve["time"][rows]
    if selection.barycentric:
        days = curve["bjd_tdb"][rows]
        time_s = (days - days[0]) * SECONDS_PER_DAY if len(days) else days
    rates = curve["gross"] / np.where(curve["exposure"] > 0, curve["exposure"], np.nan)
    rate = rates[rows] if selection.keep_background else curve["rate"][rows]
    found = spectrum(time_s, rate, curve["exposure"][rows], curve["dataset"][rows], samples=_POINTS)
    if found is None:
        return no_periodogram("too few unflagged bins, or a constant rate")
    mission = missions().get(subject.mission)
    artifacts = mission.artifacts_s(curve.meta) if mission is not None else {}
    return {
        **_ABOUT,
        "frequency_hz": found.frequency_hz,
        "power": found.power,
        "false_alarm_levels": {f"{chance:g}": power for chance, power in found.levels},
        "peaks": _peaks(found, float(np.ptp(time_s)), artifacts),
        "note": "",
    }


def _peaks(found: Spectrum, span_s: float, artifacts_s: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return the highest peaks, apart from each other by more than a peak is wide."""
    candidates = [(1 / found.peak.period_s, found.peak.power)]
    order = np.argsort(-found.power)
    inside = np.zeros(len(found.power), dtype=bool)
    inside[1:-1] = (found.power[1:-1] >= found.power[:-2]) & (found.power[1:-1] >= found.power[2:])
    candidates += [(float(found.frequency_hz[row]), float(found.power[row])) for row in order if inside[row]]
    chosen: list[dict[str, Any]] = []
    for frequency, power in candidates:
        if len(chosen) == _PEAKS:
            break
        if all(abs(frequency - other["frequency_hz"]) > 2 / span_s for other in chosen):
            chosen.append(
                {
                    "period_s": 1 / frequency,
                    "frequency_hz": frequency,
                    "power": power,
                    "false_alarm_probability": found.chance.probability(power),
                    "note": artifact_note(1 / frequency, span_s, artifacts_s),
                }
            )
    return chosen
