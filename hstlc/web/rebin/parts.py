"""Exposures made ready to be binned again and again: the same code as the pipeline's, with another setting or two."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from hstlc.errors import UsageError
from hstlc.formats.curve_fits import read_light_curve
from hstlc.missions.base import Mission
from hstlc.missions.registry import mission as find_mission
from hstlc.model import LightCurve
from hstlc.pipeline.inputs import identify
from hstlc.web.errors import NotFoundError
from hstlc.web.rebin.held import Held, give_back
from hstlc.web.rebin.subject import Part, Selection, Subject

__all__ = ["from_events", "made_of_events", "settings_for", "stored_curve"]

Check = Callable[[], None]


def stored_curve(subject: Subject, held: Held) -> LightCurve:
    """Return the light curve as it is stored; its file may be gone meanwhile."""
    try:
        changed = subject.path.stat().st_mtime_ns
    except OSError:
        raise NotFoundError(f"{subject.name}: its file is gone", "'hstlc ingest' makes it again") from None
    key = f"curve {subject.path} {changed}"
    curve: LightCurve = held.get(key, lambda: read_light_curve(subject.path))
    return curve


def made_of_events(subject: Subject) -> bool:
    """Tell whether there are event lists to make the light curve of; else it was imported."""
    return bool(subject.parts) and subject.settings is not None and all(part.files for part in subject.parts)


def settings_for(subject: Subject, selection: Selection, width_s: float | None) -> Any:
    """Return the mission's settings with the bins and the band that are wanted.

    Raises
    ------
    UsageError
        ``usage.bin-width``, ``usage.band``.
    """
    options: dict[str, Any] = {}
    if width_s is not None:
        options["bin_width"] = width_s
    if selection.energy_kev is not None:
        options["energy"] = selection.energy_kev
    if selection.wavelength_aa is not None:
        options["wavelength"] = selection.wavelength_aa
    if selection.band:
        options["band"] = _plain_band(subject, selection.band)
    try:
        return find_mission(subject.mission).curve_options(subject.settings, **options)
    except UsageError as error:
        code = "usage.band" if selection.other_band else "usage.bin-width"
        raise UsageError(code, error.message, error.hint) from None


def _plain_band(subject: Subject, band: str) -> str:
    """Return the name of a band without the camera of the light curve, which stays."""
    own = subject.parts[0].band.rpartition("_")[0] if subject.parts else ""
    camera, _, name = band.rpartition("_")
    if camera and camera != own:
        raise UsageError("usage.band", f"this light curve is not of {camera}", "open the light curve of that camera")
    return name if camera else band


def from_events(
    subject: Subject, selection: Selection, width_s: float | None, held: Held, check: Check
) -> list[LightCurve]:
    """Return the light curve of each exposure, made of its events.

    Parameters
    ----------
    subject : Subject
        With the files of every part.
    selection : Selection
        The band of it matters.
    width_s : float or None, seconds
        Width of the bins; None: that of the settings.
    held : Held
        Where ready exposures are kept.
    check : callable
        Called between exposures; raises to end the work.

    Raises
    ------
    UsageError
        ``usage.bin-width``, ``usage.band``.
    NotFoundError
        A file is gone, or another one.
    """
    mission = find_mission(subject.mission)
    settings = settings_for(subject, selection, width_s)
    if mission.prepare is not None:
        curves = []
        for part in subject.parts:
            check()
            make = held.get(f"part {part.key}", partial(_prepared, mission, subject, part))
            curves.append(make(settings))
        return curves
    band = selection.band if subject.kind != "composite" else ""
    if selection.band and not band:
        raise UsageError("usage.band", "bands of a composite have no names", "give a range: wavelength=LOW,HIGH")
    if not selection.other_band:
        band = subject.parts[0].band
    settings = settings if band else settings.model_copy(update={"bands": ()})
    return [
        _extracted(mission, part, settings, choice, band, held, check) for part, choice in _choices(subject, settings)
    ]


def _prepared(mission: Mission, subject: Subject, part: Part) -> Callable[[Any], LightCurve]:
    assert mission.prepare is not None
    modules = len(sys.modules)
    try:
        return mission.prepare(_load(mission, part), subject.settings, part.source, part.band)
    finally:  # the import of astropy leaves tracebacks in cycles, and in them the calls below which it was imported
        give_back(cycles=len(sys.modules) > modules)


def _choices(subject: Subject, settings: Any) -> list[tuple[Part, Any]]:
    """Return the exposures with what is to be taken of each: of a composite what all of them see."""
    if subject.kind != "composite":
        return [(subject.parts[0], None)]
    mission = find_mission(subject.mission)
    if mission.comparable is None:
        return [(part, None) for part in subject.parts]
    comparable = mission.comparable([part.values for part in subject.parts], settings)
    kept = [part for number, part in enumerate(subject.parts) if number not in comparable.excluded]
    if not kept:
        reason = next(iter(comparable.excluded.values()), "")
        raise UsageError("usage.band", f"no exposure sees all of the band: {reason}", "give another band")
    return [(part, comparable.selection) for part in kept]


def _extracted(
    mission: Mission, part: Part, settings: Any, choice: Any, band: str, held: Held, check: Check
) -> LightCurve:
    check()
    exposure = held.get(f"exposure {part.key}", lambda: _load(mission, part))
    check()
    made = mission.extract(exposure, settings, choice)
    if not band:
        return made.curve
    found = made.bands.get(band) or next(iter(made.bands.values()), None)
    if found is None:
        raise UsageError(
            "usage.band", f"{part.rootname}: no detector sees all of the band {band}", "give a range of wavelengths"
        )
    return found


def _load(mission: Mission, part: Part) -> Any:
    identities = []
    for kind, path, size in part.files:
        if not path.is_file() or path.stat().st_size != size:
            raise NotFoundError(
                f"{path.name}: the file is gone or another one", "'hstlc files verify' tells of all such files"
            )
        identity = identify(path, (mission.name,))
        if identity.kind != kind:
            raise NotFoundError(f"{path.name}: it is not the {kind} file it was", "run 'hstlc ingest --stale'")
        identities.append(identity)
    return mission.load(identities)
