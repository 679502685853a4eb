"""What a mission is to the rest of the system: one frozen value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hstlc.checks import Check
from hstlc.model import EventList, Finding, LightCurve, Source

__all__ = [
    "Comparable",
    "ExposureValues",
    "Extraction",
    "FileIdentity",
    "Mission",
    "Role",
    "SourceCurves",
    "is_event_kind",
]


class Role(StrEnum):
    """What becomes of a file that a mission recognises."""

    EVENTS = "events"  # photons: light curves are made of it
    COMPANION = "companion"  # belongs to an exposure and helps, but makes no curve alone
    WAITING = "waiting"  # a product of this mission that is not read yet: left where it is
    REFUSED = "refused"  # recognised, and not something that light curves are made of


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What a file says it is.

    Attributes
    ----------
    path : Path
        Where it was found.
    mission : str
        Mission name, '' when none recognises it.
    rootname : str
        The exposure it belongs to.
    kind : str
        Part of the exposure, such as ``corrtag_a``; an exposure has one current file a kind.
    role : Role
        What becomes of it.
    target : str
        Target name as in the header.
    cal_ver : str
        Calibration version as in the header.
    version : str
        Text that sorts later calibrations after earlier ones.
    problem : str
        Why the file cannot be read, '' when it can.
    reason, message : str
        For WAITING and REFUSED: the registered reason and the sentence for the user.
    ra_deg, dec_deg : float or None, degrees
        Position of the target, ICRS, at epoch 2000 where its proper motion is known; None where the file does not say.
    moving : bool
        The target moves across the sky.
    archive_name : str
        The name that its archive gives such a file, from its content: a file that has it keeps it.
    """

    path: Path
    mission: str
    rootname: str
    kind: str
    role: Role
    target: str = ""
    cal_ver: str = ""
    version: str = ""
    problem: str = ""
    reason: str = ""
    message: str = ""
    ra_deg: float | None = None
    dec_deg: float | None = None
    moving: bool = False
    archive_name: str = ""


@dataclass(frozen=True, slots=True)
class ExposureValues:
    """The documented ``metadata`` columns of an exposure, and what only its mission knows in ``extra``."""

    telescop: str
    instrume: str
    targname: str
    cal_ver: str
    obstype: str
    cenwave: int
    aperture: str
    detector: str
    opt_elem: str
    fppos: int
    ra_deg: float | None
    dec_deg: float | None
    expstart_mjd: float | None
    expend_mjd: float | None
    exptime_s: float | None
    proposid: int | None
    extra: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SourceCurves:
    """The light curves of one source in one exposure.

    Attributes
    ----------
    source : Source
    curves : mapping of str to LightCurve
        By band; a band that one of several cameras sees is called after both, such as ``pn_broad``.
    lead : str
        The band that stands for the source: its page shows the others too.
    """

    source: Source
    curves: Mapping[str, LightCurve]
    lead: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """What is made of an exposure.

    Attributes
    ----------
    curve : LightCurve
        Of all wavelengths or energies that are wanted.
    findings : tuple of Finding
        What was noticed while making it.
    extra : mapping
        For ``metadata.extra``.
    bands : mapping of str to LightCurve
        Further curves, of a band each; none where a selection was asked for.
    files : mapping of str to bytes
        Other FITS files that were made on the way, by kind of product, such as an event list that was calibrated.
    sources : tuple of SourceCurves
        The sources in the field, where an exposure has several.
    """

    curve: LightCurve
    findings: tuple[Finding, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    bands: Mapping[str, LightCurve] = field(default_factory=dict)
    files: Mapping[str, bytes | memoryview] = field(default_factory=dict)
    sources: tuple[SourceCurves, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparable:
    """What makes the curves of several exposures comparable.

    Attributes
    ----------
    selection : object
        Given to ``extract`` for each of them, such as a range of wavelengths that all have.
    excluded : mapping of int to str
        Exposures that cannot take part, by their place in the sequence, and why.
    """

    selection: Any = None
    excluded: Mapping[int, str] = field(default_factory=dict)


def _no_artifacts(meta: Mapping[str, Any]) -> Mapping[str, float]:  # noqa: ARG001
    return {}


@dataclass(frozen=True, slots=True)
class Mission:
    """Everything the pipeline needs to know of a mission.

    Attributes
    ----------
    name, title : str
        Short name as in ``metadata.mission``, and what people call it.
    instruments : tuple of str
        Instruments whose event lists are read.
    settings_model : type of pydantic.BaseModel
        The section ``missions.<name>`` of the configuration.
    event_kinds : frozenset of str
        Kinds of file that a light curve is made of, by their first word: ``corrtag`` for ``corrtag_a`` too. The others
        only help.
    step_version : int
        Raised when the extraction gives other numbers from the same input.
    identify : callable
        Path to :class:`FileIdentity`, by content; None when the file is not of this mission.
    load : callable
        Files of one exposure to the value that the functions below take.
    read_events : callable
        One file to an :class:`hstlc.model.EventList`.
    checks : tuple of Check
        In the order in which reasons count.
    refusals : mapping of str to str
        Reasons for which ``identify`` refuses a file, and what each means.
    describe : callable
        Exposure to :class:`ExposureValues`.
    extract : callable
        Exposure, settings and a selection (None for all) to :class:`Extraction`.
    comparable : callable or None
        Values of the exposures of one configuration, in order of time, and settings to :class:`Comparable`; None where
        whole exposures make no composites, but their sources do.
    extraction_settings : callable
        Exposure values and settings to the part of the settings that this exposure's extraction reads, without those
        of its bands with ``bands=False``; its digest decides whether a change of settings makes a curve stale.
    curve_options : callable
        Settings and the keyword arguments of :func:`hstlc.light_curve` to changed settings.
    companions : callable
        Path of one file to the paths of the others of its exposure in the same folder.
    recipes : tuple of str
        Recipes of earlier software, each an option ``recipe`` of ``curve_options``.
    artifacts_s : callable
        Keywords of a light curve to the periods in seconds that the observatory makes without the source, by what makes
        them; without keywords those that do not depend on any.
    raw_kinds : frozenset of str
        Kinds of event list that are not calibrated: ``extract`` makes a calibrated one of them, a further file.
    source_radius_arcsec : float, arcsec
        Sources of different exposures this close are one.
    prepare : callable or None
        Exposure, settings, name of a source ('' for the whole field) and band of a light curve to a function of changed
        settings (another bin width, one other band) that makes that light curve again; it keeps the events of that
        light curve alone. None: ``extract`` makes it as fast.
    """

    name: str
    title: str
    instruments: tuple[str, ...]
    settings_model: type[BaseModel]
    event_kinds: frozenset[str]
    step_version: int
    identify: Callable[[Path], FileIdentity | None]
    load: Callable[[Sequence[FileIdentity]], Any]
    read_events: Callable[[Path], EventList]
    checks: tuple[Check, ...]
    refusals: Mapping[str, str]
    describe: Callable[[Any], ExposureValues]
    extract: Callable[..., Extraction]
    comparable: Callable[[Sequence[ExposureValues], Any], Comparable] | None
    extraction_settings: Callable[..., Mapping[str, Any]]
    curve_options: Callable[..., Any]
    companions: Callable[[Path], list[Path]]
    recipes: tuple[str, ...] = ()
    artifacts_s: Callable[[Mapping[str, Any]], Mapping[str, float]] = _no_artifacts
    raw_kinds: frozenset[str] = frozenset()
    source_radius_arcsec: float = 0.0
    prepare: Callable[[Any, Any, str, str], Callable[[Any], LightCurve]] | None = None


def is_event_kind(kind: str, event_kinds: frozenset[str]) -> bool:
    """Tell whether a light curve is made of files of a kind.

    Examples
    --------
    >>> is_event_kind("corrtag_a", frozenset({"corrtag"})), is_event_kind("x1d", frozenset({"corrtag"}))
    (True, False)
    """
    return kind.partition("_")[0] in event_kinds
