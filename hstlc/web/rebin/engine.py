"""A light curve as it is asked for: its bins, its band, its stretch of time, folded or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hstlc.errors import UsageError
from hstlc.lightcurves.barycenter import bjd_tdb, target_position
from hstlc.lightcurves.composite import stack
from hstlc.lightcurves.grouping import between, by_blocks, by_counts, fold
from hstlc.lightcurves.rebin import merge, rebin
from hstlc.model import LightCurve
from hstlc.times import MJD_ZERO_JD, SECONDS_PER_DAY
from hstlc.web.rebin.held import Held
from hstlc.web.rebin.parts import from_events, made_of_events, stored_curve
from hstlc.web.rebin.subject import Part, Selection, Subject

__all__ = ["FINEST_BINS", "Seen", "barycentric_edges", "see", "span_s"]

FloatArray = NDArray[np.float64]

#: Bins of unequal width and phases are put together from so many fine ones at most.
FINEST_BINS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A light curve as it was asked for.

    Attributes
    ----------
    curve : LightCurve
    stored : LightCurve
        As it is stored.
    folded : bool
        Its bins are of phase.
    of_events : bool
        Made of events; else of the stored bins.
    finest_s : float, seconds
        Narrower bins cannot be made; 0: any.
    epoch_mjd : float or None
        Of phase 0.
    zero_s : float or None, seconds
        The same after the reference, where phases are counted in seconds: of one exposure, not at the barycenter.
    events : int or None
        That were read.
    """

    curve: LightCurve
    stored: LightCurve
    folded: bool
    of_events: bool
    finest_s: float
    epoch_mjd: float | None
    zero_s: float | None
    events: int | None


def span_s(curve: LightCurve) -> float:
    """Return the time that all bins take, seconds, without gaps between datasets."""
    return float(np.sum(curve["bins"]))


def see(subject: Subject, selection: Selection, held: Held, check: Callable[[], None] = lambda: None) -> Seen:
    """Return a light curve as it is asked for.

    Parameters
    ----------
    subject : Subject
    selection : Selection
    held : Held
        What a worker keeps between requests.
    check : callable
        Called between steps; raises to end the work.

    Raises
    ------
    UsageError
        ``usage.bin-width``, ``usage.band``, ``usage.time-range``, ``usage.fold``, ``usage.barycenter``.
    NotFoundError
        A file is gone.
    """
    stored = stored_curve(subject, held)
    of_events = made_of_events(subject)
    finest_s = _finest_s(subject, stored, held, check) if of_events else float(np.min(stored["bins"], initial=np.inf))
    if selection.other_band and not of_events:
        raise UsageError("usage.band", "the events of this light curve are not here", "leave the band out")
    _check_width(subject, selection, stored, finest_s)
    grouped = any(value is not None for value in (selection.counts, selection.blocks, selection.fold_s))
    as_it_is = selection.bin_s is None and not grouped and not selection.other_band
    if as_it_is:
        curve = stored
    elif of_events:
        width_s = _fine_s(selection, stored, finest_s) if grouped else selection.bin_s
        curve = _made(subject, selection, width_s, held, check)
    else:
        curve = stored if grouped else _merged(stored, selection.bin_s or 0.0)
    check()
    if selection.other_band and not np.any(curve["gross"]) and np.any(stored["gross"]):
        raise UsageError("usage.band", "no event was seen in this band", "give a wider band, or another one")
    if selection.start_s is not None or selection.stop_s is not None:
        curve = between(curve, _or(selection.start_s, -np.inf), _or(selection.stop_s, np.inf))
        if not len(curve):
            raise UsageError("usage.time-range", "there is no bin between start and stop", "give a longer stretch")
    position = target_position(curve.meta)
    if selection.barycentric and (position is None or not np.isfinite(curve["bjd_tdb"]).any()):
        raise UsageError("usage.barycenter", "the position of the target is not known, or it moves", "take time=utc")
    check()
    epoch: float | None = None
    zero_s: float | None = None
    if selection.counts is not None:
        curve = merge(curve, by_counts(curve, selection.counts))
    elif selection.blocks is not None:
        curve = merge(curve, by_blocks(curve, selection.blocks))
    if selection.fold_s is not None:
        curve, epoch, zero_s = _folded(curve, selection, selection.fold_s)
    if len(curve) > subject.most_bins:
        raise _too_many(len(curve), subject.most_bins)
    read = _number(curve.meta.get("NEVENTS")) if of_events and not as_it_is else None
    return Seen(curve, stored, selection.fold_s is not None, of_events, finest_s, epoch, zero_s, read)


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, (int, float)) else None


def _too_many(bins: float, most: int) -> UsageError:
    return UsageError(
        "usage.bin-width", f"these would be {bins:.0f} bins, more than {most}", "give wider bins, or a shorter stretch"
    )


def _check_width(subject: Subject, selection: Selection, stored: LightCurve, finest_s: float) -> None:
    width_s = selection.bin_s
    if width_s is None:
        return
    if width_s < finest_s * (1 - 1e-6):
        raise UsageError(
            "usage.bin-width",
            f"a bin of {width_s:g} s is shorter than {finest_s:.6g} s, the finest that can be made",
            f"give a width of at least {finest_s:.6g} s",
        )
    bins = span_s(stored) / width_s
    if bins > subject.most_bins:
        raise _too_many(bins, subject.most_bins)


def _finest_s(subject: Subject, stored: LightCurve, held: Held, check: Callable[[], None]) -> float:
    """Return the narrowest bin that the detectors allow: asking for one that is too narrow tells."""

    def finest(part: Part) -> float:
        alone = replace(subject, kind="individual", parts=(part,))
        try:
            from_events(alone, Selection(), span_s(stored) * 1e-12, held, check)
        except UsageError as error:
            known = (error.context.get(name) for name in ("finest_s", "tick_s", "frame_s"))
            return max((float(value) for value in known if isinstance(value, (int, float))), default=0.0)
        except MemoryError:  # a recipe of earlier software, which has no limit
            return 0.0
        return 0.0

    def ask() -> tuple[float]:
        return (max(map(finest, subject.parts)),)

    found: tuple[float] = held.get(f"finest {subject.product_id} {[part.key for part in subject.parts]}", ask)
    return found[0]


def _fine_s(selection: Selection, stored: LightCurve, finest_s: float) -> float:
    """Return the width of the fine bins that others are put together from."""
    fine_s = max(span_s(stored) / FINEST_BINS, finest_s)
    if selection.fold_s is not None and selection.fold_s < selection.phase_bins * fine_s * (1 - 1e-6):
        raise UsageError(
            "usage.fold",
            f"{selection.phase_bins} phase bins of {selection.fold_s:g} s are narrower than {fine_s:.4g} s, the finest"
            " that times are put together from here",
            f"give a period of at least {selection.phase_bins * fine_s:.4g} s, or fewer phase bins",
        )
    return fine_s


def _made(
    subject: Subject, selection: Selection, width_s: float | None, held: Held, check: Callable[[], None]
) -> LightCurve:
    """Return the light curve in bins of one width, kept for what else is made of it."""

    def make() -> LightCurve:
        curves = from_events(subject, selection, width_s, held, check)
        return stack(curves) if subject.kind == "composite" else curves[0]

    band = selection.energy_kev, selection.wavelength_aa, selection.band
    parts = [part.key for part in subject.parts]
    made: LightCurve = held.get(f"made {subject.product_id} {parts} {band} {width_s!r}", make)
    return made


def _merged(stored: LightCurve, width_s: float) -> LightCurve:
    """Return stored bins put together to about a width."""
    step_s = float(np.median(stored["bins"])) if len(stored) else 1.0
    return rebin(stored, max(1, round(width_s / step_s)))


def _folded(curve: LightCurve, selection: Selection, period_s: float) -> tuple[LightCurve, float, float | None]:
    """Return a curve folded with a period, the date of phase 0 (MJD of the time that was asked for), its second."""
    days = curve["bjd_tdb"] - MJD_ZERO_JD if selection.barycentric else curve["mjd"]
    first = float(days[0]) - float(curve["bins"][0]) / 2 / SECONDS_PER_DAY
    epoch = first if selection.epoch_mjd is None else selection.epoch_mjd
    if selection.barycentric or len(np.unique(curve["dataset"])) > 1:
        phase = (days - epoch) * SECONDS_PER_DAY / period_s
        return fold(curve, phase, selection.phase_bins), epoch, None
    # seconds of one exposure have more digits than dates
    zero_s = float(curve["times"][0]) - (first - epoch) * SECONDS_PER_DAY
    return fold(curve, (curve["time"] - zero_s) / period_s, selection.phase_bins), epoch, zero_s


def barycentric_edges(curve: LightCurve) -> tuple[float, FloatArray, FloatArray]:
    """Return the reference's BJD in TDB, and the edges of the bins in seconds after it.

    Parameters
    ----------
    curve : LightCurve
        Of a target with a position.
    """
    position = target_position(curve.meta)
    zero, *_ = bjd_tdb(curve.reference, np.zeros(1), position)
    half_s = curve["bins"] / 2
    middle_s = (curve["bjd_tdb"] - zero) * SECONDS_PER_DAY
    return float(zero), middle_s - half_s, middle_s + half_s
