"""Rows of light curves as the HTML of a table: plain strings, because a page has a thousand cells."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from hstlc.db.curve_columns import COLUMNS
from hstlc.web.curve_query import KINDS
from hstlc.web.wording import mjd_moment

__all__ = ["LABELS", "NEEDED", "is_number", "label", "table_body"]

#: What the first cell of a row needs, in this order, before the columns that were chosen.
NEEDED = ("filename", "targname", "source_name", "band", "lead")

#: Names of columns for people, where the name itself does not do.
LABELS = {
    "targname": "Target", "source_name": "Source", "instrume": "Instrument", "opt_elem": "Grating or filter",
    "start_mjd": "Start, UTC", "end_mjd": "End, UTC", "exposure_s": "Live time", "exptime_s": "Exposure time",
    "total": "Counts", "mean": "Mean of a bin", "chi2_p": "Chi² p", "false_alarm_probability": "False-alarm prob.",
    "peak_period_s": "Period", "fractional_variability": "Fractional var.", "candidates": "Flares, dips",
    "interesting": "Varies", "cenwave": "Central wavelength", "proposid": "Program", "rootname": "Exposure",
    "ra_deg": "RA", "dec_deg": "Dec", "filename": "File", "lead": "Stands for source", "gl_index": "GL index",
    "poisson_factor": "Poisson factor", "excess_factor": "Excess factor", "reduced_chi2": "Reduced chi²",
    "made_at": "Made, UTC", "product_id": "Number",
}  # fmt: skip

_NUMBERS = ("int", "long", "float")


def label(name: str) -> str:
    """Return the name of a column for people.

    Examples
    --------
    >>> label("chi2_p"), label("pearson_r")
    ('Chi² p', 'Pearson r')
    """
    return LABELS.get(name) or name.removesuffix("_s").replace("_", " ").capitalize()


def is_number(name: str) -> bool:
    """Tell whether the cells of a column stand at the right."""
    return KINDS[name] in _NUMBERS and not name.endswith("_mjd")


_kept = lru_cache(maxsize=4096)  # the same few texts are in most rows


def table_body(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Markup:
    """Return the rows of a table body.

    Parameters
    ----------
    columns : sequence of str
        Of the cells after the first one, which is picture and name of the curve.
    rows : sequence of sequences
        Values of :data:`NEEDED`, then of the columns.
    """
    cells = [_CELLS.get(name) or _by_kind(name) for name in columns]
    skipped = len(NEEDED)
    found = []
    for row in rows:
        curve = quote(row[0], safe="")
        named = escape(row[0])
        image = (
            f'<img src="/curve/{curve}/thumbnail.png" alt="" width="96" height="48" loading="lazy">' if row[4] else ""
        )
        text = "".join([make(value) for make, value in zip(cells, row[skipped:], strict=True)])
        found.append(
            f'<tr><th scope="row"><a href="/curve/{curve}" title="{named}">{image}'
            f"<span>{named}</span></a></th>{text}</tr>\n"
        )
    return Markup("".join(found))


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return '<td class="number none">–</td>'
    if 1e3 <= abs(value) < 1e5:
        return f'<td class="number">{value:.0f}</td>'
    if 1e-3 <= abs(value) < 1e3 or value == 0:
        return f'<td class="number">{value:.4g}</td>'
    return f'<td class="number">{value:.3g}</td>'


def _degrees(value: float | None) -> str:
    return '<td class="number none">–</td>' if value is None else f'<td class="number">{value:.5f}</td>'


def _whole(value: int | None) -> str:
    return '<td class="number none">–</td>' if value is None else f'<td class="number">{value}</td>'


def _flag(value: bool | None) -> str:
    if value is None:
        return '<td class="none">cannot be told</td>'
    return '<td><span class="tag warn">yes</span></td>' if value else "<td>no</td>"


@_kept
def _text(value: str | None) -> str:
    return f"<td>{escape(value)}</td>" if value else '<td class="none">–</td>'


@_kept
def _target(value: str) -> str:
    return f'<td class="name"><a href="/target/{quote(value, safe="")}">{escape(value)}</a></td>'


@_kept
def _name(value: str) -> str:
    return f'<td class="name">{escape(value)}</td>' if value else '<td class="none">–</td>'


def _moment(value: datetime | None) -> str:
    return '<td class="none">–</td>' if value is None else f"<td>{value:%Y-%m-%d %H:%M}</td>"


def _mjd(value: float | None) -> str:
    text = mjd_moment(value)[:16]
    return f'<td class="when" title="MJD {value:.6f}">{text}</td>' if text else '<td class="none">–</td>'


def _by_kind(name: str) -> Callable[[Any], str]:
    return _KINDS[KINDS[name]]


_KINDS: dict[str, Callable[[Any], str]] = {
    "int": _whole, "long": _whole, "float": _number, "bool": _flag, "text": _text, "time": _moment,
}  # fmt: skip
_CELLS: dict[str, Callable[[Any], str]] = {
    "targname": _target, "source_name": _name, "filename": _name, "start_mjd": _mjd, "end_mjd": _mjd,
    "ra_deg": _degrees, "dec_deg": _degrees,
}  # fmt: skip
assert set(_CELLS) <= set(COLUMNS)
