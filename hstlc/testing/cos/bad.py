"""Bad exposures, one of each kind, with the documented reason that a check must give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from hstlc.testing.cos.files import write_exposure
from hstlc.testing.cos.scene import CosExposure, Scene

__all__ = ["BadExposure", "bad_files", "edit_file"]

RAWTAG_COLUMNS = ("TIME", "RAWX", "RAWY", "PHA")


@dataclass(frozen=True, slots=True)
class BadExposure:
    """The files of one bad exposure.

    Attributes
    ----------
    paths : tuple of Path
        The event file first, then a companion segment and spectrum where there are any.
    reason : str or None
        The documented text for ``bad_data.reason``; None where the original system had no word for it.
    """

    paths: tuple[Path, ...]
    reason: str | None


_Edit = Callable[[Path], Path]  # changes a file, returns the one that is there afterwards
_Recipe = tuple[str, str | None, dict[str, Any], _Edit | None]


def edit_file(path: Path, edit: Callable[[Any], None]) -> Path:
    """Read a FITS file, let ``edit`` change its HDUList in place, and write it back.

    Parameters
    ----------
    path : Path
        An existing FITS file.
    edit : callable
        Receives the :class:`astropy.io.fits.HDUList`.
    """
    with fits.open(path, memmap=False, lazy_load_hdus=False) as units:
        edit(units)
        units.writeto(path, overwrite=True)
    return path


def bad_files(folder: Path, seed: int = 0) -> dict[str, BadExposure]:
    """Write one bad exposure of each kind into ``folder``.

    Returns
    -------
    dict of str to BadExposure
        By kind, such as ``bad_expflag``. ``bad_expflag`` comes with its companion segment and spectrum, the
        others are single files.

    Notes
    -----
    ``lying_exptime`` says 600 s where its good times sum to 300 s, ``lying_nevents`` says a wrong number of events.
    """
    result = {}
    for number, (kind, reason, changes, edit) in enumerate(_recipes(seed), 1):
        exposure = replace(
            CosExposure(rootname=f"lbad{number:02d}aaq", targname="SIM-BAD", exptime_s=300.0, seed=seed), **changes
        )
        whole = len(exposure.segments) > 1
        scene = Scene(rate_ct_s=100.0 if exposure.live_s < 1 else 5.0, background_ct_s=0.5)
        first, *rest = write_exposure(folder, exposure, scene, x1d=whole).paths
        result[kind] = BadExposure((edit(first) if edit else first, *rest), reason)
    return result


def _recipes(seed: int) -> tuple[_Recipe, ...]:
    rng = np.random.default_rng(seed)
    zero = dict.fromkeys(("EXPTIME", "EXPTIMEA", "EXPTIMEB"), 0.0)
    wave = {"EXPTYPE": "WAVECAL", "TARGNAME": "WAVE"}
    accum = {"OBSMODE": "ACCUM", "IMAGETYP": "ACCUM"}

    def shuffle(rows: Any) -> Any:
        rows["TIME"] = rng.permutation(rows["TIME"])
        return rows

    def set_time(value: float) -> Callable[[Any], Any]:
        def change(rows: Any) -> Any:
            rows["TIME"] = value
            return rows

        return change

    return (
        ("bad_expflag", "Bad EXPFLAG", {"expflag": "INTERRUPTED", "segments": ("A", "B")}, None),
        ("nonlinear_time", "Non-linear time", {}, _rows(shuffle)),
        ("no_events", "No events", {}, _rows(lambda rows: rows[:0])),
        ("singular_event", "Singular event", {}, _rows(lambda rows: rows[:1])),
        ("singular_time", "Singular event", {}, _rows(set_time(100.0))),
        ("bad_proposal", "Bad Proposal", {"proposid": 13635}, None),
        ("short_exposure", "Short Exposure", {"exptime_s": 0.5}, None),
        ("zero_exptime", "Short Exposure", {"overrides": zero}, None),
        ("nan_time", "Non-linear time", {}, _rows(set_time(float("nan")))),
        ("shutter_closed", None, {"shutter": "Closed"}, None),
        ("wavecal", None, {"overrides": wave}, None),
        ("accum", None, {"overrides": accum}, None),
        ("rawtag", None, {}, _as_rawtag),
        ("lying_exptime", None, {"overrides": dict.fromkeys(("EXPTIME", "EXPTIMEA"), 600.0)}, None),
        ("lying_nevents", None, {"overrides": dict.fromkeys(("NEVENTS", "NEVENTSA"), 123456)}, None),
        ("truncated", None, {}, _bytes(lambda data: data[: len(data) // 2])),
        ("zero_byte", None, {}, _bytes(lambda _: b"")),
        ("garbage", None, {}, _bytes(lambda data: rng.bytes(len(data) // 100))),
    )


def _rows(change: Callable[[Any], Any]) -> _Edit:
    def edit(units: Any) -> None:
        events = units["EVENTS"]
        events.data = change(events.data)
        for key in ("NEVENTS", "NEVENTSA"):
            events.header[key] = len(events.data)

    return lambda path: edit_file(path, edit)


def _bytes(change: Callable[[bytes], bytes]) -> _Edit:
    def edit(path: Path) -> Path:
        path.write_bytes(change(path.read_bytes()))
        return path

    return edit


def _as_rawtag(path: Path) -> Path:
    raw = path.with_name(path.name.replace("corrtag", "rawtag"))

    def edit(units: Any) -> None:
        events = units["EVENTS"]
        columns = fits.ColDefs([events.columns[name] for name in RAWTAG_COLUMNS])
        header = events.header.copy(strip=True)
        for key in [
            key for key in header if key.startswith(("TCTYP", "TCRPX", "TCRVL", "TCDLT", "TCUNI", "TPC", "TPV"))
        ]:
            del header[key]
        units["EVENTS"] = fits.BinTableHDU.from_columns(columns, header=header, name="EVENTS")
        units["PRIMARY"].header["FILENAME"] = raw.name
        del units["TIMELINE"]

    return edit_file(path, edit).rename(raw)
