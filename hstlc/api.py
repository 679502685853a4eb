"""The notebook API: files and rows as values, without a command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hstlc.errors import UsageError
from hstlc.formats.curve_fits import read_light_curve
from hstlc.missions.base import Extraction, SourceCurves
from hstlc.missions.registry import mission as find_mission
from hstlc.model import EventList, LightCurve
from hstlc.pipeline.extraction import chosen_curve, event_file, exposure_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Table

__all__ = ["light_curve", "light_curves", "query", "read", "read_light_curve"]


def read(path: str | Path) -> EventList:
    """Read the events of a file; ``len()`` of the result is their number.

    Parameters
    ----------
    path : str or Path
        An event list of any installed mission, such as ``ld9m10ujq_corrtag_a.fits``.

    Returns
    -------
    EventList

    Raises
    ------
    UnsupportedModeError
        ``data.not-events``: recognised, but not an event list.
    UnreadableError
        Not a whole FITS file.
    """
    path = Path(path)
    identity = event_file(path)
    return find_mission(identity.mission).read_events(path)


def light_curve(path: str | Path, *, source: str | None = None, **options: Any) -> LightCurve:
    """Make a light curve of an exposure: of one of its sources, or of all there is.

    Parameters
    ----------
    path : str or Path
        One event list; the other files of its exposure (segments, x1d, source lists, regions) are taken from the same
        folder.
    source : str, optional
        Name of a source in the field, as :func:`light_curves` gives it, where the mission has sources: by default the
        only one, or the one that is asked for by place or region. '': the whole field.
    **options : object
        Of the mission. For all: ``bin_width`` (Quantity, or float in seconds).

        For HST: ``wavelength`` (pair of Quantities, or of floats in Angstrom), ``airglow`` (``"hstlc"``, ``"calcos"``,
        ``"wide"``, ``"none"``), ``band`` (``"C IV"``, or ``"blue = 1150 Angstrom .. 1190 Angstrom"``; of the detector
        segments that see all of it), ``recipe`` (``"hstlc-2016"``: the numbers of the original software).

        For missions with sources: ``energy`` (pair of Quantities, or of floats in keV) or ``band`` (a name such as
        ``"broad"``, or ``"mine = 1 keV .. 3 keV"``); the place of a source, ``ra`` and ``dec`` (ICRS, Quantities or
        degrees), with ``radius`` (Quantity, or float in arcsec); or its ``region``, and that of its ``background``: the
        path of a region file, or a text such as ``"icrs; circle(68.1, 17.7, 0.005)"`` (degrees).

    Returns
    -------
    LightCurve
        In the band that is asked for, by default the one that stands for the source.

    Raises
    ------
    UsageError
        ``usage.bad-option`` or ``usage.bin-width``; also where there are several sources and none is named.
    UnsupportedModeError, UnreadableError
        As :func:`read`.

    Examples
    --------
    >>> import hstlc
    >>> curve = hstlc.light_curve("lsim01aaq_corrtag_a.fits", bin_width=10)  # doctest: +SKIP
    >>> curve["rate"]  # doctest: +SKIP
    >>> curve = hstlc.light_curve("evt2.fits.gz", ra=68.1, dec=17.7, radius=2.5)  # doctest: +SKIP
    """
    path = Path(path)
    made = _extract(path, options)
    if source is None and not made.sources and any(options.get(name) is not None for name in ("ra", "region")):
        raise UsageError(
            "usage.bad-option",
            " ".join((f"{path.name} does not see what is asked for.", *(found.message for found in made.findings))),
            "give a place in the field, and in pixels of this event list if it has no frame",
            path=str(path),
        )
    return chosen_curve(made, source, options.get("band"), path.name)


def light_curves(path: str | Path, **options: Any) -> tuple[SourceCurves, ...]:
    """Make the light curves of the sources in the field of an exposure.

    Parameters
    ----------
    path : str or Path
        One event list, as for :func:`light_curve`.
    **options : object
        As for :func:`light_curve`.

    Returns
    -------
    tuple of SourceCurves
        Each with ``source`` (name, place, regions, counts), ``curves`` by band, and the band that leads; empty where a
        mission has no sources: then :func:`light_curve` gives the curve.

    Raises
    ------
    UsageError, UnsupportedModeError, UnreadableError
        As :func:`light_curve`.

    Examples
    --------
    >>> import hstlc
    >>> for seen in hstlc.light_curves("P0123700101PNS003PIEVLI0000.FTZ", band="broad"):  # doctest: +SKIP
    ...     print(seen.source.name, seen.curves[seen.lead]["counts"].sum())
    """
    return _extract(Path(path), options).sources


def _extract(path: Path, options: Mapping[str, Any]) -> Extraction:
    mission, files = exposure_of(path)
    given = {name: value for name, value in options.items() if value is not None}
    settings = mission.curve_options(mission.settings_model(), **given)
    return mission.extract(mission.load(files), settings)


def query(sql: str, *, config: str | Path | None = None, limit: int = 10_000) -> Table:
    """Run one read-only SQL statement and return its rows as an astropy Table.

    Parameters
    ----------
    sql : str
        Such as ``"SELECT targname, exptime_s FROM metadata"``.
    config : str or Path, optional
        Configuration file; else the environment decides, as for the commands.
    limit : int
        Most rows to return.

    Raises
    ------
    UsageError
        ``usage.sql``: wrong, or not a single read-only statement.
    """
    from astropy.table import Table

    from hstlc.config import load
    from hstlc.db.readonly import select

    settings = load(Path(config) if config is not None else None)
    result = select(settings.db_connection_string, sql, limit=limit, reader_url=settings.db_readonly_connection_string)
    return Table(rows=result.rows, names=list(result.columns)) if result.rows else Table(names=list(result.columns))
