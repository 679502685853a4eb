"""The notebook API: files and rows as values, without a command line."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hstlc.errors import UnsupportedModeError, UsageError
from hstlc.formats.curve_fits import read_light_curve
from hstlc.missions.base import Extraction, SourceCurves
from hstlc.missions.registry import mission as find_mission
from hstlc.model import EventList, LightCurve
from hstlc.pipeline.extraction import chosen_curve, event_file, exposure_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Table
    from bokeh.models import LayoutDOM
    from matplotlib.axes import Axes

    from hstlc.config import Settings
    from hstlc.plots.notebook import Quantity

__all__ = ["light_curve", "light_curves", "plot", "query", "read", "read_light_curve"]


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


def query(sql: str, *, config: str | Path | None = None, limit: int = 10_000, timeout_s: float = 60.0) -> Table:
    """Run one read-only SQL statement and return its rows as an astropy Table.

    Parameters
    ----------
    sql : str
        Such as ``"SELECT targname, exptime_s FROM metadata"``; docs/reference/columns.md tells tables and columns.
    config : str or Path, optional
        Configuration file; else the environment decides, as for the commands.
    limit : int
        Most rows to return; where there are more, a UserWarning says so, and ``meta["truncated"]`` is True.
    timeout_s : float, seconds
        Longest time that the statement may take.

    Returns
    -------
    astropy.table.Table
        A column that has the name of one of ours has its unit and description, whatever it was computed from: give
        what you compute another name. NULL is masked. ``QTable(table)`` makes quantities of columns with units.

    Raises
    ------
    UsageError
        ``usage.sql``: wrong, or not a single read-only statement; ``usage.sql-timeout``; ``usage.no-database``.

    Examples
    --------
    >>> import hstlc
    >>> table = hstlc.query("SELECT targname, exptime_s FROM metadata ORDER BY expstart_mjd")  # doctest: +SKIP
    >>> table["exptime_s"].to("h")  # doctest: +SKIP
    """
    from hstlc.db.known_columns import known_columns
    from hstlc.db.readonly import select
    from hstlc.formats.row_astropy import astropy_table

    if limit < 1:
        raise UsageError("usage.bad-option", f"limit is {limit}", "give the most rows to return, at least 1")
    settings = _store(config)
    reader = settings.db_readonly_connection_string
    result = select(settings.db_connection_string, sql, limit=limit, timeout_s=timeout_s, reader_url=reader)
    if result.truncated:
        warnings.warn(f"there are more than {limit} rows: raise limit, or ask for less", UserWarning, stacklevel=2)
    known = known_columns()
    table = astropy_table(
        result.columns,
        result.rows,
        units={name: one.unit for name, one in known.items()},
        docs={name: one.doc for name, one in known.items()},
        booleans=frozenset(name for name, one in known.items() if one.boolean),
    )
    table.meta["truncated"] = result.truncated
    return table


def plot(
    curve: LightCurve | str | Path,
    *,
    backend: Literal["bokeh", "matplotlib"] | None = None,
    ax: Axes | None = None,
    quantity: Quantity = "rate",
    height: int | None = None,
    config: str | Path | None = None,
    **options: Any,
) -> LayoutDOM | Axes:
    """Draw a light curve for a notebook: rate with errors, flagged bins apart, gaps left open.

    Parameters
    ----------
    curve : LightCurve, str or Path
        A light curve; or the path of a file of one, or of an event list; or the file name of a light curve of the
        store.
    backend : str, optional
        ``"bokeh"``, the default: panels of flux (where there is one), rate, background and live part that zoom
        together. ``"matplotlib"``, the default where ``ax`` is given: one quantity in plain axes.
    ax : matplotlib.axes.Axes, optional
        To draw into.
    quantity : str
        For matplotlib: ``"rate"``, ``"flux"``, ``"background"`` or ``"fraction"``.
    height : int, optional
        For Bokeh: of all panels together, in pixels.
    config : str or Path, optional
        Configuration file that names the store, where ``curve`` is the name of a file there.
    **options : object
        As for :func:`light_curve`, where ``curve`` is the path of an event list.

    Returns
    -------
    bokeh.models.LayoutDOM or matplotlib.axes.Axes
        In a notebook, run ``bokeh.io.output_notebook()`` once and hand the layout to ``bokeh.io.show``.

    Raises
    ------
    UsageError
        ``usage.bad-option``; ``usage.no-such-curve``: neither a file nor a light curve of the store.
    UnreadableError, UnsupportedModeError
        As :func:`read` and :func:`read_light_curve`.

    Examples
    --------
    >>> import hstlc
    >>> from bokeh.io import output_notebook, show
    >>> output_notebook()  # doctest: +SKIP
    >>> show(hstlc.plot("lsim02aaq_corrtag_a.fits", bin_width=10))  # doctest: +SKIP
    >>> axes = hstlc.plot("lsim02aaq_curve.fits", backend="matplotlib")  # doctest: +SKIP
    >>> axes.figure.savefig("lsim02aaq.pdf")  # doctest: +SKIP
    """
    from hstlc.plots.notebook import bokeh_layout, matplotlib_axes

    backend = backend or ("bokeh" if ax is None else "matplotlib")
    if backend not in ("bokeh", "matplotlib") or (backend == "bokeh" and ax is not None):
        hint = 'backend is "bokeh" or "matplotlib"; ax is for matplotlib'
        raise UsageError("usage.bad-option", f"cannot draw with {backend!r}{' into ax' if ax else ''}", hint)
    shown = _shown(curve, config, options)
    if backend == "bokeh":
        return bokeh_layout(shown, height=height)
    return matplotlib_axes(shown, ax=ax, quantity=quantity)


def _shown(curve: LightCurve | str | Path, config: str | Path | None, options: Mapping[str, Any]) -> LightCurve:
    """Return the light curve that is meant."""
    if isinstance(curve, LightCurve):
        found = curve
    elif (path := Path(curve)).is_file():
        try:
            found = read_light_curve(path)
        except UnsupportedModeError as error:
            if error.code != "data.not-light-curve":
                raise
            return light_curve(path, **options)
    else:
        found = read_light_curve(_stored_curve(str(curve), config))
    if options:
        hint = "options make light curves of event lists; leave them out, or give the path of an event list"
        raise UsageError("usage.bad-option", f"a light curve has no option {', '.join(options)}", hint)
    return found


def _stored_curve(name: str, config: str | Path | None) -> Path:
    """Return the path of a light curve of the store."""
    from hstlc.db.engine import make_engine, reading
    from hstlc.db.light_curves import find_light_curve

    row = None
    if len(Path(name).parts) == 1:
        settings = _store(config)
        engine = make_engine(settings.db_connection_string)
        try:
            with reading(engine) as connection:
                row = find_light_curve(connection, name)
        finally:
            engine.dispose()
    if row is None:
        hint = "give the path of a file, or a name of the column filename of the table light_curve"
        raise UsageError("usage.no-such-curve", f"{name} is neither a file nor a light curve of the store", hint)
    return settings.layout.resolve(row["path"]) / str(row["filename"])


def _store(config: str | Path | None) -> Settings:
    """Return the settings of a store that exists."""
    from hstlc.config import load
    from hstlc.pipeline.context import database_exists

    settings = load(Path(config) if config is not None else None)
    if not database_exists(settings):
        hint = "set HSTLC_HOME_DIR to the folder of a data tree, or run 'hstlc ingest FOLDER' or 'hstlc demo' first"
        raise UsageError("usage.no-database", "there is no database yet", hint)
    return settings
