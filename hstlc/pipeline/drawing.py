"""The plots of one light curve: page, picture, thumbnail, periodogram. Runs in a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hstlc.db.keys import mission_of
from hstlc.db.plots import VIEWS
from hstlc.errors import InconsistentError
from hstlc.formats.curve_fits import read_light_curve
from hstlc.missions.registry import missions
from hstlc.model import LightCurve
from hstlc.pipeline.results import Failure, failure_of
from hstlc.store.digest import sha256_file
from hstlc.store.layout import Layout
from hstlc.store.publish import Staged, discard, free_space_guard, stage_bytes

__all__ = ["STATIC", "Drawn", "PlotTask", "draw", "is_of_source", "plot_names", "relative_url"]

#: Folder of the files that all pages share, in the plot folder.
STATIC = "static"


@dataclass(frozen=True, slots=True)
class PlotTask:
    """One light curve to draw.

    Attributes
    ----------
    curve : mapping
        Row of ``product``, with ``input``, the digest of all that its plots show.
    path : Path
        The light curve.
    folder : Path
        Where its plots go.
    oversampling : int
        Of the periodogram.
    version : int
        Of the plots.
    digest : str
        Of their settings.
    script : str
        Name of the script that pages share.
    index : str
        Name of the page that leads to all others.
    layout : Layout
    run : str
        Identifier of the run, for ``.part`` files.
    min_free_space : int, bytes
    others : mapping of str to (Path, str)
        The other light curves of a source, and their SHA-256, by band.
    """

    curve: Mapping[str, Any]
    path: Path
    folder: Path
    oversampling: int
    version: int
    digest: str
    script: str
    index: str
    layout: Layout
    run: str
    min_free_space: int
    others: Mapping[str, tuple[Path, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Key of the light curve, for messages."""
        return f"plots of {self.curve['key']}"


@dataclass(frozen=True, slots=True)
class Drawn:
    """Plots that wait to be published, and their rows of ``product``."""

    task: PlotTask
    staged: tuple[Staged, ...]
    rows: tuple[Mapping[str, Any], ...] = field(default=())


def plot_names(filename: str) -> dict[str, str]:
    """Return the file names of the plots of a light curve, by kind of plot.

    Examples
    --------
    >>> plot_names("a_curve.fits")["quicklook"]
    'a_curve_quicklook.png'
    """
    stem = filename.removesuffix(".fits")
    endings = (".html", ".png", "_quicklook.png", "_periodogram.html")
    return {kind: stem + ending for kind, ending in zip(VIEWS, endings, strict=True)}


def relative_url(target: Path, folder: Path) -> str:
    """Return the URL of a file as a page in ``folder`` writes it."""
    import os
    from urllib.parse import quote

    return quote(Path(os.path.relpath(target, folder)).as_posix())


def draw(task: PlotTask) -> Drawn | Failure:
    """Draw one light curve; an error is returned as a value, and what was staged for it is removed."""
    staged: list[Staged] = []
    try:
        return _draw(task, staged)
    except Exception as error:
        for one in staged:
            discard(one)
        return failure_of(error, what=task.name)


def _draw(task: PlotTask, staged: list[Staged]) -> Drawn:
    from hstlc.plots.display import display
    from hstlc.plots.page import MOST_BINS, curve_page
    from hstlc.plots.periodogram import periodogram_page
    from hstlc.plots.quicklook import quicklook_png
    from hstlc.plots.static import static_png

    curve = _recorded(task.path, task.curve["sha256"])
    names = plot_names(task.curve["filename"])
    plots = task.layout.plots
    script = relative_url(plots / STATIC / task.script, task.folder)
    common = {
        "FITS file": relative_url(task.path, task.folder),
        "all curves": relative_url(plots / task.index, task.folder),
    }
    periodogram = periodogram_page(
        curve,
        oversampling=task.oversampling,
        identity=f"periodogram/{task.curve['kind']}/{task.curve['key']}",
        script=script,
        links={"light curve": relative_url(task.folder / names["page"], task.folder), **common},
    )
    links = {"PNG": relative_url(task.folder / names["plot"], task.folder)}
    if periodogram is not None:
        links["periodogram"] = relative_url(task.folder / names["periodogram"], task.folder)
    identity = f"{task.curve['kind']}/{task.curve['key']}"
    shown = display(curve, MOST_BINS)
    page: dict[str, Any] = {"identity": identity, "script": script, "links": links | common}
    contents = {
        "page": _source_page(task, curve, page) if is_of_source(curve) else curve_page(shown, **page),
        "plot": static_png(shown),
        "quicklook": quicklook_png(shown),
        "periodogram": periodogram,
    }
    free_space_guard(task.folder, sum(map(len, filter(None, contents.values()))), task.min_free_space)
    rows = []
    for kind, content in contents.items():
        if content is not None:
            one = stage_bytes(content, task.folder, names[kind], task.run, access=task.layout.access)
            staged.append(one)
            rows.append(_row(task, kind, one))
    return Drawn(task, tuple(staged), tuple(rows))


def is_of_source(curve: LightCurve) -> bool:
    """Tell whether a light curve is that of a source in the field, whose page shows its events too."""
    return curve.arrivals is not None or bool(curve.stamps) or bool(curve.meta.get("SRCNAME"))


def _recorded(path: Path, sha256: str) -> LightCurve:
    """Return a light curve that is the one that was recorded."""
    if sha256_file(path) != sha256:
        raise InconsistentError(
            "data.changed",
            f"{path}: the light curve is not the one that was recorded",
            "delete it and run 'hstlc ingest --stale', which makes it again",
            path=str(path),
        )
    return read_light_curve(path)


def _source_page(task: PlotTask, curve: LightCurve, page: Mapping[str, Any]) -> bytes:
    from hstlc.plots.source_page import source_page

    others = {band: _recorded(*place) for band, place in task.others.items()}
    mission = missions().get(mission_of(task.curve["key"]))
    artifacts_s = mission.artifacts_s(curve.meta) if mission is not None else {}
    return source_page(curve, others, artifacts_s=artifacts_s, oversampling=task.oversampling, **page)


def _row(task: PlotTask, kind: str, staged: Staged) -> dict[str, Any]:
    return {
        "kind": kind,
        "key": task.curve["key"],
        "path": task.layout.relative(staged.target.parent),
        "filename": staged.target.name,
        "sha256": staged.sha256,
        "size_bytes": staged.size,
        "input_digest": task.curve["input"],
        "step_version": task.version,
        "settings_digest": task.digest,
        "made_at": datetime.now(UTC),
        "parent_id": task.curve["id"],
    }
