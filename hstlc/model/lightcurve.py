"""A light curve: one row a time bin, every bin kept, with the part of it that was live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntFlag
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hstlc.model.attachments import Arrivals, Stamp
from hstlc.model.intervals import Intervals
from hstlc.times import TimeReference
from hstlc.units import Column

if TYPE_CHECKING:
    from astropy.table import QTable

__all__ = ["COLUMNS", "FURTHER_COLUMNS", "LightCurve", "Quality"]

FloatArray = NDArray[np.float64]

FLUX_UNIT = "erg s-1 cm-2 Angstrom-1"

# The first twelve are the columns documented for the original products, in their order.
COLUMNS: tuple[Column, ...] = (
    Column("dataset", "i4", "", "meta.number", "number of the exposure in this product, from 1"),
    Column("times", "f8", "s", "time.start", "left edge of the bin, after MJDREF"),
    Column("mjd", "f8", "d", "time.epoch", "middle of the bin, modified Julian date in TIMESYS"),
    Column("bins", "f8", "s", "time.interval", "width of the bin"),
    Column("gross", "f8", "ct", "phot.count;src", "weighted counts in the source region"),
    Column("background", "f8", "ct", "phot.count;instr.background", "counts expected of the background there"),
    Column("flux", "f8", FLUX_UNIT, "phot.flux.density;em.wl", "mean flux density over the wavelength range"),
    Column("counts", "f8", "ct", "phot.count", "gross - background"),
    Column("error", "f8", "ct", "stat.error;phot.count", "error of counts; Poisson upper limit at no events"),
    Column("flux_error", "f8", FLUX_UNIT, "stat.error;phot.flux.density", "error of flux"),
    Column("net", "f8", "ct/s", "arith.rate;phot.count", "counts per live second"),
    Column("signal_to_noise", "f8", "ct/ct", "stat.snr", "counts / error"),
    Column("time", "f8", "s", "time.epoch", "middle of the bin, after MJDREF"),
    Column("exposure", "f8", "s", "time.duration;obs.exposure", "live time of the bin"),
    Column("fraction", "f8", "s/s", "time.duration;arith.ratio", "live part of the bin, 0 to 1"),
    Column("rate", "f8", "ct/s", "arith.rate;phot.count", "counts per live second; NaN where nothing was live"),
    Column("rate_error", "f8", "ct/s", "stat.error;phot.count", "error of rate"),
    Column("variance", "f8", "ct2", "stat.variance;phot.count", "propagated variance of counts, for statistics"),
    Column("quality", "i4", "", "meta.code.qual", "0 good; 1 no live time; 2 live part below the limit"),
    Column("bjd_tdb", "f8", "d", "time.epoch", "middle of the bin, barycentric Julian date, TDB; NaN: unknown"),
)

#: What the curve of a source has besides, where events are counted one by one.
FURTHER_COLUMNS: tuple[Column, ...] = (
    Column("source_events", "f8", "ct", "phot.count;src", "events in the source region"),
    Column("background_events", "f8", "ct", "phot.count;instr.background", "events in the background region"),
    Column(
        "background_scale", "f8", "ct/ct", "phys.area;arith.ratio", "area of the source region over the background's"
    ),
    Column("rate_low", "f8", "ct/s", "arith.rate;phot.count;stat.min", "lower limit of rate, 68.27 % with rate_high"),
    Column("rate_high", "f8", "ct/s", "arith.rate;phot.count;stat.max", "upper limit of rate"),
)


class Quality(IntFlag):
    """Bits of the column ``quality``."""

    NO_LIVE_TIME = 1  # fraction 0: nothing could be measured
    LOW_FRACTION = 2  # fraction below the limit: left out of every statistic but the totals
    BACKGROUND_FLARE = 4  # overlaps a background flare


@dataclass(frozen=True, slots=True, eq=False)
class LightCurve:
    """A light curve with its good times and what it was made of.

    Attributes
    ----------
    data : mapping of str to ndarray, shape (n,)
        One array for each of :data:`COLUMNS`, in its unit; of :data:`FURTHER_COLUMNS` all or none.
    gti : Intervals
        Good times, seconds after ``reference``.
    reference : TimeReference
        Where ``times`` and ``time`` start.
    meta : mapping of str to str, int, float, bool or None
        What describes the curve as a whole (target, instrument, settings); becomes FITS keywords.
    provenance : tuple of mappings
        One mapping a source file: ``filename``, ``kind``, ``sha256``, ``cal_ver``; of a composite one a member.
    arrivals : Arrivals or None
        The events it was made of, where they are kept.
    stamps : tuple of Stamp
        Pictures of them.
    """

    data: Mapping[str, NDArray[Any]]
    gti: Intervals
    reference: TimeReference
    meta: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    provenance: tuple[Mapping[str, str | int | float], ...] = ()
    arrivals: Arrivals | None = None
    stamps: tuple[Stamp, ...] = ()

    def __len__(self) -> int:
        return len(self.data["times"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    @property
    def good(self) -> NDArray[np.bool_]:
        """True for the bins that statistics other than totals use."""
        return np.asarray(self.data["quality"] == 0)

    def to_table(self) -> QTable:
        """Return the curve as an astropy QTable with units."""
        from astropy.table import QTable

        table = QTable(meta=dict(self.meta))
        for column in (*COLUMNS, *(c for c in FURTHER_COLUMNS if c.name in self.data)):
            table[column.name] = self.data[column.name]
            if column.unit:
                table[column.name].unit = column.unit
            table[column.name].info.description = column.doc
        return table
