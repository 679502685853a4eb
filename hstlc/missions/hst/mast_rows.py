"""Questions to the mission search of MAST, and what its rows say."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from hstlc.archives.base import RemoteDataset, Selection, Window
from hstlc.archives.dates import moment
from hstlc.errors import RejectedError
from hstlc.missions.hst.mast_settings import MastSettings
from hstlc.model.same_target import separation_arcsec
from hstlc.model.target import canonical, normal

__all__ = [
    *(
        "ARCHIVED",
        "ID",
        "OPTIONAL",
        "RELEASED",
        "REQUIRED",
        "TARGET",
        "Question",
        "Row",
        "datasets",
        "is_public",
        "is_selected",
    ),
    *("is_wanted", "lies_within", "place_question", "target_question", "translated"),
    *("version_of", "window_question"),
]

logger = logging.getLogger(__name__)

ID, TARGET, INSTRUMENT = "sci_data_set_name", "sci_targname", "sci_instrume"
MODE, STATUS = "sci_operating_mode", "sci_status"
RELEASED, GENERATED, ARCHIVED = "sci_release_date", "sci_generation_date", "sci_archive_date"
RA, DEC, START = "sci_ra", "sci_dec", "sci_start_time"

#: Columns without which a row cannot be understood, and those that are asked for when they are there.
REQUIRED = frozenset({ID, TARGET, INSTRUMENT, MODE, STATUS, RELEASED, GENERATED, ARCHIVED})
OPTIONAL = (RA, DEC, START, "sci_asn_id", "sci_expflag", "sci_actual_duration", "sci_pep_id")

_KEPT = sorted(REQUIRED.union(OPTIONAL))

Row = Mapping[str, Any]

# What means something in a condition; '*' stands for any text.
_OPERATORS = re.compile(r"[!,<>*]|\.\.")


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask for: conditions by our names of the columns, the order, and a place if there is one.

    Attributes
    ----------
    conditions : mapping of str to str
        Column to what must hold of it; all must.
    order : tuple of str
        Columns to sort by; the last one tells datasets apart.
    newest_first : bool
        The first of these from late to early.
    place : mapping
        ``target``, ``radius`` and ``radius_units`` of a search around a place.
    """

    conditions: Mapping[str, str]
    order: tuple[str, ...] = (ID,)
    place: Mapping[str, Any] | None = None
    newest_first: bool = False

    def turned(self) -> Question:
        """Return the same from late to early."""
        return replace(self, newest_first=not self.newest_first)


def _question(
    settings: MastSettings,
    now: datetime,
    conditions: Mapping[str, str],
    order: tuple[str, ...] = (ID,),
    place: Mapping[str, Any] | None = None,
) -> Question:
    """Return the question of what is wanted and public, with further conditions or others: one for a column."""
    every = {
        INSTRUMENT: ",".join(settings.instruments),
        MODE: settings.operating_mode,
        TARGET: ",".join(f"!{name}" for name in settings.excluded_targets),
        RELEASED: f"<{_day(now, 2)}",
        **conditions,
    }
    return Question({column: condition for column, condition in every.items() if condition}, order, place)


def _day(date: datetime, later: int = 0) -> str:
    return f"{date.astimezone(UTC) + timedelta(days=later):%Y-%m-%d}"


def window_question(settings: MastSettings, window: Window, now: datetime) -> Question:
    """Return what to ask for a window of a stream: wider by a day, as dates there have no zone; see `lies_within`.

    Examples
    --------
    >>> until = datetime(2026, 11, 21, 6, tzinfo=UTC)
    >>> question = window_question(MastSettings(), Window("archive", until - timedelta(days=4), until), until)
    >>> question.conditions["sci_archive_date"], question.conditions["sci_release_date"]
    ('>=2026-11-16', '<2026-11-23')
    """
    if window.stream == "full":
        return _question(settings, now, {})
    column = RELEASED if window.stream == "release" else ARCHIVED
    conditions = {}
    if window.since is not None:
        since = _day(window.since, -1)
        conditions[column] = f"{since}..{_day(window.until, 1)}" if column == RELEASED else f">={since}"
    return _question(settings, now, conditions, (column, ID))


def target_question(settings: MastSettings, name: str, now: datetime) -> Question:
    """Return what to ask for datasets of a target, in the spellings that its name may have there."""
    upper = canonical(name)
    spellings = {name.strip(), upper, upper.replace("-", ""), re.sub(r"(?<=[A-Z])(?=\d)", "-", upper)}
    patterns = sorted({_OPERATORS.sub("*", spelling) for spelling in spellings})
    return _question(settings, now, {TARGET: ",".join(patterns)})


def place_question(settings: MastSettings, selection: Selection, now: datetime) -> Question:
    """Return what to ask for datasets around a place."""
    place = {
        "target": [f"{selection.ra_deg:.8f} {selection.dec_deg:.8f}"],
        "radius": round(selection.radius_deg * 3600.0, 3),
        "radius_units": "arcseconds",
    }
    return _question(settings, now, {}, place=place)


def version_of(row: Row) -> str:
    """Return when a dataset was processed, to the second and in one spelling; '' if the row does not say."""
    date = moment(row.get(GENERATED))
    return "" if date is None else date.replace(tzinfo=None).isoformat(timespec="seconds")


def translated(row: Row, names: Mapping[str, str]) -> dict[str, Any]:
    """Return a row with our names of its columns, texts without the blanks that pad them."""
    ours = {theirs: column for column, theirs in names.items()}
    return {ours.get(key, key): value.strip() if isinstance(value, str) else value for key, value in row.items()}


def is_public(row: Row, now: datetime) -> bool:
    """Tell whether a row may be had by everyone: by its date; by its status where it has none."""
    released = moment(row.get(RELEASED))
    public = _text(row, STATUS).upper() == "PUBLIC"
    if released is not None and released <= now and not public and _text(row, STATUS):
        logger.warning(
            "%s is public since %s and called %s: it is asked for all the same", _about(row), released, row[STATUS]
        )
    return public if released is None else released <= now


def is_wanted(row: Row, settings: MastSettings, now: datetime) -> bool:
    """Tell whether a row fulfils what every question asks; what it does not say is left to the look into its files."""
    instrument, mode, target = (_text(row, column).upper() for column in (INSTRUMENT, MODE, TARGET))
    return (
        instrument in {"", *(name.upper() for name in settings.instruments)}
        and mode in {"", settings.operating_mode.upper()}
        and target not in {name.upper() for name in settings.excluded_targets}
        and is_public(row, now)
    )


def lies_within(row: Row, window: Window) -> bool:
    """Tell whether a row lies in a window, both ends included; rows without the date do, as the archive says so."""
    if window.stream == "full":
        return True
    date = moment(row.get(RELEASED if window.stream == "release" else ARCHIVED))
    return date is None or ((window.since is None or window.since <= date) and date <= window.until)


def is_selected(row: Row, selection: Selection) -> bool:
    """Tell whether a row has the name or the place of a selection."""
    if selection.target and normal(_text(row, TARGET)) == normal(selection.target):
        return True
    if selection.ra_deg is None or selection.dec_deg is None:
        return False
    ra, dec = _number(row.get(RA)), _number(row.get(DEC))
    if ra is None or dec is None:
        return True  # found by the archive, which knows places that the row does not tell
    return separation_arcsec((selection.ra_deg, selection.dec_deg), (ra, dec)) <= selection.radius_deg * 3600.0 + 0.1


def _about(row: Row) -> str:
    """Return the name of a row for messages."""
    return _text(row, ID) or f"a row of target {_text(row, TARGET)!r} archived {_text(row, ARCHIVED)!r}"


def datasets(rows: Sequence[Row]) -> tuple[RemoteDataset, ...]:
    """Return the datasets of rows; those without name or version are left out, which the log tells.

    Raises
    ------
    RejectedError
        ``archive.columns``: the versions of all of them are something else than dates.
    """
    versions = [version_of(row) for row in rows]
    left_out = [row for row, version in zip(rows, versions, strict=True) if not version or not _text(row, ID)]
    if left_out:
        names = ", ".join(map(_about, left_out[:5]))
        logger.warning("without %s or %s, and left out: %d rows: %s", ID, GENERATED, len(left_out), names)
    if rows and not any(versions) and all(_text(row, ID) and _text(row, GENERATED) for row in rows):
        raise RejectedError(
            "archive.columns",
            f"expected dates in the column {GENERATED}, found {_text(rows[0], GENERATED)!r} and the like",
            f"if such dates are in another column now, set archives.mast.renamed_columns: ['{GENERATED} = NEW NAME']",
            columns=[GENERATED],
        )
    named = zip(rows, versions, strict=True)
    return tuple(_dataset(row, version) for row, version in named if version and _text(row, ID))


def _dataset(row: Row, version: str) -> RemoteDataset:
    return RemoteDataset(
        key=_text(row, ID),
        version=version,
        target=_text(row, TARGET),
        instrument=_text(row, INSTRUMENT),
        ra_deg=_number(row.get(RA)),
        dec_deg=_number(row.get(DEC)),
        start=moment(row.get(START)),
        release=moment(row.get(RELEASED)),
        columns={column: row[column] for column in _KEPT if column in row},
    )


def _text(row: Row, column: str) -> str:
    value = row.get(column)
    return "" if value is None else str(value).strip()


def _number(value: object) -> float | None:
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else None
    except ValueError:
        return None
    return number if number is not None and isfinite(number) else None
