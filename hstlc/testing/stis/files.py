"""Write synthetic STIS exposures: the event list, and the spectrum that a calibration would have made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.testing.cos.tables import GTI_COLUMNS, Columns, Extension, write_tables
from hstlc.testing.stis.detector import ACTIVE, LOW, Order
from hstlc.testing.stis.events import EventTable, Kind, draw_events, lit_columns
from hstlc.testing.stis.headers import events_keywords, gti_keywords, primary_keywords, spectrum_keywords
from hstlc.testing.stis.scene import TICK_S, Imset, Scene, StisExposure
from hstlc.testing.stis.structure import serious_at
from hstlc.testing.stis.truth import WrittenExposure

__all__ = ["write_exposure"]

EVENTS_COLUMNS: Columns = (
    ("TIME", "1J", "seconds", None), ("AXIS1", "1I", "pixels", None), ("AXIS2", "1I", "pixels", None),
    ("DETAXIS1", "1I", "pixels", None),
)  # fmt: skip
FLUX_UNIT = "erg/s/cm**2/Angstrom"
X1D_COLUMNS: Columns = (
    ("SPORDER", "1I", None, "I11"), ("NELEM", "1I", None, "I11"), ("WAVELENGTH", "1024D", "Angstroms", "G25.16"),
    ("GROSS", "1024E", "Counts/s", "G15.7"), ("BACKGROUND", "1024E", "Counts/s", "G15.7"),
    ("NET", "1024E", "Counts/s", "G15.7"), ("FLUX", "1024E", FLUX_UNIT, "G15.7"),
    ("ERROR", "1024E", FLUX_UNIT, "G15.7"), ("NET_ERROR", "1024E", "Counts/s", "G15.7"),
    ("DQ", "1024I", None, "I11"), ("A2CENTER", "1E", "pixel", "G15.7"), ("EXTRSIZE", "1E", "pixel", "G15.7"),
    ("MAXSRCH", "1I", "pixel", "I11"), ("BK1SIZE", "1E", "pixel", "G15.7"), ("BK2SIZE", "1E", "pixel", "G15.7"),
    ("BK1OFFST", "1E", "pixel", "G15.7"), ("BK2OFFST", "1E", "pixel", "G15.7"),
    ("EXTRLOCY", "1024E", "pixel", "G15.7"), ("OFFSET", "1E", "pixel", "G15.7"),
)  # fmt: skip
INTEGER_COLUMNS = (1, 2, 10, 13)
DQ_UNCALIBRATED = 2564  # of the first and last pixels of real spectra
HOT_DQ = 16


def write_exposure(
    folder: Path, exposure: StisExposure, scene: Scene, *, x1d: bool = True, no_good_time: bool = False
) -> WrittenExposure:
    """Write the files of one exposure into ``folder`` and return their paths and the truth about them.

    ``<rootname>_tag.fits`` and, but for images, ``<rootname>_x1d.fits``. TIME and GTI count from TEXPSTRT, the start
    of the first imset. Files of the same names are replaced. The same arguments give the same bytes.

    Parameters
    ----------
    folder : Path
        An existing folder.
    exposure, scene : StisExposure, Scene
        How and what was observed.
    x1d : bool
        False leaves the spectrum out.
    no_good_time : bool
        True leaves the good times empty and says an exposure time of 0: photons without exposure, as happens.
    """
    table = draw_events(exposure, scene)
    sets = exposure.sets
    parts = [(one, table.of(one, following)) for one, following in zip(sets, (*sets[1:], None), strict=True)]
    zero: dict[str, object] = dict.fromkeys(("EXPTIME", "TEXPTIME"), 0.0) if no_good_time else {}
    overrides = {**zero, **exposure.overrides}
    tag = folder / f"{exposure.rootname}_tag.fits"
    edges = np.asarray([pair for one in sets for pair in one.ticks]) * TICK_S
    good = edges[: 0 if no_good_time else None]
    extensions = [_events(exposure, one, table, mine) for one, mine in parts]
    times = {"START": good[:, 0], "STOP": good[:, 1]}
    extensions.append(Extension("GTI", GTI_COLUMNS, times, gti_keywords(exposure)))
    write_tables(tag, primary_keywords(exposure, filename=tag.name, extracted=False), tuple(extensions), overrides)
    spectrum = None
    if x1d and not exposure.imaging:
        spectrum = folder / f"{exposure.rootname}_x1d.fits"
        rows = tuple(_spectra(exposure, scene, one, table, mine) for one, mine in parts)
        write_tables(
            spectrum, primary_keywords(exposure, filename=spectrum.name, extracted=True), rows, exposure.overrides
        )
    source = table.kind == Kind.SOURCE
    return WrittenExposure(
        tag, spectrum, exposure, scene, table.tick[source], table.epsilon[source], lit_columns(exposure)
    )


def _events(exposure: StisExposure, imset: Imset, table: EventTable, mine: NDArray[np.bool_]) -> Extension:
    columns = {
        "TIME": table.tick[mine],
        "AXIS1": table.axis1[mine],
        "AXIS2": table.axis2[mine],
        "DETAXIS1": table.detaxis1[mine],
    }
    return Extension("EVENTS", EVENTS_COLUMNS, columns, events_keywords(exposure, imset, int(mine.sum())))


def _spectra(
    exposure: StisExposure, scene: Scene, imset: Imset, table: EventTable, mine: NDArray[np.bool_]
) -> Extension:
    rows = [_spectrum(exposure, scene, order, imset, table, mine) for order in exposure.mode.orders]
    data = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    keywords = spectrum_keywords(exposure, imset, int(mine.sum()))
    return Extension("SCI", X1D_COLUMNS, data, keywords | {f"TNULL{i}": -32767 for i in INTEGER_COLUMNS})


def _spectrum(
    exposure: StisExposure, scene: Scene, order: Order, imset: Imset, table: EventTable, mine: NDArray[np.bool_]
) -> dict[str, NDArray[Any] | float]:
    """Return one row of the spectrum: what lies in the source box, with the background that the scene has there."""
    pixel = np.arange(1, LOW + 1)
    active = (pixel >= ACTIVE[0]) & (pixel <= ACTIVE[1])
    chosen = mine & order.in_box(table.axis1, table.axis2) & (table.kind != Kind.GAP)
    chosen[chosen] &= ~serious_at(exposure, table.detaxis1[chosen], table.axis2[chosen])
    column = (table.axis1[chosen] + 1) // 2 - 1
    gross = np.bincount(column, table.epsilon[chosen], minlength=LOW) / imset.live_s
    orders = exposure.mode.orders
    share = order.size / sum(one.size for one in orders)
    background = np.where(active, scene.background_ct_s * share / active.sum(), 0.0)
    net = gross - background
    sensitivity = np.where(active, order.inverse_sensitivity(pixel), 0.0)
    error = np.sqrt(np.maximum(gross, 1 / imset.live_s) / imset.live_s)
    hot = serious_at(exposure, 2 * pixel, np.full(LOW, 2 * int(order.trace(LOW / 2))))
    return {
        "SPORDER": float(order.number),
        "NELEM": float(LOW),
        "WAVELENGTH": order.wavelength_aa(pixel),
        "GROSS": gross,
        "BACKGROUND": background,
        "NET": net,
        "FLUX": net * sensitivity,
        "ERROR": error * sensitivity,
        "NET_ERROR": error,
        "DQ": np.where(active, np.where(hot, HOT_DQ, 0), DQ_UNCALIBRATED),
        "A2CENTER": float(order.trace(513)),
        "EXTRSIZE": order.size,
        "MAXSRCH": 1024.0 if len(orders) == 1 else 10.0,
        "BK1SIZE": order.background_size,
        "BK2SIZE": order.background_size,
        "BK1OFFST": order.background_offset[0],
        "BK2OFFST": order.background_offset[1],
        "EXTRLOCY": order.trace(pixel),
        "OFFSET": 0.658,
    }
