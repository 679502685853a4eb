"""Views for those who write SQL; made after every migration, so that no migration stumbles over them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text

__all__ = ["OBSCORE", "VIEWS", "ViewColumn", "drop_views", "make_views", "view_query"]


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column of a view.

    Attributes
    ----------
    name : str
    sql : str
        What it is; ``{shortest_aa}`` and ``{longest_aa}`` stand for what each database writes in its own way.
    doc : str
    unit, ucd, utype : str
        '' where it has none.
    """

    name: str
    sql: str
    doc: str
    unit: str = ""
    ucd: str = ""
    utype: str = ""


def _empty(kind: str) -> str:
    return f"CAST(NULL AS {kind})"


_REAL, _WHOLE, _TEXT = _empty("DOUBLE PRECISION"), _empty("BIGINT"), _empty("VARCHAR(255)")
_SETUP = "c.instrume || ' ' || c.detector || ' ' || c.opt_elem"

#: Observation Data Model Core Components 1.1: the mandatory columns in the order of its table 4, then optional ones
#: of its appendix and what is ours. UCDs and utypes are those of its appendix C.
OBSCORE = (
    ViewColumn("dataproduct_type", "'timeseries'", "timeseries", "", "meta.code.class", "ObsDataset.dataProductType"),
    ViewColumn(
        "calib_level", "CASE WHEN c.kind = 'composite' THEN 4 ELSE 3 END", "3: of one exposure; 4: of several put "
        "together, which archives call a high level science product", "", "meta.code;obs.calib",
        "ObsDataset.calibLevel",
    ),
    ViewColumn("obs_collection", "upper(c.mission)", "mission", "", "meta.id", "DataID.collection"),
    ViewColumn(
        "obs_id", "CASE WHEN c.rootname = '' THEN c.filename ELSE c.rootname END",
        "name of the exposure, of a composite its file name", "", "meta.id", "DataID.observationID",
    ),
    ViewColumn(
        "obs_publisher_did", "'ivo://hstlc/' || c.mission || '?' || c.filename", "identifier, for /vo/datalink",
        "", "meta.ref.ivoid", "Curation.publisherDID",
    ),
    ViewColumn(
        "access_url", "'/api/v1/curves/' || c.product_id || '/file'", "where the file is, on the server of the pages",
        "", "meta.ref.url", "Access.reference",
    ),
    ViewColumn("access_format", "'application/fits'", "its media type", "", "meta.code.mime", "Access.format"),
    ViewColumn("access_estsize", "(c.size_bytes + 1023) / 1024", "its size", "kbyte", "phys.size;meta.file",
               "Access.size"),
    ViewColumn(
        "target_name", "CASE WHEN c.source_name = '' THEN c.targname ELSE c.source_name END",
        "source, else target of the exposure", "", "meta.id;src", "Target.name",
    ),
    ViewColumn("s_ra", "c.ra_deg", "right ascension, ICRS", "deg", "pos.eq.ra",
               "Char.SpatialAxis.Coverage.Location.Coord.Position2D.Value2.C1"),
    ViewColumn("s_dec", "c.dec_deg", "declination, ICRS", "deg", "pos.eq.dec",
               "Char.SpatialAxis.Coverage.Location.Coord.Position2D.Value2.C2"),
    ViewColumn("s_fov", _REAL, "NULL: unknown", "deg", "phys.angSize;instr.fov",
               "Char.SpatialAxis.Coverage.Bounds.Extent.diameter"),
    ViewColumn("s_region", _TEXT, "NULL: unknown; regions are in the table source", "", "pos.outline;obs.field",
               "Char.SpatialAxis.Coverage.Support.Area"),
    ViewColumn("s_resolution", _REAL, "NULL: not an image", "arcsec", "pos.angResolution",
               "Char.SpatialAxis.Resolution.Refval.value"),
    ViewColumn("s_xel1", _WHOLE, "NULL: not an image", "", "meta.number", "Char.SpatialAxis.numBins1"),
    ViewColumn("s_xel2", _WHOLE, "NULL: not an image", "", "meta.number", "Char.SpatialAxis.numBins2"),
    ViewColumn("t_min", "c.start_mjd", "start, modified Julian date, UTC", "d", "time.start;obs.exposure",
               "Char.TimeAxis.Coverage.Bounds.Limits.StartTime"),
    ViewColumn("t_max", "c.end_mjd", "end, modified Julian date, UTC", "d", "time.end;obs.exposure",
               "Char.TimeAxis.Coverage.Bounds.Limits.StopTime"),
    ViewColumn("t_exptime", "coalesce(t.exposure_s, c.exptime_s)", "live time, else exposure time of the headers", "s",
               "time.duration;obs.exposure", "Char.TimeAxis.Coverage.Support.Extent"),
    ViewColumn("t_resolution", "CASE WHEN t.bins_used > 0 THEN t.exposure_s / t.bins_used END",
               "live time over the bins that are not flagged: about the width of one", "s", "time.resolution",
               "Char.TimeAxis.Resolution.Refval.value"),
    ViewColumn("t_xel", "CAST(t.bins_used AS BIGINT)", "bins that are not flagged", "", "meta.number",
               "Char.TimeAxis.numBins"),
    ViewColumn("em_min", "coalesce(1e-10 * {shortest_aa}, t.em_min_m)", "shortest wavelength: that the exposure "
               "saw, else of the band or the wavelengths that were chosen; NULL: not known", "m", "em.wl;stat.min",
               "Char.SpectralAxis.Coverage.Bounds.Limits.LoLimit"),
    ViewColumn("em_max", "coalesce(1e-10 * {longest_aa}, t.em_max_m)", "longest wavelength, likewise", "m",
               "em.wl;stat.max", "Char.SpectralAxis.Coverage.Bounds.Limits.HiLimit"),
    ViewColumn("em_res_power", _REAL, "NULL: not a spectrum", "", "spect.resolution",
               "Char.SpectralAxis.Resolution.ResolPower.refVal"),
    ViewColumn("em_xel", _WHOLE, "NULL: not a spectrum", "", "meta.number", "Char.SpectralAxis.numBins"),
    ViewColumn("o_ucd", "'phot.count'", "what is measured: counts", "", "meta.ucd", "Char.ObservableAxis.ucd"),
    ViewColumn("pol_states", _TEXT, "NULL: no polarization", "", "meta.code;phys.polarization",
               "Char.PolarizationAxis.stateList"),
    ViewColumn("pol_xel", _WHOLE, "NULL: no polarization", "", "meta.number", "Char.PolarizationAxis.numBins"),
    ViewColumn("facility_name", "m.telescop", "telescope", "", "meta.id;instr.tel",
               "Provenance.ObsConfig.Facility.name"),
    ViewColumn("instrument_name", "c.instrume", "instrument", "", "meta.id;instr",
               "Provenance.ObsConfig.Instrument.name"),
    ViewColumn("obs_title", f"c.targname || ', ' || {_SETUP} || CASE WHEN c.band = '' THEN '' ELSE ' ' || c.band END",
               "target, setup and band", "", "meta.title;obs", "DataID.title"),
    ViewColumn("em_band", "c.band", "name of the band; '': all", "", "instr.bandpass"),
    ViewColumn("product_id", "c.product_id", "number of the light curve, as in the other tables", "", "meta.id"),
)  # fmt: skip

_OBSCORE_FROM = """
FROM light_curve c LEFT JOIN stats t ON t.product_id = c.product_id LEFT JOIN metadata m ON m.id = c.metadata_id
"""

#: What an exposure says of its wavelengths is an object in ``metadata.extra``: a pair of limits for each segment.
_LIMITS = {
    "sqlite": (
        "(SELECT {call}(json_extract(w.value, '$[{end}]')) FROM "
        "json_each(CASE WHEN json_valid(m.extra) THEN m.extra ELSE '{{}}' END, '$.wavelength_aa') w)"
    ),
    "postgresql": (
        "(SELECT {call}(CAST(w.value ->> {end} AS DOUBLE PRECISION)) FROM "
        "jsonb_each(CASE WHEN jsonb_typeof(m.extra -> 'wavelength_aa') = 'object' "
        "THEN m.extra -> 'wavelength_aa' ELSE CAST('{{}}' AS JSONB) END) w)"
    ),
}

#: The column of ``stats`` that came last of those that the views read.
_NEWEST = "em_max_m"

#: Columns of each view, and what they are selected from.
VIEWS = {"obscore": (OBSCORE, _OBSCORE_FROM)}


def view_query(name: str, dialect: str) -> str:
    """Return the query of a view.

    Parameters
    ----------
    name : str
        One of :data:`VIEWS`.
    dialect : str
        ``sqlite`` or ``postgresql``.
    """
    columns, source = VIEWS[name]
    whole = "CASE WHEN c.kind = 'individual' AND c.band = '' THEN {} END"
    limits = {
        "shortest_aa": whole.format(_LIMITS[dialect].format(call="min", end=0)),
        "longest_aa": whole.format(_LIMITS[dialect].format(call="max", end=1)),
    }
    listed = (f"{_filled(one.sql, limits)} AS {one.name}" for one in columns)
    return "SELECT " + ",\n  ".join(listed) + source


def _filled(sql: str, limits: dict[str, str]) -> str:
    for name, value in limits.items():
        sql = sql.replace(f"{{{name}}}", value)
    return sql


def make_views(connection: Connection) -> None:
    """Make all views, if the schema is new enough for them."""
    inspected = inspect(connection)
    if not inspected.has_table("light_curve") or _NEWEST not in {one["name"] for one in inspected.get_columns("stats")}:
        return
    for name in VIEWS:
        connection.execute(text(f"CREATE VIEW {name} AS {view_query(name, connection.dialect.name)}"))


def drop_views(connection: Connection) -> None:
    """Drop those views that are there."""
    for name in VIEWS:
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))
