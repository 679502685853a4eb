"""An event list: one row a photon, with the times the detector was able to see one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.model.intervals import Intervals
from hstlc.times import TimeReference

__all__ = ["EventList"]


@dataclass(frozen=True, slots=True, eq=False)
class EventList:
    """The photons of one detector segment.

    Attributes
    ----------
    time_s : ndarray of float64, shape (n,), seconds
        Seconds after ``reference``. Where the detector's clock ticks (``tick_s`` > 0) the *middle* of the tick.
    columns : mapping of str to ndarray, shape (n,)
        Everything else a row says, native byte order: ``x`` and ``y`` in pixels, ``wavelength_aa`` in Angstrom,
        ``epsilon`` (event weight), ``dq`` (data-quality bits), ``pha`` (pulse height).
    gti : Intervals
        Good times in the same seconds.
    reference : TimeReference
        Where the seconds start.
    tick_s : float, seconds
        Period of the detector clock, 0 for continuous times.
    header : mapping
        The keywords of the file that this list was read from, for those who need more.
    """

    time_s: NDArray[np.float64]
    columns: Mapping[str, NDArray[Any]]
    gti: Intervals
    reference: TimeReference
    tick_s: float = 0.0
    header: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.time_s)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def select(self, mask: NDArray[np.bool_]) -> EventList:
        """Return the events where ``mask`` is True."""
        return replace(
            self, time_s=self.time_s[mask], columns={name: values[mask] for name, values in self.columns.items()}
        )
