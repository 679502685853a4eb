"""What a synthetic exposure shows (:class:`Scene`) and how it was taken (:class:`CosExposure`)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import asin, degrees, isnan, nan

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UsageError
from hstlc.testing.cos.detector import segments_of

__all__ = ["CosExposure", "Scene", "Shape", "constant", "flare", "later", "place_of", "sinusoid", "transit", "trend"]

FloatArray = NDArray[np.float64]
Shape = Callable[[FloatArray], FloatArray]

TICKS_PER_SECOND = 1000 / 32  # the detector clock: 32 ms


def constant() -> Shape:
    """Return a relative rate that is 1 at all times."""
    return np.ones_like


def sinusoid(period_s: float, amplitude: float) -> Shape:
    """Return ``1 + amplitude sin(2 pi t / period_s)``; ``amplitude`` 0 to 1."""
    return lambda t: 1.0 + amplitude * np.sin(2.0 * np.pi * t / period_s)


def later(shape: Shape, elapsed_s: float) -> Shape:
    """Return ``shape`` as an exposure sees it that begins ``elapsed_s`` after the one it was made for."""
    return lambda t: shape(t + elapsed_s)


def flare(start_s: float, *, rise_s: float = 10.0, decay_s: float = 60.0, amplitude: float = 3.0) -> Shape:
    """Return 1 with a linear rise by ``amplitude`` from ``start_s`` and an exponential decay after it.

    The flare adds ``amplitude * (rise_s / 2 + decay_s)`` seconds' worth of the quiet rate, once it is over.
    """

    def shape(t: FloatArray) -> FloatArray:
        since_peak = t - start_s - rise_s
        rise = np.clip(1.0 + since_peak / rise_s, 0.0, 1.0)
        return np.asarray(1.0 + amplitude * rise * np.exp(-np.maximum(since_peak, 0.0) / decay_s))

    return shape


def transit(center_s: float, *, length_s: float = 400.0, depth: float = 0.2) -> Shape:
    """Return 1 with a flat-bottomed dip of ``depth`` during ``length_s`` about ``center_s``."""
    return lambda t: np.where(np.abs(t - center_s) < length_s / 2, 1.0 - depth, 1.0)


def trend(slope_per_s: float, center_s: float) -> Shape:
    """Return ``1 + slope_per_s (t - center_s)``, not below zero."""
    return lambda t: np.maximum(1.0 + slope_per_s * (t - center_s), 0.0)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is injected. All rates are of detected events, before the weight epsilon.

    Attributes
    ----------
    rate_ct_s : float, counts per second
        Source events of each segment or stripe, all of them inside its source box and outside the airglow windows.
    background_ct_s : float, counts per second
        Events in an area as large as the source box and as long as the active range; uniform over all rows.
    shape : callable or None
        Relative source rate against seconds after EXPSTART, mean about 1; None is constant.
    airglow_ct_s : float, counts per second
        Events of Lyman alpha and the O I triplet in the source box of each segment that can see one of them.
    junk_ct_s : float, counts per second
        Events in the source box of each segment whose data-quality bits say that they must never count.
    """

    rate_ct_s: float = 20.0
    background_ct_s: float = 2.0
    shape: Shape | None = None
    airglow_ct_s: float = 0.0
    junk_ct_s: float = 0.0


def place_of(targname: str) -> tuple[float, float]:
    """Return right ascension and declination of a target in degrees: its own, by its name alone.

    Examples
    --------
    >>> place_of("SIM-STAR") == place_of("SIM-STAR"), place_of("SIM-STAR") == place_of("SIM-OTHER")
    (True, False)
    """
    digits = hashlib.sha256(targname.encode()).digest()
    ra, sine = (int.from_bytes(part, "big") / 2**32 for part in (digits[:4], digits[4:8]))
    return round(360.0 * ra, 6), round(degrees(asin(2.0 * sine - 1.0)), 6)


@dataclass(frozen=True, slots=True)
class CosExposure:
    """How an exposure was taken; the default is 600 s of COS FUV segment A with G130M/1291.

    Attributes
    ----------
    exptime_s : float, seconds
        Rounded to clock ticks of 32 ms; not used when ``gti`` is given.
    gti : tuple of (start, stop), or None
        Good times in seconds after EXPSTART, rounded to ticks; None is one interval from 0.032 s.
    segments : tuple of str
        Letters with a file (FUV) or with light (NUV); not used for imaging.
    ra_deg, dec_deg : float, degrees
        Position; NaN for that of :func:`place_of`.
    epsilon : (float, float)
        Limits of the uniformly distributed event weight; its mean is the ratio of weighted to plain counts.
    overrides : mapping of str to object
        Header values that replace the usual ones wherever the key occurs (EVENTS where it occurs nowhere);
        None takes the key away.

    Raises
    ------
    UsageError
        A mode or segment that COS has not, or good times that are not in order
        (``testing.unknown-mode``, ``testing.unknown-segment``, ``testing.bad-gti``).
    """

    rootname: str = "lsim00aaq"
    targname: str = "SIM-CONSTANT"
    detector: str = "FUV"
    opt_elem: str = "G130M"
    cenwave: int = 1291
    aperture: str = "PSA"
    segments: tuple[str, ...] = ("A",)
    obstype: str = "SPECTROSCOPIC"
    exptime_s: float = 600.0
    expstart_mjd: float = 58300.25
    gti: tuple[tuple[float, float], ...] | None = None
    cal_ver: str = "3.2.1 (2017-04-28)"
    proctime_mjd: float = 58301.5
    expflag: str = "NORMAL"
    proposid: int = 99999
    shutter: str = "Open"
    fgslock: str = "FINE"
    ra_deg: float = nan
    dec_deg: float = nan
    seed: int = 0
    epsilon: tuple[float, float] = (0.95, 1.10)
    overrides: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {segment.letter for segment in segments_of(self.detector, self.obstype, self.opt_elem, self.cenwave)}
        if not self.imaging and not (self.segments and known.issuperset(self.segments)):
            raise UsageError(
                "testing.unknown-segment",
                f"segments {self.segments} of {self.detector} {self.opt_elem}/{self.cenwave}: expected some of "
                f"{sorted(known)}",
                "give the letters, such as ('A', 'B')",
            )
        edges = np.asarray(self.tick_intervals).ravel()
        if edges.size == 0 or edges[0] < 0 or (np.diff(edges) <= 0).any():
            raise UsageError(
                "testing.bad-gti",
                f"good times {self.gti or self.exptime_s}: expected intervals of at least a tick, apart and in order",
                "times are rounded to 0.032 s",
            )

    @property
    def imaging(self) -> bool:
        """True for an exposure without a dispersing element."""
        return self.obstype == "IMAGING"

    @property
    def place(self) -> tuple[float, float]:
        """Right ascension and declination of the target, degrees."""
        ra_deg, dec_deg = place_of(self.targname)
        return ra_deg if isnan(self.ra_deg) else self.ra_deg, dec_deg if isnan(self.dec_deg) else self.dec_deg

    @property
    def tick_intervals(self) -> tuple[tuple[int, int], ...]:
        """Good times as tick numbers: ``(a, b)`` holds the events of ticks ``a + 1`` to ``b``."""
        if self.gti is None:
            return ((1, 1 + round(self.exptime_s * TICKS_PER_SECOND)),)
        return tuple((round(start * TICKS_PER_SECOND), round(stop * TICKS_PER_SECOND)) for start, stop in self.gti)

    @property
    def live_s(self) -> float:
        """Sum of the good times, seconds."""
        return sum(stop - start for start, stop in self.tick_intervals) * 32 / 1000
