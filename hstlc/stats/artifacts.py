"""Periods that an observatory makes without the source."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["artifact_note"]

_HARMONICS = (1, 2, 3)
_DRIFT = 0.01  # of a frequency: orbits decay, and days of passages are not days of the clock


def artifact_note(period_s: float, span_s: float, artifacts_s: Mapping[str, float]) -> str:
    """Return what makes a period without the source, '' when nothing known does.

    A peak belongs to an artifact when its frequency is that of the artifact, or twice or three times it, within the
    resolution of the light curve, 1 / ``span_s``, or within one percent, as the periods of an observatory change over
    the years. Of several artifacts the nearest in frequency is named.

    Parameters
    ----------
    period_s : float, seconds
        Of the peak.
    span_s : float, seconds
        From the first bin to the last.
    artifacts_s : mapping of str to float, seconds
        Names and periods.

    Examples
    --------
    >>> artifact_note(2881.0, 400_000.0, {"orbit": 5760.0})
    'orbit, harmonic 2'
    >>> artifact_note(4000.0, 400_000.0, {"orbit": 5760.0})
    ''
    """
    near = []
    for place, (name, artifact_s) in enumerate(artifacts_s.items()):
        for harmonic in _HARMONICS:
            frequency_hz = harmonic / artifact_s
            apart_hz = abs(1 / period_s - frequency_hz)
            if apart_hz <= max(1 / span_s, _DRIFT * frequency_hz):
                near.append((apart_hz, place, name if harmonic == 1 else f"{name}, harmonic {harmonic}"))
    return min(near)[2] if near else ""
