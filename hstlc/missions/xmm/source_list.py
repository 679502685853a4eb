"""The list of sources that the pipeline finds in an observation (OBSMLI)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from hstlc.errors import UnreadableError
from hstlc.formats.gz_columns import TableColumns

__all__ = ["COLUMNS", "SourceRow", "chosen_rows", "source_rows"]

#: What is read of a row; all but the position may be absent.
COLUMNS = (
    *("SRC_NUM", "ML_ID_SRC", "RA", "DEC", "RADEC_ERR", "EP_DET_ML", "EP_EXTENT", "EP_TOT", "EP_FLAG", "EP_TOT_FLUX"),
    *("PN_RATE", "M1_RATE", "M2_RATE", "EP_HR1", "EP_HR2", "EP_HR3", "EP_HR4"),
)

#: Kept as they are, by the name that they get.
_FURTHER = {
    "RADEC_ERR": "position_error_arcsec",
    "EP_TOT_FLUX": "flux_erg_s_cm2",
    **{f"EP_HR{number}": f"hardness_{number}" for number in range(1, 5)},
}


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row of the list.

    Attributes
    ----------
    number : str
        SRC_NUM, or the row.
    ra_deg, dec_deg : float, degrees
    likelihood : float
        EP_DET_ML, all cameras and bands; NaN: not stated.
    extent_arcsec : float, arcsec
        EP_EXTENT; 0 for a point.
    rate_ct_s : float, counts / s
        EP_TOT, all cameras together, 0.2 to 12 keV; NaN: not stated.
    flags : str
        EP_FLAG.
    further : tuple of (str, float)
        What else is known, by name.
    """

    number: str
    ra_deg: float
    dec_deg: float
    likelihood: float
    extent_arcsec: float
    rate_ct_s: float
    flags: str = ""
    further: tuple[tuple[str, float], ...] = ()


def source_rows(units: Sequence[TableColumns], path: Path) -> tuple[SourceRow, ...]:
    """Return the rows of a source list that have a position.

    Raises
    ------
    UnreadableError
        ``data.source-list``: the file has no table SRCLIST with RA and DEC.
    """
    table = next((unit for unit in units if unit.name == "SRCLIST" and {"RA", "DEC"} <= unit.columns.keys()), None)
    if table is None:
        raise UnreadableError(
            "data.source-list",
            f"{path} has no table SRCLIST with RA and DEC",
            "get it again",
            path=str(path),
        )
    rows = []
    for row in range(table.rows):
        values = {name: column[row] for name, column in table.columns.items()}
        ra_deg, dec_deg = _real(values.get("RA")), _real(values.get("DEC"))
        if not (isfinite(ra_deg) and -90 <= dec_deg <= 90):
            continue
        extent = _real(values.get("EP_EXTENT"))
        known = ((ours, _real(values.get(theirs))) for theirs, ours in _FURTHER.items())
        rows.append(
            SourceRow(
                number=str(int(values["SRC_NUM"])) if "SRC_NUM" in values else str(row + 1),
                ra_deg=ra_deg % 360.0,
                dec_deg=dec_deg,
                likelihood=_real(values.get("EP_DET_ML")),
                extent_arcsec=extent if isfinite(extent) else 0.0,
                rate_ct_s=_real(values.get("EP_TOT")),
                flags=_text(values.get("EP_FLAG")),
                further=tuple((name, value) for name, value in known if isfinite(value)),
            )
        )
    return tuple(rows)


def chosen_rows(
    rows: Sequence[SourceRow],
    *,
    minimum_likelihood: float,
    minimum_counts: float,
    maximum_extent_arcsec: float,
    maximum_sources: int,
    live_s: float,
) -> tuple[SourceRow, ...]:
    """Return the sources worth a light curve, brightest first.

    Parameters
    ----------
    rows : sequence of SourceRow
    minimum_likelihood, minimum_counts, maximum_extent_arcsec, maximum_sources
        As the settings of the same names; what a row does not state is no reason to leave it out.
    live_s : float, seconds
        Live time, which makes counts of rates.

    Examples
    --------
    >>> faint, bright = (SourceRow(n, 10.0, 2.0, 50.0, 0.0, rate) for n, rate in (("1", 0.001), ("2", 0.1)))
    >>> limits = {"minimum_likelihood": 10, "minimum_counts": 100, "maximum_extent_arcsec": 80, "maximum_sources": 9}
    >>> [row.number for row in chosen_rows([faint, bright], live_s=10_000.0, **limits)]
    ['2']
    """
    kept = [
        row
        for row in rows
        if not row.likelihood < minimum_likelihood
        and not row.rate_ct_s * live_s < minimum_counts
        and row.extent_arcsec <= maximum_extent_arcsec
    ]
    kept.sort(key=lambda row: (-row.rate_ct_s if isfinite(row.rate_ct_s) else 0.0, row.ra_deg, row.dec_deg))
    return tuple(kept[:maximum_sources])


def _real(value: Any) -> float:
    number = float(value) if isinstance(value, (int, float, np.integer, np.floating)) else float("nan")
    return number if isfinite(number) else float("nan")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return (value.decode("latin-1") if isinstance(value, bytes) else str(value)).strip("\0 ")
