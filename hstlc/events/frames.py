"""Bins of whole readout frames.

A detector that is read out in frames gives all events of a frame one time. Bins that are no multiple of the frame hold
now one frame more, now one less, which beats with the source; and an edge at the time of a frame is decided by its last
digit. Bins are therefore whole numbers of frames, with edges half-way between two. Frames are counted from one to the
next, because the clock of the spacecraft drifts against the nominal length of a frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hstlc.errors import UsageError
from hstlc.events.binning import MAX_BINS

__all__ = ["Frames", "frames_in_bin"]

FloatArray = NDArray[np.float64]

_SLACK = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """When the frames of a detector were read out.

    Attributes
    ----------
    number : ndarray of int64, shape (n,)
        Number of each frame that is known, increasing.
    time_s : ndarray of float64, shape (n,), seconds
        Its time, the middle of the frame.
    frame_s : float, seconds
        From one frame to the next.
    """

    number: NDArray[np.int64]
    time_s: FloatArray
    frame_s: float

    @classmethod
    def of(cls, time_s: ArrayLike, frame_s: float, start_s: float = 0.0) -> Frames:
        """Give frames their numbers by the times of their events.

        From one time to the next are so many frames as fit best, so that a drift adds up without harm: it would have to
        reach half a frame within a gap.

        Parameters
        ----------
        time_s : array_like, shape (n,), seconds
            Times of events, in any order and as often as they come.
        frame_s : float, seconds
            From one frame to the next, such as the keyword TIMEDEL.
        start_s : float, seconds
            Where a frame begins, if there is no event.

        Raises
        ------
        ValueError
            The length of a frame is not positive.

        Examples
        --------
        >>> Frames.of([1.0, 3.001, 9.003, 3.001], 2.0).number
        array([0, 1, 4])
        """
        if not 0 < frame_s < np.inf:
            raise ValueError(f"a frame of {frame_s} s is not possible")
        times = np.unique(np.asarray(time_s, dtype=np.float64))
        times = times[np.isfinite(times)]
        if not len(times):
            times = np.array([start_s + frame_s / 2])
        step = np.concatenate(([1], np.rint(np.diff(times) / frame_s).astype(np.int64)))
        first = step > 0  # what is less than half a frame later is the same frame
        return cls(np.cumsum(step)[first] - 1, times[first], float(frame_s))

    def time_at(self, number: ArrayLike) -> FloatArray:
        """Return the time of frames, interpolated where it is not known; ``k - 0.5`` is where frame ``k`` begins."""
        at = np.asarray(number, dtype=np.float64)
        beyond = (np.minimum(at - self.number[0], 0) + np.maximum(at - self.number[-1], 0)) * self.frame_s
        return np.asarray(np.interp(at, self.number, self.time_s) + beyond)

    def number_at(self, time_s: ArrayLike) -> FloatArray:
        """Return which frame is at an instant, with fractions: the inverse of :meth:`time_at`."""
        at = np.asarray(time_s, dtype=np.float64)
        beyond = (np.minimum(at - self.time_s[0], 0) + np.maximum(at - self.time_s[-1], 0)) / self.frame_s
        return np.asarray(np.interp(at, self.time_s, self.number) + beyond)

    def edges(self, start_s: float, stop_s: float, width_s: float) -> FloatArray:
        """Return edges of bins of whole frames.

        Parameters
        ----------
        start_s, stop_s : float, seconds
            First and last good time. The first bin begins with the frame that ``start_s`` falls into.
        width_s : float, seconds
            Width that is wanted: the nearest multiple of a frame is made.

        Returns
        -------
        ndarray of float64, shape (n + 1,), seconds
            Half-way between frames; at least one bin, the last reaches ``stop_s``.

        Raises
        ------
        UsageError
            ``usage.bin-width``: as :func:`frames_in_bin`, or there would be too many bins.

        Examples
        --------
        >>> Frames.of([1.0, 3.0, 9.0], 2.0).edges(0.5, 9.0, 4.2)
        array([ 0.,  4.,  8., 12.])
        """
        frames = frames_in_bin(width_s, self.frame_s)
        first = np.floor(self.number_at(start_s) + 0.5 + _SLACK) - 0.5
        bins = max(1.0, float(np.ceil((self.number_at(stop_s) - first) / frames - _SLACK)))
        if bins > MAX_BINS:
            raise UsageError(
                "usage.bin-width",
                f"{stop_s - start_s:.0f} s in bins of {width_s} s would be {bins:.0f} bins, more than {MAX_BINS}",
                "give a larger bin width",
            )
        return self.time_at(first + frames * np.arange(bins + 1))


def frames_in_bin(width_s: float, frame_s: float) -> int:
    """Return how many whole frames a bin of a width gets: the nearest number.

    Raises
    ------
    UsageError
        ``usage.bin-width``: not positive and finite, or shorter than a frame.

    Examples
    --------
    >>> frames_in_bin(500.0, 3.24104)
    154
    """
    if not 0 < width_s < np.inf:
        raise UsageError("usage.bin-width", f"a bin of {width_s} s cannot be made", "give a positive, finite width")
    if width_s < frame_s * (1 - _SLACK):
        raise UsageError(
            "usage.bin-width",
            f"a bin of {width_s} s is shorter than a readout frame of {frame_s} s",
            f"give a width of at least {frame_s} s",
            width_s=width_s,
            frame_s=frame_s,
        )
    return round(width_s / frame_s)
