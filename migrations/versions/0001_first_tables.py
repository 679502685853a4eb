"""The first tables: exposures and their files, light curves, statistics, rejected files, findings and runs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def portable_json() -> sa.types.TypeEngine:
    return sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "bad_data",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mission", sa.String(length=16), nullable=False),
        sa.Column("rootname", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("ingest_date", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bad_data"),
        sa.UniqueConstraint("filename", "sha256", name="uq_bad_data_filename_sha256"),
    )
    op.create_index("ix_bad_data_mission_rootname", "bad_data", ["mission", "rootname"])
    op.create_index("ix_bad_data_reason", "bad_data", ["reason"])

    op.create_table(
        "finding",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mission", sa.String(length=16), nullable=False),
        sa.Column("rootname", sa.String(length=64), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("check_name", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_finding"),
    )
    op.create_index("ix_finding_mission_rootname", "finding", ["mission", "rootname"])
    op.create_index("ix_finding_reason", "finding", ["reason"])

    op.create_table(
        "metadata",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mission", sa.String(length=16), nullable=False),
        sa.Column("rootname", sa.String(length=64), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("ingest_date", sa.Date(), nullable=False),
        sa.Column("telescop", sa.String(length=16), nullable=False),
        sa.Column("instrume", sa.String(length=16), nullable=False),
        sa.Column("targname", sa.String(length=128), nullable=False),
        sa.Column("cal_ver", sa.String(length=64), nullable=False),
        sa.Column("obstype", sa.String(length=32), nullable=False),
        sa.Column("cenwave", sa.Integer(), nullable=False),
        sa.Column("aperture", sa.String(length=64), nullable=False),
        sa.Column("detector", sa.String(length=32), nullable=False),
        sa.Column("opt_elem", sa.String(length=32), nullable=False),
        sa.Column("fppos", sa.Integer(), nullable=False),
        sa.Column("ra_deg", sa.Double(), nullable=True),
        sa.Column("dec_deg", sa.Double(), nullable=True),
        sa.Column("expstart_mjd", sa.Double(), nullable=True),
        sa.Column("expend_mjd", sa.Double(), nullable=True),
        sa.Column("exptime_s", sa.Double(), nullable=True),
        sa.Column("proposid", sa.Integer(), nullable=True),
        sa.Column("extra", portable_json(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_metadata"),
        sa.UniqueConstraint("mission", "rootname", name="uq_metadata_mission_rootname"),
    )
    op.create_index("ix_metadata_filename", "metadata", ["filename"])
    op.create_index(
        "ix_metadata_setup", "metadata", ["mission", "instrume", "detector", "opt_elem", "cenwave", "aperture"]
    )
    op.create_index("ix_metadata_targname", "metadata", ["targname"])

    op.create_table(
        "product",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("input_digest", sa.String(length=64), nullable=False),
        sa.Column("step_version", sa.Integer(), nullable=False),
        sa.Column("settings_digest", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_product"),
        sa.UniqueConstraint("kind", "key", name="uq_product_kind_key"),
    )

    op.create_table(
        "pending_removal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kept_path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pending_removal"),
    )

    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("command", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", portable_json(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )

    op.create_table(
        "exposure_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mission", sa.String(length=16), nullable=False),
        sa.Column("rootname", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("cal_ver", sa.String(length=64), nullable=False),
        sa.Column("version_key", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("metadata_id", sa.Integer(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('current', 'superseded', 'rejected')", name=op.f("ck_exposure_file_state")),
        sa.ForeignKeyConstraint(
            ["metadata_id"], ["metadata.id"], name="fk_exposure_file_metadata_id_metadata", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_exposure_file"),
        sa.UniqueConstraint(
            "mission", "rootname", "kind", "sha256", name="uq_exposure_file_mission_rootname_kind_sha256"
        ),
    )
    op.create_index("ix_exposure_file_metadata_id", "exposure_file", ["metadata_id"])
    op.create_index("ix_exposure_file_mission_rootname", "exposure_file", ["mission", "rootname"])
    op.create_index("ix_exposure_file_sha256", "exposure_file", ["sha256"])

    op.create_table(
        "outputs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("metadata_id", sa.Integer(), nullable=False),
        sa.Column("source_name", sa.String(length=128), nullable=False),
        sa.Column("band", sa.String(length=64), nullable=False),
        sa.Column("individual_path", sa.Text(), nullable=True),
        sa.Column("individual_filename", sa.String(length=255), nullable=True),
        sa.Column("composite_path", sa.Text(), nullable=True),
        sa.Column("composite_filename", sa.String(length=255), nullable=True),
        sa.Column("individual_product_id", sa.Integer(), nullable=True),
        sa.Column("composite_product_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["composite_product_id"],
            ["product.id"],
            name="fk_outputs_composite_product_id_product",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["individual_product_id"],
            ["product.id"],
            name="fk_outputs_individual_product_id_product",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["metadata_id"], ["metadata.id"], name="fk_outputs_metadata_id_metadata", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_outputs"),
        sa.UniqueConstraint("metadata_id", "source_name", "band", name="uq_outputs_metadata_id_source_name_band"),
    )
    op.create_index("ix_outputs_composite_product_id", "outputs", ["composite_product_id"])
    op.create_index("ix_outputs_individual_filename", "outputs", ["individual_filename"])
    op.create_index("ix_outputs_individual_product_id", "outputs", ["individual_product_id"])

    op.create_table(
        "stats",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("lightcurve_path", sa.Text(), nullable=False),
        sa.Column("lightcurve_filename", sa.String(length=255), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("mean", sa.Double(), nullable=True),
        sa.Column("mu", sa.Double(), nullable=True),
        sa.Column("stdev", sa.Double(), nullable=True),
        sa.Column("poisson_factor", sa.Double(), nullable=True),
        sa.Column("pearson_r", sa.Double(), nullable=True),
        sa.Column("pearson_p", sa.Double(), nullable=True),
        sa.Column("periodogram", sa.Boolean(), nullable=False),
        sa.Column("deliver", sa.Boolean(), nullable=False),
        sa.Column("excess_factor", sa.Double(), nullable=True),
        sa.Column("reduced_chi2", sa.Double(), nullable=True),
        sa.Column("chi2_p", sa.Double(), nullable=True),
        sa.Column("peak_period_s", sa.Double(), nullable=True),
        sa.Column("peak_power", sa.Double(), nullable=True),
        sa.Column("false_alarm_probability", sa.Double(), nullable=True),
        sa.Column("bins_used", sa.Integer(), nullable=False),
        sa.Column("exposure_s", sa.Double(), nullable=False),
        sa.Column("interesting", sa.Boolean(), nullable=True),
        sa.Column("curve_sha256", sa.String(length=64), nullable=False),
        sa.Column("step_version", sa.Integer(), nullable=False),
        sa.Column("settings_digest", sa.String(length=64), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name="fk_stats_product_id_product", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_stats"),
        sa.UniqueConstraint("product_id", name="uq_stats_product_id"),
    )
    op.create_index("ix_stats_lightcurve_filename", "stats", ["lightcurve_filename"])
