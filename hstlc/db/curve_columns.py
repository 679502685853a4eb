"""The columns of lists of light curves: those of ``light_curve``, then those of ``stats``, by name."""

from __future__ import annotations

from sqlalchemy import Column, Table

from hstlc.db.records import LIGHT_CURVES, STATS

__all__ = ["COLUMNS", "DEFAULT", "LIKE_NAMES", "SORTED_BY", "index_of", "is_text"]

_HIDDEN = frozenset(
    {
        "id",
        "setup_id",
        "path",
        "metadata_id",
        "lightcurve_path",
        "lightcurve_filename",
        "curve_sha256",
        "settings_digest",
    }
)


def _columns() -> dict[str, Column[object]]:
    found = {column.name: column for column in LIGHT_CURVES.columns if column.name not in _HIDDEN}
    for column in STATS.columns:
        if column.name not in _HIDDEN:
            found.setdefault(column.name, column)
    return found


#: Column by name, in order of display.
COLUMNS = _columns()

#: Those that are shown unless others are asked for.
DEFAULT = (
    *("targname", "source_name", "band", "instrume", "start_mjd", "exposure_s", "total", "poisson_factor", "chi2_p"),
    *("fractional_variability", "peak_period_s", "false_alarm_probability", "candidates", "interesting"),
    *("mission", "opt_elem", "kind"),
)

#: Texts that an index finds by their beginning.
LIKE_NAMES = ("targname", "source_name", "rootname")


def index_of(column: Column[object]) -> str:
    """Return the name of the index that has the rows of each setup in order of a column, then of ``product_id``."""
    table = column.table
    assert isinstance(table, Table)
    wanted = ["setup_id", column.name, "product_id"]
    found = (str(one.name) for one in table.indexes if [getattr(e, "name", "") for e in one.expressions] == wanted)
    return next(found, "")


#: Name of column to name of index of those that lists are sorted by.
SORTED_BY = {name: index for name, column in COLUMNS.items() if (index := index_of(column))}


def is_text(column: Column[object]) -> bool:
    """Tell whether a column holds texts."""
    return column.type.python_type is str
