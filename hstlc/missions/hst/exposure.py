"""What the exposures of all instruments have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from hstlc.formats.fits_file import Value
from hstlc.missions.base import FileIdentity

__all__ = ["Exposure", "Spectrum", "number"]

FloatArray = NDArray[np.float64]

EventsT = TypeVar("EventsT")


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """One row of an x1d: a segment, stripe or order as the archive calibrated it.

    Attributes
    ----------
    wavelength_aa : ndarray of float64, shape (n,), Angstrom
    flux : ndarray of float64, shape (n,), erg / s / cm2 / Angstrom
    net : ndarray of float64, shape (n,), counts / s
    """

    wavelength_aa: FloatArray
    flux: FloatArray
    net: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Exposure(Generic[EventsT]):
    """The files of one exposure, read.

    Attributes
    ----------
    files : tuple of FileIdentity
        In order of kind.
    events : mapping of str to event list
        By kind of file.
    spectra : mapping of str to Spectrum
        By segment letter or order, from the x1d; empty without one.
    x1d_header : mapping
        Keywords of the x1d, empty without one.
    header : mapping
        Keywords of the leading event list.
    unreadable : tuple of (FileIdentity, str)
        Files that could not be read, and why.
    notes : tuple of (str, str)
        File name and warning of a library that read it.
    timelines : mapping of str to mapping of str to ndarray
        By kind: ``TIME``, seconds, and ``LATITUDE``, ``LONGITUDE``, ``TARGET_ALT`` and ``SUN_ALT``, degrees, one row a
        second, of the TIMELINE extension, where there is one.
    """

    files: tuple[FileIdentity, ...]
    events: Mapping[str, EventsT]
    spectra: Mapping[str, Spectrum] = field(default_factory=dict)
    x1d_header: Mapping[str, Value] = field(default_factory=dict)
    header: Mapping[str, Value] = field(default_factory=dict)
    unreadable: tuple[tuple[FileIdentity, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    timelines: Mapping[str, Mapping[str, FloatArray]] = field(default_factory=dict)

    def number(self, key: str) -> float:
        """Return a keyword as a number, NaN where it is absent, undefined or not a number."""
        return number(self.header, key)

    def text(self, key: str) -> str:
        """Return a keyword as upper-case text, '' where it is absent."""
        return str(self.header.get(key) or "").strip().upper()

    def filename(self, kind: str) -> str:
        """Return the file name of a kind, '' when the exposure has none."""
        return next((f.path.name for f in self.files if f.kind == kind), "")

    @property
    def lists(self) -> list[tuple[str, EventsT]]:
        """File name and event list of each kind, in order."""
        return [(self.filename(kind), self.events[kind]) for kind in sorted(self.events)]

    @property
    def imaging(self) -> bool:
        """True for imaging exposures, which have no wavelengths."""
        return self.text("OBSTYPE") == "IMAGING"


def number(header: Mapping[str, Any], key: str) -> float:
    """Return a keyword as a float, NaN where it is absent, undefined or not a number."""
    value = header.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else float("nan")
