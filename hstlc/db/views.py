"""Views for those who write SQL; made after every migration, so that no migration stumbles over them."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

__all__ = ["VIEWS", "drop_views", "make_views"]

# Observation Data Model Core Components 1.1, table 1: the mandatory columns, then what is ours.
_OBSCORE = """
SELECT 'timeseries' AS dataproduct_type,
  CASE WHEN c.kind = 'composite' THEN 4 ELSE 3 END AS calib_level,
  upper(c.mission) AS obs_collection,
  CASE WHEN c.rootname = '' THEN c.filename ELSE c.rootname END AS obs_id,
  'ivo://hstlc/' || c.mission || '?' || c.filename AS obs_publisher_did,
  '/api/v1/curves/' || c.product_id || '/file' AS access_url,
  'application/fits' AS access_format,
  (c.size_bytes + 1023) / 1024 AS access_estsize,
  CASE WHEN c.source_name = '' THEN c.targname ELSE c.source_name END AS target_name,
  c.ra_deg AS s_ra,
  c.dec_deg AS s_dec,
  CAST(NULL AS DOUBLE PRECISION) AS s_fov,
  CAST(NULL AS VARCHAR(255)) AS s_region,
  CAST(NULL AS DOUBLE PRECISION) AS s_resolution,
  CAST(NULL AS BIGINT) AS s_xel1,
  CAST(NULL AS BIGINT) AS s_xel2,
  c.start_mjd AS t_min,
  c.end_mjd AS t_max,
  coalesce(t.exposure_s, c.exptime_s) AS t_exptime,
  CAST(NULL AS DOUBLE PRECISION) AS t_resolution,
  CAST(t.bins_used AS BIGINT) AS t_xel,
  CAST(NULL AS DOUBLE PRECISION) AS em_min,
  CAST(NULL AS DOUBLE PRECISION) AS em_max,
  CAST(NULL AS DOUBLE PRECISION) AS em_res_power,
  CAST(NULL AS BIGINT) AS em_xel,
  'phot.count' AS o_ucd,
  CAST(NULL AS VARCHAR(16)) AS pol_states,
  CAST(NULL AS BIGINT) AS pol_xel,
  m.telescop AS facility_name,
  c.instrume AS instrument_name,
  c.band AS em_band,
  c.product_id AS product_id
FROM light_curve c LEFT JOIN stats t ON t.product_id = c.product_id LEFT JOIN metadata m ON m.id = c.metadata_id
"""

#: Name and query of each view.
VIEWS = {"obscore": _OBSCORE}


def make_views(connection: Connection) -> None:
    """Make all views, if the schema is new enough for them."""
    for name, query in VIEWS.items() if inspect(connection).has_table("light_curve") else ():
        connection.execute(text(f"CREATE VIEW {name} AS {query}"))


def drop_views(connection: Connection) -> None:
    """Drop those views that are there."""
    for name in VIEWS:
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))
