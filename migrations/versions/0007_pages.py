"""Every light curve in one row, users and what they ask for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SORTED = (
    *("total", "mean", "stdev", "pearson_p", "excess_factor", "reduced_chi2", "chi2_p", "peak_period_s"),
    *("false_alarm_probability", "fractional_variability", "exposure_s", "datasets", "candidates"),
    *("poisson_factor", "gl_index"),
)

_FILL_INDIVIDUAL = """
INSERT INTO light_curve (product_id, kind, filename, path, size_bytes, made_at, mission, metadata_id, targname,
  source_name, band, lead, rootname, instrume, detector, opt_elem, cenwave, aperture, proposid, exposures, ra_deg,
  dec_deg, start_mjd, end_mjd, exptime_s)
SELECT p.id, p.kind, p.filename, p.path, p.size_bytes, p.made_at, m.mission, m.id, m.targname, o.source_name, o.band,
  o.lead, m.rootname, CASE WHEN o.instrume = '' THEN m.instrume ELSE o.instrume END, m.detector, m.opt_elem, m.cenwave,
  m.aperture, m.proposid, 1, coalesce(s.ra_deg, m.ra_deg), coalesce(s.dec_deg, m.dec_deg), m.expstart_mjd,
  m.expend_mjd, m.exptime_s
FROM product p JOIN outputs o ON o.individual_product_id = p.id JOIN metadata m ON m.id = o.metadata_id
  LEFT JOIN source s ON s.metadata_id = o.metadata_id AND s.name = o.source_name
WHERE p.kind = 'individual'
"""

_FILL_COMPOSITE = """
INSERT INTO light_curve (product_id, kind, filename, path, size_bytes, made_at, mission, metadata_id, targname,
  source_name, band, lead, rootname, instrume, detector, opt_elem, cenwave, aperture, proposid, exposures, ra_deg,
  dec_deg, start_mjd, end_mjd, exptime_s)
SELECT p.id, p.kind, p.filename, p.path, p.size_bytes, p.made_at, m.mission, m.id, m.targname,
  CASE WHEN coalesce(s.same_as, '') = '' THEN o.source_name ELSE s.same_as END, o.band, o.lead, '',
  CASE WHEN o.instrume = '' THEN m.instrume ELSE o.instrume END, m.detector, m.opt_elem, m.cenwave, m.aperture,
  m.proposid,
  (SELECT count(*) FROM outputs a JOIN metadata b ON b.id = a.metadata_id WHERE a.composite_product_id = p.id),
  coalesce(s.ra_deg, m.ra_deg), coalesce(s.dec_deg, m.dec_deg),
  (SELECT min(b.expstart_mjd) FROM outputs a JOIN metadata b ON b.id = a.metadata_id
   WHERE a.composite_product_id = p.id),
  (SELECT max(b.expend_mjd) FROM outputs a JOIN metadata b ON b.id = a.metadata_id
   WHERE a.composite_product_id = p.id),
  (SELECT sum(b.exptime_s) FROM outputs a JOIN metadata b ON b.id = a.metadata_id
   WHERE a.composite_product_id = p.id)
FROM product p JOIN outputs o ON o.id =
  (SELECT a.id FROM outputs a JOIN metadata b ON b.id = a.metadata_id WHERE a.composite_product_id = p.id
   ORDER BY b.expstart_mjd IS NULL, b.expstart_mjd, b.rootname, a.id LIMIT 1)
  JOIN metadata m ON m.id = o.metadata_id
  LEFT JOIN source s ON s.metadata_id = o.metadata_id AND s.name = o.source_name
WHERE p.kind = 'composite'
"""


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "light_curve",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("mission", sa.String(length=16), nullable=False),
        sa.Column("metadata_id", sa.Integer(), nullable=True),
        sa.Column("targname", sa.String(length=128), nullable=False),
        sa.Column("source_name", sa.String(length=128), nullable=False),
        sa.Column("band", sa.String(length=64), nullable=False),
        sa.Column("lead", sa.Boolean(), nullable=False),
        sa.Column("rootname", sa.String(length=64), nullable=False),
        sa.Column("instrume", sa.String(length=16), nullable=False),
        sa.Column("detector", sa.String(length=32), nullable=False),
        sa.Column("opt_elem", sa.String(length=32), nullable=False),
        sa.Column("cenwave", sa.Integer(), nullable=False),
        sa.Column("aperture", sa.String(length=64), nullable=False),
        sa.Column("proposid", sa.Integer(), nullable=True),
        sa.Column("exposures", sa.Integer(), nullable=False),
        sa.Column("ra_deg", sa.Double(), nullable=True),
        sa.Column("dec_deg", sa.Double(), nullable=True),
        sa.Column("start_mjd", sa.Double(), nullable=True),
        sa.Column("end_mjd", sa.Double(), nullable=True),
        sa.Column("exptime_s", sa.Double(), nullable=True),
        sa.CheckConstraint("kind IN ('individual', 'composite')", name=op.f("ck_light_curve_kind")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name="fk_light_curve_product_id_product", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["metadata_id"], ["metadata.id"], name="fk_light_curve_metadata_id_metadata", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_light_curve"),
        sa.UniqueConstraint("product_id", name="uq_light_curve_product_id"),
    )
    op.execute(_FILL_INDIVIDUAL)
    op.execute(_FILL_COMPOSITE)
    for name in ("filename", "metadata_id"):
        op.create_index(f"ix_light_curve_{name}", "light_curve", [name])
    for name in ("targname", "source_name", "rootname"):
        operators = {name: "text_pattern_ops"}
        op.create_index(f"ix_light_curve_{name}_prefix", "light_curve", [name], postgresql_ops=operators)
    op.create_index("ix_light_curve_mission_instrume", "light_curve", ["mission", "instrume"])
    for name in ("targname", "start_mjd", "exptime_s", "made_at", "proposid"):
        op.create_index(f"ix_light_curve_{name}_product_id", "light_curve", [name, "product_id"])
    op.create_index("ix_light_curve_dec_deg_ra_deg", "light_curve", ["dec_deg", "ra_deg"])
    for name in ("poisson_factor", "gl_index"):
        op.drop_index(f"ix_stats_{name}", "stats")
    for name in _SORTED:
        op.create_index(f"ix_stats_{name}_product_id", "stats", [name, "product_id"])

    op.create_table(
        "web_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("disabled_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_web_user"),
        sa.UniqueConstraint("name", name="uq_web_user_name"),
        sa.UniqueConstraint("token_sha256", name="uq_web_user_token_sha256"),
    )
    op.create_table(
        "job_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("arguments", json, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("user_name", sa.String(length=64), nullable=False),
        sa.Column("requested_at", moment, nullable=False),
        sa.Column("started_at", moment, nullable=True),
        sa.Column("finished_at", moment, nullable=True),
        sa.Column("running_epoch", sa.Integer(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("counts", json, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('reprocess', 'get')", name=op.f("ck_job_request_kind")),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_job_request_state")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["web_user.id"], name="fk_job_request_user_id_web_user", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_job_request"),
    )
    op.create_index("ix_job_request_state_kind", "job_request", ["state", "kind"])
    op.create_index("ix_job_request_digest", "job_request", ["digest"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("user_name", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
