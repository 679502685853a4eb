"""What the pages of targets show, as plain texts and addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from hstlc.db.target_pages import COUNTED, TargetRows
from hstlc.web.places import ARCMIN, sexagesimal
from hstlc.web.timeline import Observed, timeline
from hstlc.web.wording import curve_address, mjd_moment, number, target_address

__all__ = ["line_of", "shown"]

Row = Mapping[str, Any]

#: Pictures of a group of light curves, and rows of a table; the rest is behind a link.
_CARDS, _ROWS = 12, 25


def line_of(target: Row) -> dict[str, str]:
    """Return a target as a row of the list."""
    counted = sum(one["number"] for one in target["curves"])
    by = (f"{one['mission'].upper()} {one['instrume']} {one['number']}" for one in target["curves"])
    distance = target.get("distance_deg")
    return {
        "name": target["name"],
        "href": target_address(target["name"]),
        "ra": _degrees(target["ra_deg"]),
        "dec": _degrees(target["dec_deg"]),
        "place": _place(target),
        "distance": "" if distance is None else f"{distance / ARCMIN:.3f}",
        "curves": f"{counted}{' and more' if counted >= COUNTED else ''}" if counted else "none",
        "by": ", ".join(by),
        "curves_href": _curves(target["name"]),
    }


def shown(target: Row, rows: TargetRows) -> dict[str, Any]:
    """Return the values of the page of a target."""
    name = target["name"]
    leads = [row for row in rows.curves if row["lead"]]
    composites = [row for row in leads if row["kind"] == "composite"]
    groups = [_group("Composites", composites, _curves(name, kind="composite", lead="true"))] if composites else []
    for setup, own in _by_setup([row for row in leads if row["kind"] != "composite"]).items():
        mission, instrume, detector, element, cenwave = setup
        title = " ".join(part for part in (mission.upper(), instrume, detector, element) if part and part != "NONE")
        chosen = {"mission": mission, "instrume": instrume, "detector": detector, "opt_elem": element}
        address = _curves(name, **chosen, kind="individual", lead="true")
        groups.append(_group(f"{title} {cenwave} Å" if cenwave else title, own, address))
    times = [row["expstart_mjd"] for row in rows.exposures if row["expstart_mjd"] is not None]
    return {
        "target": name,
        "aliases": [alias for alias in rows.aliases if alias != name],
        "moving": target["moving"],
        "ra": _degrees(target["ra_deg"]),
        "dec": _degrees(target["dec_deg"]),
        "place": _place(target),
        "around_href": _around(target),
        "missions": ", ".join(sorted({row["mission"].upper() for row in rows.exposures})),
        "counts": {
            "exposures": _many(len(rows.exposures), "exposures" in rows.more),
            "curves": _many(len(rows.curves), "curves" in rows.more),
        },
        "first": mjd_moment(min(times, default=None))[:10],
        "last": mjd_moment(max(times, default=None))[:10],
        "groups": groups,
        "others": number(len(rows.curves) - len(leads)) if len(rows.curves) > len(leads) else "",
        "others_href": _curves(name, lead="false"),
        "timeline": timeline([one for row in rows.exposures if (one := _observed(row)) is not None]),
        "exposures": [_exposure(row) for row in rows.exposures[-_ROWS:][::-1]],
        "exposures_more": len(rows.exposures) > _ROWS,
        "sources": [_source(row) for row in rows.sources[:_ROWS]],
        "sources_more": len(rows.sources) > _ROWS or "sources" in rows.more,
        "candidates": [_candidate(row) for row in rows.candidates[:_ROWS]],
        "candidates_href": f"/candidates?{urlencode({'target': name})}",
        "candidates_more": len(rows.candidates) > _ROWS,
        "findings": [
            {**row, "href": f"/findings?{urlencode({'text': row['rootname']})}"} for row in rows.findings[:_ROWS]
        ],
        "findings_more": len(rows.findings) > _ROWS,
        "curves_href": _curves(name),
        "api_href": f"/api/v1/targets/{quote(name, safe='')}",
        "download": f"/api/v1/curves?{urlencode({'targname': name})}&format=",
    }


def _curves(name: str, **chosen: str) -> str:
    return f"/curves?{urlencode({'targname': name, **chosen})}"


def _degrees(value: float | None) -> str:
    return "" if value is None else f"{value:.5f}"


def _place(target: Row) -> str:
    if target["ra_deg"] is None or target["dec_deg"] is None:
        return ""
    return sexagesimal(target["ra_deg"], target["dec_deg"])


def _around(target: Row) -> str:
    if target["ra_deg"] is None or target["dec_deg"] is None:
        return ""
    return f"/targets?{urlencode({'ra': target['ra_deg'], 'dec': target['dec_deg'], 'radius': 0.5})}"


def _many(count: int, more: bool) -> str:
    return f"{'more than ' if more else ''}{number(count)}"


def _by_setup(rows: Sequence[Row]) -> dict[tuple[Any, ...], list[Row]]:
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        key = tuple(row[name] for name in ("mission", "instrume", "detector", "opt_elem", "cenwave"))
        found.setdefault(key, []).append(row)
    return {key: found[key] for key in sorted(found)}


def _group(title: str, rows: Sequence[Row], href: str) -> dict[str, Any]:
    """Return a group of curves, the newest first."""
    ranked = sorted(rows, key=lambda row: (-(row["start_mjd"] or 0.0), row["filename"]))
    return {
        "title": title,
        "cards": [_card(row) for row in ranked[:_CARDS]],
        "all": len(rows) if len(rows) > _CARDS else 0,
        "href": href,
    }


def _card(row: Row) -> dict[str, Any]:
    single = row["exposures"] == 1
    what = row["source_name"] or row["rootname"] or f"{row['exposures']} exposure{'' if single else 's'}"
    counts = "" if row["total"] is None else f"{number(row['total'])} ct"
    setup = " ".join(
        part
        for part in (row["instrume"], row["opt_elem"], str(row["cenwave"] or ""), row["band"])
        if part and part != "NONE"
    )
    return {
        "href": curve_address(row["filename"]),
        "thumbnail": f"/curve/{row['product_id']}/thumbnail.png",
        "name": what,
        "about": ", ".join(part for part in (setup, mjd_moment(row["start_mjd"])[:10], counts) if part),
        "varies": bool(row["interesting"]),
        "candidates": row["candidates"] or 0,
    }


def _observed(row: Row) -> Observed | None:
    if row["expstart_mjd"] is None:
        return None
    end = row["expend_mjd"] if row["expend_mjd"] is not None else row["expstart_mjd"]
    line = f"{row['mission'].upper()} {row['instrume']}"
    return Observed(line[:20], row["rootname"], row["expstart_mjd"], max(end, row["expstart_mjd"]))


def _exposure(row: Row) -> dict[str, Any]:
    setup = (row["instrume"], row["detector"], row["opt_elem"], str(row["cenwave"] or ""), row["aperture"])
    return {
        "rootname": row["rootname"],
        "href": f"/curves?{urlencode({'rootname': row['rootname']})}",
        "mission": row["mission"].upper(),
        "setup": " ".join(part for part in setup if part and part != "NONE"),
        "start": mjd_moment(row["expstart_mjd"]),
        "exptime": number(row["exptime_s"], 6),
        "proposid": "" if row["proposid"] is None else str(row["proposid"]),
        "withdrawn": row["withdrawn"],
    }


def _source(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "href": f"/curves?{urlencode({'source_name': row['name']})}",
        "ra": _degrees(row["ra_deg"]),
        "dec": _degrees(row["dec_deg"]),
        "exposures": str(row["exposures"]),
    }


def _candidate(row: Row) -> dict[str, Any]:
    return {
        "kind": row["kind"],
        "href": curve_address(row["filename"], row["start_mjd"], row["end_mjd"]),
        "curve": row["filename"],
        "start": mjd_moment(row["start_mjd"]),
        "duration": number(row["duration_s"]),
        "counts": number(float(row["counts"])),
        "expected": number(float(row["expected_counts"])),
        "probability": number(row["probability"], 2),
    }
