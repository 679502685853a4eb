"""What the page of a light curve says, as plain texts: made from rows, without the database."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import Table

from hstlc.db.curve_page import MOST, CurveRows
from hstlc.db.records import SOURCES, STATS
from hstlc.web.pages.curve_form import form_values, selection
from hstlc.web.wording import curve_address, mjd_moment, target_address

__all__ = ["curve_values", "fact", "number_text"]

Row = Mapping[str, Any]
Fact = tuple[str, str, str, str]

_COUNTS = ("total", "mean", "stdev", "poisson_factor", "excess_factor", "bins_used", "datasets", "exposure_s")
_VARIABILITY = (
    *("reduced_chi2", "chi2_p", "within_chi2_p", "between_chi2_p", "pearson_r", "pearson_p", "fractional_variability"),
    *("fractional_variability_error", "fractional_variability_limit", "excess_variance", "excess_variance_error"),
    *("blocks", "candidates"),
)
_PERIOD = ("peak_period_s", "peak_power", "false_alarm_probability", "shortest_period_s", "peak_note")
_ARRIVALS = (
    *("arrivals", "gl_index", "gl_probability", "gl_log10_odds", "gl_bins", "gl_timescale_s", "gl_rate_mean"),
    *("gl_rate_sigma", "ks_p", "kuiper_p", "blocks_p05", "blocks_p01"),
)
_GROUPS = (
    ("Counts", _COUNTS),
    ("Variability", _VARIABILITY),
    ("Period", _PERIOD),
    ("Arrival times of single events", _ARRIVALS),
)
_OF_SOURCE = (
    *("ra_deg", "dec_deg", "catalogue", "number", "significance", "counts", "background_counts", "scale"),
    *("exposure_s", "offaxis_arcmin", "region", "background_region"),
)


def number_text(value: Any) -> str:
    """Return a value as people read it.

    Examples
    --------
    >>> number_text(0.000134784), number_text(1234567), number_text(True), number_text(None), number_text(2920.5432)
    ('0.000134784', '1,234,567', 'yes', '–', '2920.54')
    >>> number_text(3e-12)
    '3e-12'
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def fact(table: Table, row: Row, name: str) -> Fact:
    """Return name, value, unit and meaning of a column."""
    info = table.c[name].info
    return name, number_text(row[name]), info.get("unit", ""), info.get("doc", "")


def curve_values(rows: CurveRows, given: Mapping[str, str], *, drawn: bool) -> dict[str, Any]:
    """Return what the template ``curve.html`` shows.

    Parameters
    ----------
    rows : CurveRows
    given : mapping of str to str
        Parameters of the address.
    drawn : bool
        Whether there is a picture of it.
    """
    curve, stats = rows.curve, rows.stats
    chosen = selection(given)
    address = curve_address(curve["filename"])
    api = f"/api/v1/curves/{quote(curve['filename'], safe='')}"
    picture = f"{api}/plot.svg?{urlencode(chosen)}" if chosen or not drawn else f"{address}/plot.png"
    return {
        "curve": curve,
        "heading": curve["source_name"] or curve["targname"] or curve["filename"],
        "setup": _setup(curve),
        "when": _when(curve),
        "tags": _tags(rows),
        "facts": _facts(rows),
        "statistics": _statistics(stats),
        "source": [fact(SOURCES, rows.source, name) for name in _OF_SOURCE if rows.source[name] not in (None, "")]
        if rows.source
        else [],
        "source_row": rows.source,
        "ratios": [
            (row["hard"], row["soft"], *(number_text(row[key]) for key in ("ratio", "low", "high")))
            for row in rows.ratios
        ],
        "members": [_member(row) for row in rows.members],
        "files": rows.files,
        "findings": rows.findings,
        "candidates": [_candidate(row) for row in rows.candidates],
        "bands": _links(rows.bands, curve),
        "composites": _links(rows.composites, curve),
        "sources": _links(rows.sources, curve),
        "previous": _links([rows.previous] if rows.previous else [], curve),
        "next": _links([rows.next] if rows.next else [], curve),
        "product": rows.product,
        "most": MOST,
        "target_address": target_address(curve["targname"]),
        "address": address,
        "api": api,
        "chosen": urlencode(chosen),
        "picture": picture,
        "drawn": drawn,
        "form": form_values(given),
    }


def _setup(curve: Row) -> str:
    whole = not curve["source_name"]
    camera = [curve["instrume"], curve["detector"] if whole else ""]
    grating = "/".join(str(part) for part in (curve["opt_elem"], curve["cenwave"]) if part not in ("", "NONE", 0))
    band = f"band {curve['band']}" if curve["band"] else ""
    parts = [
        curve["mission"].upper(),
        " ".join(filter(None, camera)),
        grating,
        curve["aperture"] if whole else "",
        band,
    ]
    if curve["kind"] == "composite":
        parts.append(f"composite of {curve['exposures']} exposure{'s' * (curve['exposures'] != 1)}")
    else:
        parts.append(curve["rootname"])
    return " · ".join(part for part in parts if part)


def _when(curve: Row) -> str:
    start, end = mjd_moment(curve["start_mjd"]), mjd_moment(curve["end_mjd"])
    if not start:
        return ""
    if end[:10] == start[:10]:
        end = end[11:]
    return f"{start} to {end} UTC" if end else f"{start} UTC"


def _tags(rows: CurveRows) -> list[tuple[str, str, str]]:
    """Return text, class and meaning of the labels under the title."""
    found: list[tuple[str, str, str]] = []
    stats = rows.stats
    if stats is None:
        found.append(("no statistics yet", "quiet", "hstlc build-stats computes them"))
    elif stats["interesting"] is None:
        found.append(("variability unknown", "quiet", "too few bins or counts to tell"))
    else:
        label = ("varies", "warn") if stats["interesting"] else ("steady", "good")
        found.append((*label, STATS.c.interesting.info["doc"]))
    if stats is not None and stats["periodogram"]:
        found.append(("period", "warn", STATS.c.periodogram.info["doc"]))
    for kind in ("flare", "dip"):
        number = sum(row["kind"] == kind for row in rows.candidates)
        if number:
            found.append((f"{number} {kind}{'s' * (number > 1)}", "warn", "stretches that chance hardly explains"))
    if rows.findings:
        number = len(rows.findings)
        found.append((f"{number} finding{'s' * (number > 1)}", "bad", "what checks of the exposures found"))
    if any(row["withdrawn"] for row in rows.members):
        found.append(("withdrawn", "bad", "the archive took an exposure back"))
    return found


def _facts(rows: CurveRows) -> list[Fact]:
    """Return what is to be seen at once: term, value, unit, meaning."""
    curve, stats = rows.curve, rows.stats
    found: list[Fact] = []
    if stats is not None:
        found.append(("Live time", number_text(stats["exposure_s"]), "s", STATS.c.exposure_s.info["doc"]))
        found.append(("Counts", number_text(stats["total"]), "ct", STATS.c.total.info["doc"]))
        if stats["exposure_s"]:
            rate = stats["total"] / stats["exposure_s"]
            found.append(("Mean rate", number_text(rate), "ct/s", "counts over live time"))
    found.append(("Exposure time", number_text(curve["exptime_s"]), "s", "that the headers state, of all exposures"))
    if curve["ra_deg"] is not None:
        position = f"{curve['ra_deg']:.6f} {curve['dec_deg']:+.6f}"
        found.append(("Position", position, "deg", "right ascension and declination, ICRS"))
    if curve["proposid"]:
        found.append(("Program", str(curve["proposid"]), "", "number of the observing program"))
    return found


def _statistics(stats: Row | None) -> list[tuple[str, list[Fact]]]:
    if stats is None:
        return []
    groups = ((title, [name for name in names if stats[name] not in (None, "")]) for title, names in _GROUPS)
    return [(title, [fact(STATS, stats, name) for name in names]) for title, names in groups if names]


def _member(row: Row) -> dict[str, Any]:
    link = row["curve"] and curve_address(row["curve"])
    texts = {"start": mjd_moment(row["expstart_mjd"]), "exptime": number_text(row["exptime_s"])}
    return {**row, **texts, "link": link}


def _candidate(row: Row) -> dict[str, Any]:
    """Return the texts of a flare or dip."""
    numbers = ("duration_s", "counts", "expected_counts", "peak_ratio", "probability")
    texts = {f"{name}_text": number_text(row[name]) for name in numbers}
    address = curve_address("", row["start_mjd"], row["end_mjd"]).partition("?")[2]
    return {**row, **texts, "start": mjd_moment(row["start_mjd"]), "query": address}


def _links(rows: Iterable[Row], curve: Row) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        if row["kind"] != curve["kind"]:
            text = " ".join(part for part in (row["kind"], row["instrume"], row["band"]) if part)
        elif row["source_name"] == curve["source_name"] and row["rootname"] == curve["rootname"]:
            text = " ".join(part for part in (row["instrume"], row["band"]) if part)
        else:
            text = row["source_name"] if row["source_name"] != curve["source_name"] else row["rootname"]
        here = row["product_id"] == curve["product_id"]
        found.append({**row, "text": text or row["filename"], "link": curve_address(row["filename"]), "here": here})
    return found
