"""Light curves of files without a store: what an exposure consists of, its curves, and their totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hstlc.checks import first_rejection, run_checks
from hstlc.errors import HstlcError, StoreError, UnreadableError, UnsupportedModeError, UsageError
from hstlc.missions.base import Extraction, FileIdentity, Mission, Role, is_event_kind
from hstlc.missions.registry import mission as find_mission
from hstlc.model import Finding, LightCurve
from hstlc.pipeline.inputs import fits_files, identify
from hstlc.pipeline.placement import curve_name
from hstlc.pipeline.results import Failure, failure_of

__all__ = [
    *("ExposureCurve", "ExposureCurves", "Totals", "chosen_curve", "event_file", "exposure_of"),
    *("extract_files", "totals_of", "totals_row", "write_curve"),
]


@dataclass(frozen=True, slots=True)
class Totals:
    """A light curve in one line.

    Attributes
    ----------
    counts, background : float, ct
        In the source region, and expected of the background there.
    live_s : float, seconds
    rate_ct_s, rate_error_ct_s : float or None, ct/s
        Net rate and its error, half of what lies between the limits; None without live time.
    rate_low_ct_s, rate_high_ct_s : float or None, ct/s
        Limits of the net rate, 68.27 %.
    gl_index : int or None
        Variability index 0 to 10; None where single arrivals are not known.
    """

    counts: float
    background: float
    live_s: float
    rate_ct_s: float | None
    rate_error_ct_s: float | None
    rate_low_ct_s: float | None
    rate_high_ct_s: float | None
    gl_index: int | None


@dataclass(frozen=True, slots=True)
class ExposureCurve:
    """One light curve of an exposure; ``source`` and ``band`` are '' for all there is, ``lead`` stands for the source.

    ``filename`` is the name that 'hstlc ingest' gives it too.
    """

    source: str
    band: str
    lead: bool
    curve: LightCurve
    filename: str


@dataclass(frozen=True, slots=True)
class ExposureCurves:
    """The light curves of an exposure, or why there are none."""

    mission: str
    rootname: str
    curves: tuple[ExposureCurve, ...]
    findings: tuple[Finding, ...] = ()
    rejection: Finding | None = None


def event_file(path: Path) -> FileIdentity:
    """Return what an event list is.

    Raises
    ------
    UnsupportedModeError
        ``data.not-events``: it is none, or cannot be read.
    """
    identity = identify(path)
    if identity.role is not Role.EVENTS or identity.problem:
        raise UnsupportedModeError(
            "data.not-events",
            identity.problem or identity.message or f"{path.name}: a {identity.kind} file, not an event list",
            "give an event list, such as a COS corrtag",
            path=str(path),
        )
    return identity


def exposure_of(path: Path) -> tuple[Mission, list[FileIdentity]]:
    """Return the mission of an event list and the files of its exposure that lie in its folder, itself first.

    Raises
    ------
    UnsupportedModeError
        ``data.not-events``: recognized, but not an event list.
    UnreadableError
        ``data.unreadable``: one of the files is not whole.
    """
    identity = event_file(path)
    mission = find_mission(identity.mission)
    files = [identity, *_companions(mission, identity)]
    for file in files:
        if file.problem:
            raise UnreadableError(
                "data.unreadable", file.problem, "get it again, or take it out of the folder", path=str(file.path)
            )
    return mission, files


def _companions(mission: Mission, file: FileIdentity) -> Iterator[FileIdentity]:
    for path in mission.companions(file.path):
        other = identify(path, (mission.name,))
        if other.rootname == file.rootname and other.role in (Role.EVENTS, Role.COMPANION):
            yield other


def extract_files(
    paths: Sequence[Path], settings: Mapping[str, Any], options: Mapping[str, Any], *, source: str | None = None
) -> Iterator[ExposureCurves | Failure]:
    """Yield the light curves of each exposure that files and folders hold, in order; one that fails stops no other.

    Parameters
    ----------
    paths : sequence of Path
        See :func:`hstlc.pipeline.inputs.fits_files`. The rest of the exposure of a file is taken from its folder.
    settings : mapping
        Settings of each mission; the defaults of those that are absent.
    options : mapping
        Of ``curve_options`` of the mission, see :func:`hstlc.light_curve`.
    source : str, optional
        Only this one.

    Raises
    ------
    UsageError
        ``usage.no-such-path``, and ``usage.bad-option`` of the mission.
    """
    exposures: dict[tuple[str, str], dict[Path, FileIdentity]] = defaultdict(dict)
    for path in fits_files(paths):
        try:
            identity = identify(path)
            if identity.role in (Role.WAITING, Role.REFUSED):
                yield Failure(path.name, "data.not-events", identity.message, identity.reason)
                continue
            files = exposures[identity.mission, identity.rootname]
            files[path] = identity
            files |= {other.path: other for other in _companions(find_mission(identity.mission), identity)}
        except HstlcError as error:
            yield failure_of(error, path=path)
    asked = {name: _asked(find_mission(name), settings, options) for name in sorted({name for name, _ in exposures})}
    for (name, rootname), files in sorted(exposures.items()):
        mission = find_mission(name)
        latest = {file.kind: file for file in sorted(files.values(), key=lambda file: (file.kind, file.version))}
        try:
            yield _extracted(mission, rootname, list(latest.values()), asked[name], options, source)
        except Exception as error:
            yield failure_of(error, what=f"{name}/{rootname}")


def _asked(mission: Mission, settings: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    return mission.curve_options(settings.get(mission.name) or mission.settings_model(), **options)


def _extracted(
    mission: Mission,
    rootname: str,
    files: Sequence[FileIdentity],
    settings: Any,
    options: Mapping[str, Any],
    source: str | None,
) -> ExposureCurves:
    if not any(is_event_kind(file.kind, mission.event_kinds) for file in files):
        names = ", ".join(sorted(file.path.name for file in files))
        raise UnsupportedModeError(
            "data.not-events",
            f"{names}: expected the event list of exposure {rootname} beside it, found none",
            "give the event list, or put it into the same folder",
            path=str(files[0].path),
        )
    exposure = mission.load(files)
    findings = run_checks(mission.checks, exposure, settings)
    rejection = first_rejection(findings)
    if rejection is not None:
        return ExposureCurves(mission.name, rootname, (), findings, rejection)
    made = mission.extract(exposure, settings)
    provenance = _provenance(files)
    curves = tuple(
        ExposureCurve(name, band, lead, replace(curve, provenance=provenance), curve_name(rootname, band, name))
        for name, band, lead, curve in _curves_of(made, options)
        if source is None or name == source
    )
    if source is not None and not curves:
        raise _no_such_source(made, source, rootname)
    return ExposureCurves(mission.name, rootname, curves, (*findings, *made.findings))


def _curves_of(made: Extraction, options: Mapping[str, Any]) -> Iterator[tuple[str, str, bool, LightCurve]]:
    """Yield source, band, whether it leads, and curve: of the sources, or of the exposure where it has none."""
    for seen in made.sources:
        yield from ((seen.source.name, band, band == seen.lead, curve) for band, curve in seen.curves.items())
    if made.sources:
        return
    if options.get("band") is None:
        yield "", "", True, made.curve
    yield from (("", band, False, curve) for band, curve in made.bands.items())


def _provenance(files: Sequence[FileIdentity]) -> tuple[Mapping[str, str], ...]:
    from hstlc.store.digest import sha256_file

    return tuple(
        {"filename": f.path.name, "kind": f.kind, "sha256": sha256_file(f.path), "cal_ver": f.cal_ver} for f in files
    )


def chosen_curve(made: Extraction, source: str | None, band: str | None, what: str) -> LightCurve:
    """Return the curve of a source in a band.

    Parameters
    ----------
    made : Extraction
    source : str or None
        None: the only one; '': everything in the field.
    band : str or None
        None: the one that leads.
    what : str
        What to call the exposure in a message.

    Raises
    ------
    UsageError
        ``usage.bad-option``: no such source or band, or several sources and none named.
    """
    if source == "" or (source is None and not made.sources):
        if band is None or source == "":
            return made.curve
        if made.bands:
            return next(iter(made.bands.values()))
        raise UsageError(
            "usage.bad-option",
            f"{what}: nothing of this exposure sees all of the band {band}",
            "give another band, or a range of wavelengths, which may reach beyond what is seen",
            path=what,
        )
    found = [seen for seen in made.sources if source is None or seen.source.name == source]
    if not found:
        raise _no_such_source(made, str(source), what)
    if len(found) > 1:
        raise UsageError(
            "usage.bad-option",
            f"{what}: there are {len(found)} sources in the field: {_names(made)}",
            "name one (source=), or give its place (ra, dec, radius) or a region",
        )
    (seen,) = found
    return seen.curves[band if band is not None and band in seen.curves else seen.lead]


def _no_such_source(made: Extraction, source: str, what: str) -> UsageError:
    return UsageError("usage.bad-option", f"{what}: there is no source {source!r}", f"there are: {_names(made)}")


def _names(made: Extraction) -> str:
    names = [seen.source.name for seen in made.sources]
    return ", ".join([*names[:8], *(["..."] if len(names) > 8 else [])]) or "none"


def totals_of(curve: LightCurve) -> Totals:
    """Return the totals of a light curve over all its live time.

    The limits of the rate are those of :func:`hstlc.lightcurves.poisson.net_limits` where events are counted one by
    one, else one standard deviation of the weighted counts on either side.
    """
    from hstlc.lightcurves.poisson import net_limits
    from hstlc.stats.arrival_summary import arrival_odds

    counts, background, live, variance = (
        float(np.nansum(curve[name])) for name in ("gross", "background", "exposure", "variance")
    )
    odds = arrival_odds(curve)
    index = odds.index if odds else None
    if not live > 0:
        return Totals(counts, background, live, None, None, None, None, index)
    rate = (counts - background) / live
    if "source_events" in curve.data:
        off = float(np.sum(curve["background_events"]))
        scale = background / off if off > 0 else float(np.mean(curve["background_scale"]))
        limits = net_limits(
            [np.sum(curve["source_events"])], [off], [scale], [live], variance=[variance] if variance > 0 else None
        )
        low, high = (float(limit[0]) for limit in limits)
    else:
        low, high = rate - variance**0.5 / live, rate + variance**0.5 / live
    return Totals(counts, background, live, rate, (high - low) / 2, low, high, index)


def write_curve(made: ExposureCurve, folder: Path, *, overwrite: bool) -> Path:
    """Write the FITS file of a light curve, whole or not at all, and return its path.

    Raises
    ------
    StoreError
        ``store.exists``: another file has the name, and it may not be overwritten; ``store.full`` and others.
    """
    from hstlc.formats.curve_fits import write_light_curve
    from hstlc.store.publish import publish, run_id, stage_bytes

    staged = stage_bytes(write_light_curve(made.curve), folder, made.filename, run_id())
    try:
        return publish(staged, replace=overwrite)
    except StoreError as error:
        if error.code != "store.exists":
            raise
        hint = "add --overwrite, or give another folder"
        raise StoreError(error.code, error.message, hint, path=str(staged.target)) from None


def totals_row(name: str, made: ExposureCurve, path: Path | None) -> dict[str, Any]:
    """Return a light curve as plain values for JSON and tables."""
    row = {"exposure": name, "source": made.source, "band": made.band, "lead": made.lead}
    return {**row, **asdict(totals_of(made.curve)), "file": str(path) if path else None}
