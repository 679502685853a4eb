"""A million rows of statistics, with the exposures, files, curves, plots and composites that they belong to.

The database makes the rows itself. A target has five configurations of three exposures each; one light curve in a
hundred varies, one in a hundred has a period, one exposure in fifty has a finding, and as many files were rejected.
"""

from __future__ import annotations

from sqlalchemy import Engine, text

from hstlc.db.engine import writing
from hstlc.db.tables import Base

__all__ = ["fill"]

_TABLES = ("metadata", "product", "outputs", "exposure_file", "composite_member", "stats", "finding", "bad_data")

# n counts light curves, composites last; u, v, w are as good as random, from 0 to 1.
_NUMBERS = """
CREATE TEMPORARY TABLE numbers AS
WITH RECURSIVE counted(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n < :curves - 1)
SELECT n, CASE WHEN n < :exposures THEN n ELSE (n - :exposures) * 3 END AS first,
       (n * 2654435761 + 1013904223) % 4294967296 / CAST(4294967296 AS DOUBLE PRECISION) AS u,
       (n * 2246822519 + 3266489917) % 4294967296 / CAST(4294967296 AS DOUBLE PRECISION) AS v,
       (n * 3266489917 + 668265263) % 4294967296 / CAST(4294967296 AS DOUBLE PRECISION) AS w
FROM (SELECT CAST(n AS BIGINT) AS n FROM counted) AS everything
"""
_CURVES = """
CREATE TEMPORARY TABLE curves AS
SELECT a.*, CASE WHEN n < :exposures THEN 'individual' ELSE 'composite' END AS kind,
       'hst/COS/' || detector || '/' || targname || '/' || opt_elem || '/' || cenwave || '/PSA' AS configuration,
       CASE WHEN n < :exposures THEN 'outputs/' || targname ELSE 'outputs/composite' END AS path,
       CASE WHEN n < :exposures THEN rootname || '_curve.fits'
            ELSE 'hlsp_hstlc_hst_cos_' || targname || '_' || cenwave || '_v1_sci.fits' END AS filename,
       CAST(1000000000000000 + n AS TEXT) || '0123456789abcdef0123456789abcdef0123456789abcdef' AS sha256
FROM (SELECT *, 'l' || substr(CAST(10000000 + first AS TEXT), 2) || 'q' AS rootname,
             'TARGET-' || substr(CAST(1000000 + first / 15 AS TEXT), 2) AS targname,
             CASE first / 3 % 20 / 8 WHEN 0 THEN 'G130M' WHEN 1 THEN 'G160M' ELSE 'G230L' END AS opt_elem,
             CASE first / 3 % 20 / 16 WHEN 0 THEN 'FUV' ELSE 'NUV' END AS detector,
             1055 + first / 3 % 20 * 36 AS cenwave
      FROM numbers) AS a
"""
_NOW = "'2026-01-02 03:04:05.000000'"
_WHERE = "'filesystem/' || substr(rootname, 1, 5) || '/' || rootname, rootname || '_corrtag_a.fits'"

_ROWS = {
    "metadata (id, mission, rootname, path, filename, ingest_date, telescop, instrume, targname, cal_ver, obstype, "
    "cenwave, aperture, detector, opt_elem, fppos, ra_deg, dec_deg, expstart_mjd, expend_mjd, exptime_s, proposid, "
    "configuration, extra, updated_at, header_targname, withdrawn)": f"""
SELECT n + 1, 'hst', rootname, {_WHERE}, '2026-01-02', 'HST', 'COS', targname, '3.4.1', 'SPECTROSCOPIC', cenwave,
       'PSA', detector, opt_elem, n % 4 + 1, 360 * u, 180 * v - 90, 55200 + n / 200.0, 55200.02 + n / 200.0,
       100 + 2800 * w, 11000 + n / 40, configuration, '{{"segments": ["A", "B"]}}', {_NOW}, targname, ''
FROM curves WHERE kind = 'individual' ORDER BY n""",
    "product (id, kind, key, path, filename, sha256, size_bytes, input_digest, step_version, settings_digest, "
    "made_at, metadata_id)": f"""
SELECT n + 1, kind, CASE kind WHEN 'individual' THEN 'hst/' || rootname || '//' ELSE configuration END, path, filename,
       sha256, 250000, sha256, 1, sha256, {_NOW}, CASE kind WHEN 'individual' THEN n + 1 END
FROM curves ORDER BY n""",
    "product (id, parent_id, kind, key, path, filename, sha256, size_bytes, input_digest, step_version, "
    "settings_digest, made_at)": f"""
SELECT :curves + n + 1, n + 1, 'plot', CAST(n + 1 AS TEXT), path, filename || '.png', sha256, 20000, sha256, 1, sha256,
       {_NOW}
FROM curves ORDER BY n""",
    "outputs (id, metadata_id, source_name, band, individual_path, individual_filename, individual_product_id, "
    "composite_path, composite_filename, composite_product_id)": """
SELECT a.n + 1, a.n + 1, '', '', a.path, a.filename, a.n + 1, c.path, c.filename, c.n + 1
FROM curves a JOIN curves c ON c.n = :exposures + a.n / 3 WHERE a.kind = 'individual' ORDER BY a.n""",
    "exposure_file (id, mission, rootname, path, filename, kind, sha256, size_bytes, cal_ver, version_key, state, "
    "metadata_id, added_at)": f"""
SELECT n + 1, 'hst', rootname, {_WHERE}, 'corrtag_a', sha256, 31000000, '3.4.1', '3.4.1', 'current', n + 1, {_NOW}
FROM curves WHERE kind = 'individual' ORDER BY n""",
    "composite_member (id, configuration, product_id, metadata_id, dataset, excluded_reason, input_digest)": """
SELECT n + 1, configuration, :exposures + n / 3 + 1, n + 1, n % 3 + 1, '', sha256
FROM curves WHERE kind = 'individual' ORDER BY n""",
    "stats (id, product_id, lightcurve_path, lightcurve_filename, total, mean, mu, stdev, poisson_factor, pearson_r, "
    "pearson_p, periodogram, deliver, excess_factor, reduced_chi2, chi2_p, within_reduced_chi2, within_chi2_p, "
    "between_reduced_chi2, between_chi2_p, peak_period_s, peak_power, false_alarm_probability, shortest_period_s, "
    "datasets, bins_used, exposure_s, interesting, curve_sha256, step_version, settings_digest, computed_at, "
    "candidates, peak_note)": f"""
SELECT n + 1, n + 1, path, filename, CAST(100000 * w AS BIGINT), 100 * w, 10 * w, 10 * w, factor, 2 * v - 1, v * v,
       w < 0.01, w < 0, factor, factor * factor, u * u, factor * factor, u * u, NULL, NULL, 4 + 1500 * v, w,
       CASE WHEN w < 0.01 THEN v * v ELSE u END, 4,
       CASE kind WHEN 'composite' THEN 3 ELSE 1 END, 1500, 1500.25, u < 0.01, sha256, 1, sha256, {_NOW}, 0, ''
FROM (SELECT *, CASE WHEN u < 0.01 THEN 1.2 + 3 * v * v ELSE 0.9 + 0.2 * v END AS factor FROM curves) AS a
ORDER BY n""",
    "finding (id, mission, rootname, filename, check_name, severity, reason, message, found_at)": f"""
SELECT n + 1, 'hst', rootname, '', 'header', 'flag', CASE n % 3 WHEN 0 THEN 'Missing x1d' ELSE 'Header mismatch' END,
       'as an example', {_NOW}
FROM curves WHERE kind = 'individual' AND n % 50 = 0""",
    "bad_data (id, mission, rootname, kind, filename, path, ingest_date, reason, message, sha256, size_bytes)": """
SELECT n + 1, 'hst', rootname, 'corrtag_a', filename, 'bad_data', '2026-01-02', 'Reason ' || CAST(n % 11 AS TEXT),
       'as an example', sha256, 31000000
FROM curves WHERE n % 50 = 1""",
}


def fill(engine: Engine, curves: int) -> None:
    """Fill empty tables with so many light curves, three of four of them individual, and ANALYZE."""
    numbers = {"curves": curves, "exposures": curves * 3 // 4}
    with writing(engine) as connection:
        indexes = [index for name in _TABLES for index in Base.metadata.tables[name].indexes]
        for index in indexes:
            index.drop(connection)
        connection.execute(text(_NUMBERS), numbers)
        connection.execute(text(_CURVES), numbers)
        connection.execute(text("CREATE UNIQUE INDEX curves_n ON curves (n)"))
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))  # references are right
        for table, rows in _ROWS.items():
            connection.execute(text(f"INSERT INTO {table} {rows}"), numbers)
        for name in ("curves", "numbers"):
            connection.execute(text(f"DROP TABLE {name}"))
        for index in indexes:
            index.create(connection)
    with writing(engine) as connection:
        connection.execute(text("ANALYZE"))
