"""The files of one source in one observation for a report. Runs in a worker."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from hstlc.db.keys import mission_of
from hstlc.errors import InconsistentError
from hstlc.formats.curve_fits import read_light_curve
from hstlc.formats.exports import curve_csv, curve_json
from hstlc.missions.registry import missions
from hstlc.model import LightCurve
from hstlc.pipeline.results import Failure, failure_of
from hstlc.store.layout import slug
from hstlc.store.permissions import Access
from hstlc.store.publish import publish, stage_bytes

if TYPE_CHECKING:
    from hstlc.plots.report import Download, ReportCurve

__all__ = ["CURVES", "STATIC", "Made", "ReportTask", "make_report_files", "write_file"]

#: Folders of a report.
CURVES, STATIC = "curves", "static"

_MJD_ZERO = datetime(1858, 11, 17)


@dataclass(frozen=True, slots=True)
class ReportTask:
    """A source in one observation.

    Attributes
    ----------
    name : str
        For messages.
    anchor : str
        Id of its part of the page.
    rows : sequence of mappings
        Its light curves as :func:`hstlc.db.reports.reported_curves` has them; the first one stands for the source.
    paths : sequence of Path
        Their files.
    folder : Path
        The report as far as it is made.
    script : str
        Name of the script that pages share.
    oversampling : int
        Of the periodogram.
    run : str
        Identifier of the run, for ``.part`` files.
    access : Access
    """

    name: str
    anchor: str
    rows: Sequence[Mapping[str, Any]]
    paths: Sequence[Path]
    folder: Path
    script: str
    oversampling: int
    run: str
    access: Access


@dataclass(frozen=True, slots=True)
class Made:
    """What the report says of it, and the digest of each file that was written, by path in the report."""

    curve: ReportCurve
    files: Mapping[str, str]


def make_report_files(task: ReportTask) -> Made | Failure:
    """Write pictures, page and exports of a source in one observation; an error is returned as a value."""
    try:
        return _make(task)
    except Exception as error:
        return failure_of(error, what=task.name)


def write_file(folder: Path, name: str, content: bytes, run: str, access: Access) -> str:
    """Write a file of a report and return its digest; ``name`` is its path in the report."""
    target = folder / name
    publish(stage_bytes(content, target.parent, target.name, run, access=access), sync=False)
    return hashlib.sha256(content).hexdigest()


def _make(task: ReportTask) -> Made:
    from hstlc.plots.quicklook import quicklook_png
    from hstlc.plots.report import ReportCurve
    from hstlc.plots.stamp import stamp_png, stamp_title
    from hstlc.plots.static import static_png

    contents = [_recorded(path, row["sha256"]) for path, row in zip(task.paths, task.rows, strict=True)]
    curves = [read_light_curve(path) for path in task.paths]
    lead, row, files = curves[0], task.rows[0], {}

    def write(name: str, content: bytes) -> str:
        path = f"{CURVES}/{slug(row['mission'])}/{name}"
        files[path] = write_file(task.folder, path, content, task.run, task.access)
        return quote(path)

    stem = task.paths[0].name.removesuffix(".fits")
    picture, thumbnail = write(f"{stem}.png", static_png(lead)), write(f"{stem}_quicklook.png", quicklook_png(lead))
    stamps = tuple(
        (stamp_title(stamp), write(f"{stem}_{slug(stamp.name).lower()}.png", stamp_png(stamp))) for stamp in lead.stamps
    )
    downloads = []
    for path, one, curve, content in zip(task.paths, task.rows, curves, contents, strict=True):
        downloads.append(_downloads(path.name, str(one["band"]), content, curve, write))
    links = {"report": f"../../index.html#{task.anchor}", "PNG": f"{quote(stem)}.png"}
    others = {str(one["band"]): curve for one, curve in zip(task.rows[1:], curves[1:], strict=True)}
    page = write(f"{stem}.html", _page(task, lead, others, links))
    gross, net, live = (float(np.sum(lead[name])) for name in ("gross", "counts", "exposure"))
    said = ReportCurve(
        anchor=task.anchor,
        instrument=" ".join(text for text in (row["instrume"], row["detector"]) if text),
        observation=row["rootname"],
        region=row["number"] or "",
        start=_utc(row["expstart_mjd"]),
        end=_utc(row["expend_mjd"]),
        offaxis_arcmin=row["offaxis_arcmin"],
        ra_deg=row["ra_deg"],
        dec_deg=row["dec_deg"],
        rate_ct_s=net / live if live > 0 else None,
        counts=round(gross),
        exposure_s=live,
        gl_index=row["gl_index"],
        page=page,
        picture=picture,
        thumbnail=thumbnail,
        stamps=stamps,
        downloads=tuple(downloads),
    )
    return Made(said, files)


def _recorded(path: Path, sha256: str) -> bytes:
    """Return the content of a light curve that is the one that was recorded."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise InconsistentError(
            "data.changed",
            f"{path}: expected the light curve that was recorded, found {'another one' if content else 'no file'}",
            "delete it and run 'hstlc ingest --stale', which makes it again",
            path=str(path),
        )
    return content


def _downloads(name: str, band: str, content: bytes, curve: LightCurve, write: Any) -> Download:
    from hstlc.plots.report import Download

    stem = name.removesuffix(".fits")
    made = {f"{stem}.csv": curve_csv(curve), f"{stem}.fits": content, f"{stem}.json": curve_json(curve)}
    kinds = ("CSV", "FITS", "JSON")
    return Download(band, {kind: write(name, data) for kind, (name, data) in zip(kinds, made.items(), strict=True)})


def _page(task: ReportTask, lead: LightCurve, others: Mapping[str, LightCurve], links: Mapping[str, str]) -> bytes:
    from hstlc.pipeline.drawing import is_of_source
    from hstlc.plots.page import curve_page
    from hstlc.plots.source_page import source_page

    common: dict[str, Any] = {
        "identity": f"report/{task.rows[0]['key']}",
        "script": f"../../{STATIC}/{task.script}",
        "links": links,
    }
    if not is_of_source(lead):
        return curve_page(lead, **common)
    mission = missions().get(mission_of(task.rows[0]["key"]))
    artifacts_s = mission.artifacts_s(lead.meta) if mission is not None else {}
    return source_page(lead, others, artifacts_s=artifacts_s, oversampling=task.oversampling, **common)


def _utc(mjd: float | None) -> str:
    """Return a modified Julian date of UTC as a reader writes it; '' where it is unknown or no date of the calendar."""
    try:
        return f"{_MJD_ZERO + timedelta(seconds=round(mjd * 86400)):%Y-%m-%d %H:%M:%S}" if mjd is not None else ""
    except (OverflowError, ValueError):
        return ""
