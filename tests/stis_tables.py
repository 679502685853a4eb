"""STIS files written event by event: what a test says is in them, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

START_MJD = 58300.25
PRIMARY = {
    "TELESCOP": "HST", "INSTRUME": "STIS", "ROOTNAME": "otst00010", "TARGNAME": "A STAR", "OBSTYPE": "SPECTROSCOPIC",
    "OBSMODE": "TIME-TAG", "DETECTOR": "FUV-MAMA", "OPT_ELEM": "G140L", "CENWAVE": 1425, "APERTURE": "52X0.2",
    "TEXPSTRT": START_MJD, "RA_TARG": 10.0, "DEC_TARG": -5.0, "PROPOSID": 1, "CAL_VER": "", "SIMULATD": "T",
    "DATE": "2020-01-02", "PFLTFILE": "N/A", "LFLTFILE": "N/A", "BPIXTAB": "N/A",
}  # fmt: skip


def write_tag(
    path: Path,
    *imsets: Sequence[tuple[float, float, float, float]],
    gti: Sequence[tuple[float, float]] = ((0.0, 10.0),),
    starts_s: Sequence[float] | None = None,
    history: str = "",
    **header: object,
) -> Path:
    """Write a tag; an event is ``(tick, AXIS1, AXIS2, DETAXIS1)``, each sequence of them an EVENTS extension."""
    own = {"EXPSTART", "EXPEND", "EXPTIME", "EXPFLAG", "SDQFLAGS", "SHIFTA2"} & header.keys()
    primary = fits.PrimaryHDU()
    primary.header.update({**PRIMARY, **{key: value for key, value in header.items() if key not in own}})
    if history:
        primary.header.add_history(history)
    units: list[fits.PrimaryHDU | fits.BinTableHDU] = [primary]
    length = sum(stop - start for start, stop in gti)
    for number, events in enumerate(imsets, 1):
        columns = np.array(events, dtype=np.int32).reshape(-1, 4).T
        rows = np.zeros(columns.shape[1], [("TIME", ">i4"), ("AXIS1", ">i2"), ("AXIS2", ">i2"), ("DETAXIS1", ">i2")])
        for name, values in zip(rows.dtype.names or (), columns, strict=True):
            rows[name] = values
        unit = fits.BinTableHDU(rows, name="EVENTS", ver=number)
        start = START_MJD + (starts_s[number - 1] if starts_s else 0.0) / 86400
        times = {"EXPSTART": start, "EXPEND": start + length / len(imsets) / 86400, "EXPTIME": length / len(imsets)}
        unit.header.update({**times, "EXPFLAG": "NORMAL", "SDQFLAGS": 31743, "SHIFTA2": 19.0})
        unit.header.update({key: header[key] for key in own})
        units.append(unit)
    pairs = np.array(gti, dtype=float).reshape(-1, 2)
    columns = [fits.Column(name, "D", unit="seconds", array=pairs[:, i]) for i, name in enumerate(("START", "STOP"))]
    units.append(fits.BinTableHDU.from_columns(columns, name="GTI"))
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList(units).writeto(path, overwrite=True)
    for number in range(1, len(imsets) + 1):  # the integers stay as they are, as in real files
        with fits.open(path, mode="update") as hdus:
            hdus["EVENTS", number].header.set("TSCAL1", 0.000125, after="TFORM1")
            hdus["EVENTS", number].header.set("TZERO1", 0.0, after="TSCAL1")
    return path


def order_row(
    trace: float | Sequence[float] = 400.0,
    *,
    order: int = 1,
    wavelength: tuple[float, float] = (1119.0, 0.5832),
    size: float = 11.0,
    offsets: tuple[float, float] = (-300.0, 300.0),
    sizes: tuple[float, float] = (5.0, 5.0),
    net: float = 1.0,
    sensitivity: float = 2e-14,
    background: float = 0.25,
) -> dict[str, object]:
    """Return a row of an x1d; places are low-resolution pixels counted from 1."""
    ones = np.ones(1024)
    place = ones * trace if np.isscalar(trace) else np.asarray(trace)
    spectrum = {"WAVELENGTH": wavelength[0] + wavelength[1] * np.arange(1024), "GROSS": ones * (net + background)}
    spectrum |= {"BACKGROUND": ones * background, "NET": ones * net, "FLUX": ones * net * sensitivity}
    box = {"A2CENTER": place[512], "EXTRSIZE": size, "BK1SIZE": sizes[0], "BK2SIZE": sizes[1]}
    box |= {"BK1OFFST": offsets[0], "BK2OFFST": offsets[1], "EXTRLOCY": place, "OFFSET": 0.5}
    return {"SPORDER": order, "NELEM": 1024, **spectrum, **box}


def write_x1d(path: Path, *imsets: Sequence[dict[str, object]], **header: object) -> Path:
    """Write an x1d; each sequence of rows is an extension SCI."""
    primary = fits.PrimaryHDU()
    primary.header.update({**PRIMARY, "CAL_VER": "3.4.2", "FLUXCORR": "COMPLETE", **header})
    units: list[fits.PrimaryHDU | fits.BinTableHDU] = [primary]
    for number, rows in enumerate(imsets, 1):
        columns = []
        for name, value in rows[0].items():
            values = np.array([row[name] for row in rows])
            form = "I" if name in ("SPORDER", "NELEM") else "1024D" if name == "WAVELENGTH" else "1024E"
            columns.append(fits.Column(name, form if np.ndim(value) or form == "I" else "E", array=values))
        units.append(fits.BinTableHDU.from_columns(columns, name="SCI", ver=number))
    fits.HDUList(units).writeto(path, overwrite=True)
    return path
