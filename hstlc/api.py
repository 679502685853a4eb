"""The notebook API: files and rows as values, without a command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hstlc.errors import UnreadableError, UnsupportedModeError, UsageError
from hstlc.formats.curve_fits import read_light_curve
from hstlc.missions.base import FileIdentity, Mission, Role
from hstlc.missions.registry import mission as find_mission
from hstlc.model import EventList, LightCurve
from hstlc.pipeline.inputs import identify

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["light_curve", "query", "read", "read_light_curve"]


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
    mission, _ = _event_file(path)
    return mission.read_events(path)


def light_curve(path: str | Path, **options: Any) -> LightCurve:
    """Make the light curve of an exposure.

    Parameters
    ----------
    path : str or Path
        One event list; the other segment and the x1d are taken from the same folder.
    **options : object
        Of the mission; for HST: ``bin_width`` (Quantity, or float in seconds), ``wavelength`` (pair of Quantities, or
        of floats in Angstrom), ``airglow`` (``"hstlc"``, ``"calcos"``, ``"wide"``, ``"none"``), ``band`` (``"C IV"``,
        or ``"blue = 1150 Angstrom .. 1190 Angstrom"``; of the detector segments that see all of it), ``recipe``
        (``"hstlc-2016"``: the numbers of the original software).

    Returns
    -------
    LightCurve

    Raises
    ------
    UsageError
        ``usage.bad-option`` or ``usage.bin-width``.
    UnsupportedModeError, UnreadableError
        As :func:`read`.

    Examples
    --------
    >>> import hstlc
    >>> curve = hstlc.light_curve("lsim01aaq_corrtag_a.fits", bin_width=10)  # doctest: +SKIP
    >>> curve["rate"]  # doctest: +SKIP
    """
    path = Path(path)
    mission, identity = _event_file(path)
    settings = mission.curve_options(mission.settings_model(), **options)
    files = [identity]
    for other in mission.companions(path):
        companion = identify(other, (mission.name,))
        if companion.rootname == identity.rootname and companion.role in (Role.EVENTS, Role.COMPANION):
            files.append(companion)
    for file in files:
        if file.problem:
            raise UnreadableError(
                "data.unreadable", file.problem, "get it again, or take it out of the folder", path=str(file.path)
            )
    made = mission.extract(mission.load(files), settings)
    if options.get("band") is None:
        return made.curve
    if not made.bands:
        raise UsageError(
            "usage.bad-option",
            f"{path.name}: nothing of this exposure sees all of the band {options['band']}",
            "give another band, or a range of wavelengths, which may reach beyond what is seen",
            path=str(path),
        )
    return next(iter(made.bands.values()))


def _event_file(path: Path) -> tuple[Mission, FileIdentity]:
    identity = identify(path)
    if identity.role is not Role.EVENTS or identity.problem:
        raise UnsupportedModeError(
            "data.not-events",
            identity.problem or identity.message or f"{path.name}: a {identity.kind} file, not an event list",
            "give an event list, such as a COS corrtag",
            path=str(path),
        )
    return find_mission(identity.mission), identity


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
