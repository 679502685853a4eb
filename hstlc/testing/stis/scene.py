"""What a synthetic exposure shows (:class:`Scene`) and how it was taken (:class:`StisExposure`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan, nan

import numpy as np

from hstlc.errors import UsageError
from hstlc.testing.cos.scene import Shape, place_of
from hstlc.testing.stis.detector import Mode, mode_of

__all__ = ["TICKS_PER_SECOND", "TICK_S", "Imset", "Scene", "StisExposure"]

TICKS_PER_SECOND = 8000
TICK_S = 1 / TICKS_PER_SECOND  # the detector clock: 125 microseconds


@dataclass(frozen=True, slots=True)
class Scene:
    """What is injected.

    Attributes
    ----------
    rate_ct_s : float, counts per second
        Source light of all orders together, as a perfectly flat detector would count it; all of it inside the source
        boxes, in calibrated pixels and outside the airglow windows.
    background_ct_s : float, counts per second
        Dark events in an area as large as all source boxes, as long as the calibrated range; of an image in all of it.
        They are uniform over the detector.
    shape : callable or None
        Relative source rate against seconds after the start of the first exposure; None is constant.
    hot_ct_s : float, counts per second
        Events on the bad pixels, which must never count; needs ``StisExposure.bad_pixels``.
    gap_ct_s : float, counts per second
        Events in the source boxes during the gaps between good times, which must never count.
    """

    rate_ct_s: float = 40.0
    background_ct_s: float = 2.0
    shape: Shape | None = None
    hot_ct_s: float = 0.0
    gap_ct_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Imset:
    """One of the repeated exposures of a file; ticks are counted from the start of the first."""

    number: int
    start: int
    ticks: tuple[tuple[int, int], ...]

    @property
    def live_s(self) -> float:
        """Sum of the good times, seconds."""
        return sum(stop - start for start, stop in self.ticks) * TICK_S

    @property
    def stop_s(self) -> float:
        """End of the last good time, seconds after the start of the first exposure."""
        return self.ticks[-1][1] * TICK_S

    @property
    def start_s(self) -> float:
        """Start of this exposure, seconds after that of the first."""
        return self.start * TICK_S


@dataclass(frozen=True, slots=True)
class StisExposure:
    """How an exposure was taken; the default is 300 s with G140L.

    Attributes
    ----------
    exptime_s : float, seconds
        Rounded to clock ticks of 125 microseconds; not used when ``gti`` is given.
    gti : tuple of (start, stop), or None
        Good times in seconds after EXPSTART of each imset, rounded to ticks; None is one interval from 0.
    imsets : int
        Repeated exposures in one file.
    pause_s : float, seconds
        From the last good time of an imset to the start of the next.
    doppmag : float, high-resolution pixels
        Amplitude of the on-board Doppler correction, a sine of the orbit.
    flat : float
        Amplitude of the pixel-to-pixel flat field (with a large-scale tilt of the same size); 0 is a flat detector.
    bad_pixels : bool
        Blemishes in the source box of the first order.
    steps_back : int
        Events that are one tick earlier than the one before.
    overrides : mapping of str to object
        Header values that replace the usual ones wherever the key occurs (EVENTS where it occurs nowhere);
        None takes the key away.

    Raises
    ------
    UsageError
        A mode that cannot be simulated, or good times that are not in order
        (``testing.unknown-mode``, ``testing.bad-gti``).
    """

    rootname: str = "osim00010"
    targname: str = "SIM-STIS"
    opt_elem: str = "G140L"
    cenwave: int = 1425
    exptime_s: float = 300.0
    expstart_mjd: float = 58300.25
    gti: tuple[tuple[float, float], ...] | None = None
    imsets: int = 1
    pause_s: float = 30.0
    doppmag: float = 0.0
    flat: float = 0.0
    bad_pixels: bool = False
    steps_back: int = 0
    cal_ver: str = "3.4.2 (19-Jan-2018)"
    proctime_mjd: float = 58301.5
    expflag: str = "NORMAL"
    proposid: int = 99999
    fgslock: str = "FINE"
    ra_deg: float = nan
    dec_deg: float = nan
    seed: int = 0
    overrides: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        mode_of(self.opt_elem, self.cenwave)
        edges = np.asarray(self._ticks).ravel()
        if edges.size == 0 or edges[0] < 0 or (np.diff(edges) <= 0).any() or self.imsets < 1:
            raise UsageError(
                "testing.bad-gti",
                f"{self.imsets} imsets of good times {self.gti or self.exptime_s}: expected intervals of at least a"
                " tick, apart and in order",
                "times are rounded to 125 microseconds",
            )

    @property
    def mode(self) -> Mode:
        """Detector, orders and boxes."""
        return mode_of(self.opt_elem, self.cenwave)

    @property
    def place(self) -> tuple[float, float]:
        """Right ascension and declination, degrees."""
        ra_deg, dec_deg = place_of(self.targname)
        return ra_deg if isnan(self.ra_deg) else self.ra_deg, dec_deg if isnan(self.dec_deg) else self.dec_deg

    @property
    def imaging(self) -> bool:
        """True for an exposure without a dispersing element."""
        return self.mode.imaging

    @property
    def sets(self) -> tuple[Imset, ...]:
        """The repeated exposures, in order of time."""
        length = self._ticks[-1][1] + round(self.pause_s * TICKS_PER_SECOND)
        starts = [number * length for number in range(self.imsets)]
        return tuple(
            Imset(number, start, tuple((a + start, b + start) for a, b in self._ticks))
            for number, start in enumerate(starts, 1)
        )

    @property
    def live_s(self) -> float:
        """Sum of all good times, seconds."""
        return sum(one.live_s for one in self.sets)

    @property
    def _ticks(self) -> tuple[tuple[int, int], ...]:
        given = ((0.0, self.exptime_s),) if self.gti is None else self.gti
        return tuple((round(a * TICKS_PER_SECOND), round(b * TICKS_PER_SECOND)) for a, b in given)
