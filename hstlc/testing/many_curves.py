"""A million light curves in the database alone, as an archive of years would have them: no file is made.

The database makes the rows itself. Three of ten are of exposures with one target, a third as many composites of three
of those; the others are of sources in fields, twenty sources an exposure, in two bands each. One curve in a hundred
varies or has a period; where a statistic cannot be told, or there is no excess, it is NULL.
"""

from __future__ import annotations

from sqlalchemy import Engine, select, text

from hstlc.db.engine import writing
from hstlc.db.light_curves import refresh_light_curves
from hstlc.db.records import LIGHT_CURVES, STATS
from hstlc.db.tables import Base

__all__ = ["fill_curves"]

_TABLES = (
    *("target", "target_alias", "metadata", "product", "outputs", "exposure_file", "composite_member", "source"),
    *("stats", "candidate", "light_curve"),
)

# n counts light curves: first those of single targets, then composites, then those of sources; u, v, w are as good as
# random, from 0 to 1. e is the exposure, from 0; of a composite its first one.
_NUMBERS = """
CREATE TEMPORARY TABLE numbers AS
WITH RECURSIVE counted(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n < :curves - 1)
SELECT n, CASE WHEN n < :single THEN n WHEN n < :single + :composites THEN (n - :single) * 3
               ELSE :single + (n - :single - :composites) / 40 END AS e,
       CASE WHEN n < :single THEN 'single' WHEN n < :single + :composites THEN 'composite' ELSE 'source' END AS what,
       (n * 2654435761 + 1013904223) % 4294967296 / CAST(4294967296 AS DOUBLE PRECISION) AS u,
       (n * 2246822519 + 3266489917) % 4294967296 / CAST(4294967296 AS DOUBLE PRECISION) AS v,
       (n * 3266489917 + 668265263) % 4294967296 / CAST(4294967296 AS DOUBLE PRECISION) AS w
FROM (SELECT CAST(n AS BIGINT) AS n FROM counted) AS everything
"""

# The exposures: t is the target; of those of fields the next free one.
_EXPOSURES = """
CREATE TEMPORARY TABLE exposures AS
SELECT a.*, {target} AS targname, 'A' || substr(CAST(10000000 + t AS TEXT), 2) AS label,
       mission || '/' || instrume || '/' || detector || '/' || {target} || '/' || opt_elem || '/' || cenwave
       || '/' || aperture AS configuration,
       360 * ((t * 2654435761 + 7) % 4294967296 / CAST(4294967296 AS DOUBLE PRECISION)) AS ra,
       180 * ((t * 2246822519 + 99) % 4294967296 / CAST(4294967296 AS DOUBLE PRECISION)) - 90 AS declination,
       52000 + 9000 * ((e * 3266489917 + 5) % 4294967296 / CAST(4294967296 AS DOUBLE PRECISION)) AS mjd,
       600 + 40000 * w * w AS exptime
FROM (SELECT e, w, 1 AS hst, 'hst' AS mission, 'HST' AS telescop,
             CASE e / 3 % 5 WHEN 4 THEN 'STIS' ELSE 'COS' END AS instrume,
             CASE e / 3 % 5 WHEN 4 THEN 'FUV-MAMA' WHEN 3 THEN 'NUV' ELSE 'FUV' END AS detector,
             CASE e / 3 % 5 WHEN 4 THEN 'E140M' WHEN 3 THEN 'G230L' WHEN 2 THEN 'G160M' ELSE 'G130M' END AS opt_elem,
             1055 + e / 3 % 5 * 100 AS cenwave, 'PSA' AS aperture, e / 15 AS t,
             'l' || substr(CAST(10000000 + e AS TEXT), 2) || 'q' AS rootname
      FROM numbers WHERE what = 'single'
      UNION ALL
      SELECT e, w, 0, CASE e % 3 WHEN 0 THEN 'chandra' ELSE 'xmm' END, CASE e % 3 WHEN 0 THEN 'CHANDRA' ELSE 'XMM' END,
             CASE e % 3 WHEN 0 THEN 'ACIS' ELSE 'EPIC' END, '', 'NONE', 0, '', e - :single + :single / 15,
             CASE e % 3 WHEN 0 THEN 'acisf' ELSE '' END || substr(CAST(10000000 + e AS TEXT), 2) || '01'
      FROM numbers WHERE what = 'source' AND (n - :single - :composites) % 40 = 0) AS a
"""
_TARGET = "CASE t % 3 WHEN 0 THEN 'NGC-' WHEN 1 THEN 'QSO-J' ELSE 'HD-' END || substr(CAST(1000000 + t AS TEXT), 2)"

_CURVES = """
CREATE TEMPORARY TABLE curves AS
SELECT a.*, b.mission, b.targname, b.configuration, b.rootname, b.exptime,
       CASE what WHEN 'composite' THEN 'composite' ELSE 'individual' END AS kind,
       CASE what WHEN 'composite' THEN 'outputs/composite' ELSE 'outputs/' || b.targname END AS path,
       CASE what WHEN 'single' THEN b.rootname || '_curve.fits'
                 WHEN 'source' THEN b.rootname || '_' || slugged || '_' || band || '_curve.fits'
                 ELSE 'hlsp_hstlc_hst_' || b.targname || '_' || b.rootname || '_v1_sci.fits' END AS filename,
       CAST(1000000000000000 + n AS TEXT) || '0123456789abcdef0123456789abcdef0123456789abcdef' AS sha256
FROM (SELECT n, e, what, u, v, w,
             CASE what WHEN 'source' THEN 'SIM J' || substr(CAST(10000000 + s AS TEXT), 2) || '-' || e ELSE '' END
             AS source_name,
             CASE what WHEN 'source' THEN 'SIM-J' || substr(CAST(10000000 + s AS TEXT), 2) || '-' || e ELSE '' END
             AS slugged,
             CASE what WHEN 'source' THEN CASE n % 2 WHEN 0 THEN 'broad' ELSE 'soft' END ELSE '' END AS band
      FROM (SELECT *, (n - :single - :composites) / 2 AS s FROM numbers) AS c) AS a
JOIN exposures b ON b.e = a.e
"""

_FILE = "'filesystem/' || targname || '/' || rootname, rootname || '_events.fits'"


def _rows(now: str, made: str) -> dict[str, str]:
    """Return the rows of each table; ``made`` is when a curve was made, as SQL of ``n``."""
    return {
        "target (id, name, ra_deg, dec_deg, moving, made_at)": f"""
SELECT t + 1, targname, min(ra), min(declination), t < 0, {now} FROM exposures GROUP BY t, targname ORDER BY t""",
        "target_alias (id, alias, normal, target_id, method, note, decided_at)": f"""
SELECT t + 1, targname, replace(targname, '-', ''), t + 1, 'first', '', {now}
FROM exposures GROUP BY t, targname ORDER BY t""",
        "metadata (id, mission, rootname, path, filename, ingest_date, telescop, instrume, targname, cal_ver, obstype, "
        "cenwave, aperture, detector, opt_elem, fppos, ra_deg, dec_deg, expstart_mjd, expend_mjd, exptime_s, proposid, "
        "configuration, extra, updated_at, header_targname, target_id, withdrawn)": f"""
SELECT e + 1, mission, rootname, {_FILE}, '2026-01-02', telescop, instrume, targname, '3.4.1', 'SPECTROSCOPIC', cenwave,
       aperture, detector, opt_elem, 0, ra, declination, mjd, mjd + exptime / 86400, exptime, 11000 + e / 40,
       configuration, '{{}}', {now}, targname, t + 1, ''
FROM exposures ORDER BY e""",
        "exposure_file (id, mission, rootname, path, filename, kind, sha256, size_bytes, cal_ver, version_key, state, "
        "metadata_id, added_at)": f"""
SELECT e + 1, mission, rootname, {_FILE}, 'events', 'e' || CAST(e AS TEXT), 31000000, '3.4.1', '3.4.1', 'current',
       e + 1, {now}
FROM exposures ORDER BY e""",
        "product (id, kind, key, path, filename, sha256, size_bytes, input_digest, step_version, settings_digest, "
        "made_at, metadata_id)": f"""
SELECT n + 1, kind, CASE what WHEN 'composite' THEN configuration
       ELSE mission || '/' || rootname || '/' || source_name || '/' || band END || '/' || n,
       path, filename, sha256, 60000 + n % 300000, sha256, 1, 'none', {made},
       CASE what WHEN 'composite' THEN NULL ELSE e + 1 END
FROM curves ORDER BY n""",
        "outputs (id, metadata_id, source_name, band, individual_path, individual_filename, individual_product_id, "
        "composite_path, composite_filename, composite_product_id, instrume, configuration, lead)": """
SELECT a.n + 1, a.e + 1, a.source_name, a.band, a.path, a.filename, a.n + 1, c.path, c.filename, c.n + 1, '',
       CASE a.what WHEN 'single' THEN a.configuration ELSE '' END, a.band <> 'soft'
FROM curves a LEFT JOIN curves c ON c.n = CASE WHEN a.what = 'single' THEN :single + a.n / 3 ELSE -1 END
WHERE a.kind = 'individual' ORDER BY a.n""",
        "composite_member (id, configuration, product_id, metadata_id, dataset, excluded_reason, input_digest)": """
SELECT n + 1, configuration, :single + n / 3 + 1, e + 1, n % 3 + 1, '', sha256
FROM curves WHERE what = 'single' ORDER BY n""",
        "source (id, mission, metadata_id, name, same_as, ra_deg, dec_deg, catalogue, number, region, "
        "background_region, significance, counts, background_counts, scale, exposure_s, extra)": """
SELECT a.n + 1, a.mission, a.e + 1, a.source_name, a.source_name,
       CASE WHEN b.ra + 0.3 * a.u > 360 THEN b.ra ELSE b.ra + 0.3 * a.u END,
       b.declination + 0.2 * (a.v - b.declination / 90), 'simulated', '', '', '', 5 + 50 * a.w,
       CAST(1 + 20000 * a.w * a.w * a.w AS BIGINT), 100, 0.1, a.exptime, '{}'
FROM curves a JOIN exposures b ON b.e = a.e WHERE a.band = 'broad' ORDER BY a.n""",
        "stats (id, product_id, lightcurve_path, lightcurve_filename, total, mean, mu, stdev, poisson_factor, "
        "pearson_r, pearson_p, periodogram, deliver, excess_factor, reduced_chi2, chi2_p, within_reduced_chi2, "
        "within_chi2_p, between_reduced_chi2, between_chi2_p, peak_period_s, peak_power, false_alarm_probability, "
        "shortest_period_s, datasets, bins_used, exposure_s, interesting, curve_sha256, step_version, settings_digest, "
        "computed_at, fractional_variability, fractional_variability_error, candidates, peak_note, gl_index, "
        "gl_probability, setup_id)": f"""
SELECT n + 1, n + 1, path, filename, counts, counts / bins, sqrt(counts / bins), factor * sqrt(counts / bins), factor,
       2 * v - 1, v * v, w < 0.01 AND u < 0.5, n < 0, factor, factor * factor,
       CASE WHEN factor > 1.2 THEN v * v * v / 1000000 ELSE u * u END, factor * factor, u * u,
       CASE what WHEN 'composite' THEN factor END, CASE what WHEN 'composite' THEN u END,
       CASE WHEN v > 0.3 THEN 4 + 1500 * v END, CASE WHEN v > 0.3 THEN w END,
       CASE WHEN v > 0.3 THEN CASE WHEN w < 0.01 THEN v * v / 1000000 ELSE u END END, 4,
       CASE what WHEN 'composite' THEN 3 ELSE 1 END, bins, exptime, CASE WHEN counts < 20 THEN NULL ELSE u < 0.01 END,
       sha256, 1, 'none', {now}, CASE WHEN factor > 1 THEN sqrt(factor * factor - 1) END,
       CASE WHEN factor > 1 THEN 0.05 * w END, CASE WHEN u < 0.01 AND w < 0.3 THEN 2 ELSE 0 END, '',
       CASE what WHEN 'source' THEN CAST(CASE WHEN u < 0.01 THEN 6 + 4.99 * v ELSE 3 * v END AS INTEGER) END,
       CASE what WHEN 'source' THEN 1 - u END, (SELECT c.setup_id FROM light_curve c WHERE c.product_id = n + 1)
FROM (SELECT *, CASE WHEN u < 0.01 THEN 1.2 + 3 * v * v ELSE 0.9 + 0.2 * v END AS factor,
             CAST(CASE what WHEN 'source' THEN 1 + 20000 * w * w * w ELSE 2000 + 100000 * w END AS INTEGER) AS counts,
             CAST(100 + exptime / 20 AS INTEGER) AS bins FROM curves) AS a
ORDER BY n""",
        "candidate (product_id, kind, dataset, start_mjd, peak_mjd, end_mjd, duration_s, counts, expected_counts, "
        "peak_ratio, probability, trials)": """
SELECT s.product_id, k.kind, 1, m.mjd + k.late, m.mjd + k.late + 0.001, m.mjd + k.late + 0.002, 172.8, 90.0, 40.0, 2.25,
       s.mean * 1e-9, 900
FROM stats s JOIN curves c ON c.n = s.product_id - 1 JOIN exposures m ON m.e = c.e
CROSS JOIN (SELECT 'flare' AS kind, 0.001 AS late UNION ALL SELECT 'dip', 0.01) AS k
WHERE s.candidates > 0 ORDER BY s.product_id, k.kind""",
    }


def fill_curves(engine: Engine, curves: int) -> None:
    """Fill the empty tables of a database with so many light curves and what they belong to, and ANALYZE.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        A million takes a minute or two; the rows are the same every time.
    curves : int
        At least 100.
    """
    numbers = {"curves": curves, "single": curves * 3 // 10 // 15 * 15}
    numbers["composites"] = numbers["single"] // 3
    postgres = engine.dialect.name == "postgresql"
    now = "'2026-01-02 03:04:05.000000'"
    made = "'2025-' || substr(CAST(101 + n % 12 AS TEXT), 2) || '-' || substr(CAST(101 + n / 12 % 28 AS TEXT), 2)"
    made += " || ' 03:04:' || substr(CAST(100 + n / 400 % 60 AS TEXT), 2) || '.000000'"
    made = f"CAST({made} AS TIMESTAMP WITH TIME ZONE)" if postgres else made
    now = f"CAST({now} AS TIMESTAMP WITH TIME ZONE)" if postgres else now
    with writing(engine) as connection:
        indexes = [index for name in _TABLES for index in Base.metadata.tables[name].indexes]
        for index in indexes:
            index.drop(connection)
        if postgres:
            connection.execute(text("SET LOCAL session_replication_role = replica"))  # references are right
            connection.execute(text("SET LOCAL TIME ZONE 'UTC'"))
        for statement in (_NUMBERS, _EXPOSURES.replace("{target}", _TARGET), _CURVES):
            connection.execute(text(statement), numbers)
            name = statement.split()[3]
            key = "e" if name == "exposures" else "n"
            connection.execute(text(f"CREATE UNIQUE INDEX {name}_{key} ON {name} ({key})"))
            if postgres:
                connection.execute(text(f"ANALYZE {name}"))
        own = [index for index in indexes if index.table not in (LIGHT_CURVES, STATS)]
        for table, rows in _rows(now, made).items():
            if table.startswith("stats "):
                for index in own:
                    index.create(connection)
                if postgres:
                    connection.execute(text("SET LOCAL work_mem = '256MB'"))
                    for name in _TABLES:
                        connection.execute(text(f"ANALYZE {name}"))
                refresh_light_curves(connection)
            cast = rows.replace("'{}'", "CAST('{}' AS JSONB)").replace("'2026-01-02',", "CAST('2026-01-02' AS DATE),")
            connection.execute(text(f"INSERT INTO {table} {cast if postgres else rows}"), numbers)
        for name in ("curves", "exposures", "numbers"):
            connection.execute(text(f"DROP TABLE {name}"))
        for index in indexes:
            if index not in own:
                index.create(connection)
        refresh_light_curves(connection, connection.scalars(select(STATS.c.product_id).where(STATS.c.interesting)))
    with writing(engine) as connection:
        connection.execute(text("ANALYZE"))
