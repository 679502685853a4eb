"""Periods that an observatory makes without the source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

__all__ = ["artifact_note"]

_HARMONICS = (1, 2, 3)
_PATTERN = "dither"  # begins the names of periods of the axes of a pattern that the pointing follows
_DRIFT = 0.01  # of a frequency: orbits decay, and days of passages are not days of the clock


def artifact_note(period_s: float, span_s: float, artifacts_s: Mapping[str, float]) -> str:
    """Return what makes a period without the source, '' when nothing known does.

    A peak belongs to an artifact when its frequency is that of the artifact, or twice or three times it, within the
    resolution of the light curve, 1 / ``span_s``, or within one percent, as the periods of an observatory change over
    the years. Of several artifacts the nearest in frequency is named.

    A pointing that moves along two axes with a period each makes their sum and their difference as well. Names that
    begin with ``dither`` and differ in their last word alone are the axes of one such pattern.

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
    >>> artifact_note(2414.0, 400_000.0, {"dither y": 1000.0, "dither z": 707.1})
    'dither z - dither y'
    >>> artifact_note(4000.0, 400_000.0, {"orbit": 5760.0})
    ''
    """
    near = []
    for place, (name, frequency_hz) in enumerate(_frequencies(artifacts_s)):
        apart_hz = abs(1 / period_s - frequency_hz)
        if apart_hz <= max(1 / span_s, _DRIFT * frequency_hz):
            near.append((apart_hz, place, name))
    return min(near)[2] if near else ""


def _frequencies(artifacts_s: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """Yield names and frequencies: the harmonics of each artifact, sums and differences of the axes of a pattern."""
    for name, artifact_s in artifacts_s.items():
        for harmonic in _HARMONICS:
            yield name if harmonic == 1 else f"{name}, harmonic {harmonic}", harmonic / artifact_s
    moving = {name: 1 / artifact_s for name, artifact_s in artifacts_s.items() if name.startswith(_PATTERN)}
    for one, other in combinations(sorted(moving, key=lambda name: -moving[name]), 2):
        if one.rpartition(" ")[0] == other.rpartition(" ")[0]:
            yield f"{one} + {other}", moving[one] + moving[other]
            if moving[one] > moving[other]:
                yield f"{one} - {other}", moving[one] - moving[other]
