"""Wavelengths that an exposure covers, and those that several have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from hstlc.missions.base import Comparable, ExposureValues
from hstlc.missions.hst.exposure import Spectrum
from hstlc.missions.hst.settings import HstSettings

__all__ = ["Bands", "Seen", "comparable", "limits"]

FloatArray = NDArray[np.float64]
Range = tuple[float, float]

#: Segment or stripe letter to the wavelengths to take from it, Angstrom.
Bands = Mapping[str, Range]

NO_LIMITS = "No wavelength limits"
NO_COMMON = "No common wavelengths"

#: Fewer events do not show where the detector ends.
FEWEST_EVENTS = 100


@dataclass(slots=True)
class Seen:
    """Wavelengths of the events of a segment, block after block.

    Attributes
    ----------
    events : int
        Events with a wavelength.
    shortest_aa, longest_aa : float, Angstrom
    """

    events: int = 0
    shortest_aa: float = np.inf
    longest_aa: float = -np.inf

    def add(self, wavelength_aa: FloatArray, chosen: NDArray[np.bool_]) -> None:
        """Take note of the chosen events; a wavelength of 0 is outside the active area and says nothing."""
        known = chosen & (wavelength_aa > 0)
        self.events += int(np.count_nonzero(known))
        further = known & ((wavelength_aa < self.shortest_aa) | (wavelength_aa > self.longest_aa))
        if further.any():
            beyond = wavelength_aa[further]
            self.shortest_aa = min(self.shortest_aa, float(beyond.min()))
            self.longest_aa = max(self.longest_aa, float(beyond.max()))


def limits(seen: Seen, spectrum: Spectrum | None) -> Range | None:
    """Return the shortest and longest wavelength at which a segment can see.

    Parameters
    ----------
    seen : Seen
        Of the good events of the segment, source and background.
    spectrum : Spectrum or None
        The x1d row, whose calibrated pixels tell where there are too few events.

    Returns
    -------
    (float, float) or None, Angstrom
        None when nothing tells.
    """
    if seen.events >= FEWEST_EVENTS:
        return seen.shortest_aa, seen.longest_aa
    known = spectrum.wavelength_aa[spectrum.net != 0] if spectrum is not None else np.zeros(0)
    return (float(known.min()), float(known.max())) if len(known) else None


def comparable(members: Sequence[ExposureValues], settings: HstSettings) -> Comparable:
    """Return the segments and wavelengths that exposures of one configuration have in common.

    The grating moves between exposures (FP-POS), and a segment may be off: only what all of them see can be compared.
    A segment that a member lacks is left out for all, unless no segment would remain: then the members without the
    segment that most have are excluded. Ranges are intersected a segment; a member whose range hardly meets the
    typical one is excluded, so that one wrong header does not narrow the composite to nothing. A segment of unknown
    limits takes the range of the others. Imaging exposures have no wavelengths and always compare.

    Parameters
    ----------
    members : sequence of ExposureValues
        In order of time; ``extra["wavelength_aa"]`` holds what :func:`limits` found.
    settings : HstSettings

    Returns
    -------
    Comparable
        Its selection is of type :data:`Bands`, or None for imaging.
    """
    if all(member.obstype.upper() == "IMAGING" for member in members):
        return Comparable()
    wanted = settings.fuv_wavelength_aa if members[0].detector.upper().startswith("FUV") else settings.nuv_wavelength_aa
    ranges = {i: found for i, member in enumerate(members) if (found := _ranges(member, wanted))}
    excluded = {i: NO_LIMITS for i in range(len(members)) if i not in ranges}
    while ranges:
        letters = set.intersection(*(set(found) for found in ranges.values()))
        if not letters:
            common = _most_common(ranges)
            excluded |= {i: NO_COMMON for i, found in ranges.items() if common not in found}
            ranges = {i: found for i, found in ranges.items() if common in found}
            continue
        known = {letter: _known(ranges, letter) for letter in sorted(letters)}
        bands = {letter: _intersection([wanted, *found.values()]) for letter, found in known.items()}
        poor = [letter for letter, (low, high) in bands.items() if high - low < 0.5 * _typical(known[letter])]
        if not poor or len(known[poor[0]]) == 1:
            return Comparable(bands, excluded)
        worst = _worst(known[poor[0]])
        excluded[worst] = NO_COMMON
        del ranges[worst]
    return Comparable({}, excluded)


def _ranges(member: ExposureValues, wanted: Range) -> dict[str, Range | None]:
    """Return what a member covers of the wanted wavelengths, by segment; None where its limits are not known."""
    stored = member.extra.get("wavelength_aa")
    found: dict[str, Range | None] = {}
    for letter, pair in (stored if isinstance(stored, Mapping) else {}).items():
        both = _intersection([tuple(pair), wanted]) if pair else None
        if both is None or both[0] < both[1]:
            found[letter] = both
    return found


def _known(ranges: Mapping[int, Mapping[str, Range | None]], letter: str) -> dict[int, Range]:
    """Return the members whose limits of a segment are known."""
    return {i: pair for i, found in ranges.items() if (pair := found[letter]) is not None}


def _most_common(ranges: Mapping[int, Mapping[str, Range | None]]) -> str:
    count = Counter(letter for found in ranges.values() for letter in found)
    return min(count, key=lambda letter: (-count[letter], letter))


def _intersection(several: Sequence[Range]) -> Range:
    return max(low for low, _ in several), min(high for _, high in several)


def _typical(known: Mapping[int, Range]) -> float:
    """Return the width of a typical range, 0 where none is known."""
    return median([high - low for low, high in known.values()] or [0.0])


def _worst(known: Mapping[int, Range]) -> int:
    """Return the member that shares least with the typical range; of several the latest."""
    low, high = (median(pair[side] for pair in known.values()) for side in (0, 1))

    def shared(i: int) -> float:
        both = _intersection([known[i], (low, high)])
        return float(np.round(both[1] - both[0], 6))

    return min(known, key=lambda i: (shared(i), -i))
