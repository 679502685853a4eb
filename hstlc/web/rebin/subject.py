"""What is asked for: a stored light curve, and how it is to be seen. Plain values that go to a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from hstlc.config import Settings
from hstlc.db.light_curves import find_light_curve
from hstlc.db.rebin import PartRows, bands_beside, parts_of
from hstlc.errors import StoreError, UsageError
from hstlc.missions.base import ExposureValues
from hstlc.missions.registry import missions
from hstlc.model.spectral import energies_kev
from hstlc.pipeline.observation import values_of_row
from hstlc.pipeline.stored import stored_path
from hstlc.store.digest import digest
from hstlc.store.layout import Layout
from hstlc.web.errors import NotFoundError

__all__ = ["Part", "Selection", "Subject", "find_subject"]


@dataclass(frozen=True, slots=True)
class Part:
    """An exposure with its part in a light curve.

    Attributes
    ----------
    rootname : str
    source, band : str
        '' for the whole field or aperture.
    values : ExposureValues
    files : tuple of (kind, Path, bytes)
        What it is extracted from; empty for one that was imported.
    curve : Path or None
        Its own light curve.
    key : str
        Another one when a file or a setting is another.
    """

    rootname: str
    source: str
    band: str
    values: ExposureValues
    files: tuple[tuple[str, Path, int], ...]
    curve: Path | None
    key: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A stored light curve.

    Attributes
    ----------
    product_id : int
    name, title, kind, mission : str
    path : Path
        Its FITS file.
    parts : tuple of Part
    settings : object
        The mission's settings; None where the mission is not installed.
    bands : mapping of str to (float, float) or None
        Names for ``band=``, and their energies in keV where these are known.
    most_bins : int
        That an answer may have.
    """

    product_id: int
    name: str
    title: str
    kind: str
    mission: str
    path: Path
    parts: tuple[Part, ...]
    settings: Any
    bands: Mapping[str, tuple[float, float] | None]
    most_bins: int

    @property
    def key(self) -> str:
        """By which requests for the same events are known."""
        return f"{self.product_id}"


@dataclass(frozen=True, slots=True)
class Selection:
    """How a light curve is to be seen; see :func:`hstlc.web.api.bins.data` for what each means.

    Attributes
    ----------
    bin_s, counts, blocks : float, int, float or None
        At most one; none: as stored.
    energy_kev, wavelength_aa : (float, float) or None
    band : str
    keep_background, barycentric : bool
    start_s, stop_s : float or None, seconds
    fold_s : float or None, seconds
    phase_bins : int
    epoch_mjd : float or None
    """

    bin_s: float | None = None
    counts: int | None = None
    blocks: float | None = None
    energy_kev: tuple[float, float] | None = None
    wavelength_aa: tuple[float, float] | None = None
    band: str = ""
    keep_background: bool = False
    barycentric: bool = False
    start_s: float | None = None
    stop_s: float | None = None
    fold_s: float | None = None
    phase_bins: int = 20
    epoch_mjd: float | None = None

    def __post_init__(self) -> None:
        bins = [name for name in ("bin_s", "counts", "blocks") if getattr(self, name) is not None]
        if len(bins) > 1:
            raise UsageError("usage.bin-width", "give one of bin, counts and blocks, not several", "leave others out")
        if self.bin_s is not None and not self.bin_s > 0:
            raise UsageError("usage.bin-width", f"a bin of {self.bin_s:g} s cannot be made", "give a width above 0 s")
        if self.counts is not None and self.counts < 1:
            raise UsageError("usage.bin-width", f"bins of {self.counts} counts cannot be made", "give 1 or more")
        if self.blocks is not None and not 0 < self.blocks < 1:
            raise UsageError("usage.bin-width", f"{self.blocks:g} is no probability", "give one such as 0.05")
        bands = [name for name in ("energy_kev", "wavelength_aa", "band") if getattr(self, name)]
        if len(bands) > 1:
            raise UsageError("usage.band", "give one of energy, wavelength and band", "leave the others out")
        for limits in (self.energy_kev, self.wavelength_aa):
            if limits is not None and not 0 <= limits[0] < limits[1]:
                raise UsageError(
                    "usage.band", f"the band {limits[0]:g} .. {limits[1]:g} is empty", "give LOW,HIGH with LOW < HIGH"
                )
        if self.start_s is not None and self.stop_s is not None and not self.start_s < self.stop_s:
            raise UsageError("usage.time-range", "start is not before stop", "give start < stop, in seconds")
        if self.fold_s is not None and not self.fold_s > 0:
            raise UsageError("usage.fold", f"a period of {self.fold_s:g} s is not possible", "give one above 0 s")
        if not 2 <= self.phase_bins <= 1000:
            raise UsageError("usage.fold", f"{self.phase_bins} phase bins are not possible", "give 2 to 1000")

    @property
    def other_band(self) -> bool:
        """Another band than the stored one is wanted."""
        return bool(self.energy_kev or self.wavelength_aa or self.band)


def find_subject(connection: Connection, name: str, layout: Layout, settings: Settings) -> Subject:
    """Return what a light curve is made of.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    name : str
        File name, or number of its product.
    layout : Layout
    settings : Settings

    Raises
    ------
    NotFoundError
        There is no such light curve, or its folder is no longer of the tree.
    """
    row = find_light_curve(connection, name)
    if row is None:
        raise NotFoundError(f"there is no light curve {name!r}", "look for it at /curves")
    try:
        path = stored_path(layout, row)
    except StoreError:
        raise _gone(row["filename"]) from None
    if not path.is_file():
        raise _gone(row["filename"])
    own = settings.missions.get(row["mission"]) if row["mission"] in missions() else None
    found = parts_of(connection, row["product_id"], row["kind"])
    parts = tuple(_part(layout, one, own) for one in found)
    return Subject(
        row["product_id"],
        row["filename"],
        _title(row),
        row["kind"],
        row["mission"],
        path,
        parts,
        own,
        _bands(connection, found),
        settings.web.most_bins,
    )


def _gone(filename: str) -> NotFoundError:
    return NotFoundError(f"{filename}: its file is gone", "'hstlc ingest' makes it again")


def _part(layout: Layout, rows: PartRows, settings: Any) -> Part:
    files = []
    for file in rows.files:
        try:
            files.append((file["kind"], stored_path(layout, file), int(file["size_bytes"])))
        except StoreError:
            raise _gone(file["filename"]) from None
    curve = stored_path(layout, rows.curve) if rows.curve["id"] is not None else None
    digests = [[file["kind"], file["sha256"]] for file in rows.files]
    read = repr(settings.model_dump(mode="json")) if settings is not None else ""
    key = digest([rows.exposure["mission"], rows.exposure["rootname"], rows.source_name, rows.band, digests, read])
    values = values_of_row(rows.exposure)
    return Part(rows.exposure["rootname"], rows.source_name, rows.band, values, tuple(files), curve, key)


def _title(row: dict[str, Any]) -> str:
    source = row["source_name"] if row["source_name"] and row["source_name"] != row["targname"] else ""
    setup = " ".join(str(row[name]) for name in ("instrume", "detector", "opt_elem") if row[name] not in ("", "NONE"))
    what = f"{row['exposures']} exposures" if row["kind"] == "composite" else row["rootname"]
    return ", ".join(filter(None, (row["targname"], source, setup, row["band"], what)))


def _bands(connection: Connection, parts: list[PartRows]) -> dict[str, tuple[float, float] | None]:
    """Return the bands of the source without its camera, where it has several, and their energies in keV."""
    if not parts or not parts[0].source_name:
        return {}
    camera = parts[0].band.rpartition("_")[0]
    found = bands_beside(connection, parts[0].exposure["id"], parts[0].source_name)
    split = ((*name.rpartition("_"), limits) for name, limits in found.items())
    return {name: energies_kev(*limits) for prefix, _, name, limits in split if prefix == camera}
