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

_SORTED_CURVES = ("filename", "targname", "start_mjd", "exptime_s", "made_at", "proposid")

_FILL_SETUP = """
INSERT INTO setup (mission, instrume, kind, lead)
SELECT DISTINCT m.mission, CASE WHEN o.instrume = '' THEN m.instrume ELSE o.instrume END, p.kind, o.lead
FROM product p JOIN outputs o ON p.id IN (o.individual_product_id, o.composite_product_id)
  JOIN metadata m ON m.id = o.metadata_id
ORDER BY 1, 2, 3, 4
"""

_OF_SETUP = """
  JOIN setup u ON u.mission = m.mission AND u.kind = p.kind AND u.lead = o.lead
    AND u.instrume = CASE WHEN o.instrume = '' THEN m.instrume ELSE o.instrume END
"""

_FILL_INDIVIDUAL = f"""
INSERT INTO light_curve (product_id, setup_id, kind, filename, path, size_bytes, made_at, mission, metadata_id,
  targname, source_name, band, lead, rootname, instrume, detector, opt_elem, cenwave, aperture, proposid, exposures,
  ra_deg, dec_deg, start_mjd, end_mjd, exptime_s)
SELECT p.id, u.id, p.kind, p.filename, p.path, p.size_bytes, p.made_at, m.mission, m.id, m.targname, o.source_name,
  o.band, o.lead, m.rootname, u.instrume, m.detector, m.opt_elem, m.cenwave, m.aperture, m.proposid, 1,
  coalesce(s.ra_deg, m.ra_deg), coalesce(s.dec_deg, m.dec_deg), m.expstart_mjd,
  m.expend_mjd, m.exptime_s
FROM product p JOIN outputs o ON o.individual_product_id = p.id JOIN metadata m ON m.id = o.metadata_id
  LEFT JOIN source s ON s.metadata_id = o.metadata_id AND s.name = o.source_name {_OF_SETUP}
WHERE p.kind = 'individual'
"""

_FILL_COMPOSITE = f"""
INSERT INTO light_curve (product_id, setup_id, kind, filename, path, size_bytes, made_at, mission, metadata_id,
  targname, source_name, band, lead, rootname, instrume, detector, opt_elem, cenwave, aperture, proposid, exposures,
  ra_deg, dec_deg, start_mjd, end_mjd, exptime_s)
SELECT p.id, u.id, p.kind, p.filename, p.path, p.size_bytes, p.made_at, m.mission, m.id, m.targname,
  CASE WHEN coalesce(s.same_as, '') = '' THEN o.source_name ELSE s.same_as END, o.band, o.lead, '',
  u.instrume, m.detector, m.opt_elem, m.cenwave, m.aperture, m.proposid,
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
  LEFT JOIN source s ON s.metadata_id = o.metadata_id AND s.name = o.source_name {_OF_SETUP}
WHERE p.kind = 'composite'
"""


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "setup",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mission", sa.String(length=16), nullable=False),
        sa.Column("instrume", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("lead", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_setup"),
        sa.UniqueConstraint("mission", "instrume", "kind", "lead", name="uq_setup_mission_instrume_kind_lead"),
    )
    op.create_table(
        "light_curve",
        sa.Column("product_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("setup_id", sa.Integer(), nullable=False),
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
        sa.ForeignKeyConstraint(["setup_id"], ["setup.id"], name="fk_light_curve_setup_id_setup", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["metadata_id"], ["metadata.id"], name="fk_light_curve_metadata_id_metadata", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("product_id", name="pk_light_curve"),
    )
    op.execute(_FILL_SETUP)
    op.execute(_FILL_INDIVIDUAL)
    op.execute(_FILL_COMPOSITE)
    for name in ("filename", "metadata_id"):
        op.create_index(f"ix_light_curve_{name}", "light_curve", [name])
    for name in ("targname", "source_name", "rootname"):
        operators = {name: "text_pattern_ops"}
        op.create_index(f"ix_light_curve_{name}_prefix", "light_curve", [name], postgresql_ops=operators)
    op.create_index("ix_light_curve_mission_instrume", "light_curve", ["mission", "instrume"])
    for name in _SORTED_CURVES:
        op.create_index(f"ix_light_curve_setup_id_{name}_product_id", "light_curve", ["setup_id", name, "product_id"])
    op.create_index("ix_light_curve_dec_deg_ra_deg", "light_curve", ["dec_deg", "ra_deg"])
    with op.batch_alter_table("stats") as table:
        table.add_column(sa.Column("setup_id", sa.Integer(), nullable=True))
        table.create_foreign_key("fk_stats_setup_id_setup", "setup", ["setup_id"], ["id"], ondelete="SET NULL")
    op.execute("UPDATE stats SET setup_id = (SELECT setup_id FROM light_curve c WHERE c.product_id = stats.product_id)")
    for name in _SORTED:
        op.create_index(f"ix_stats_setup_id_{name}_product_id", "stats", ["setup_id", name, "product_id"])

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
