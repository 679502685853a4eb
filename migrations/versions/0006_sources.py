"""Sources in the field of an exposure, their light curves, and what the arrivals of their photons say."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NUMBERS = (
    *("excess_variance", "excess_variance_error", "fractional_variability_limit", "gl_log10_odds", "gl_probability"),
    *("gl_timescale_s", "gl_within_3_sigma", "gl_within_5_sigma", "gl_rate_mean", "gl_rate_sigma", "gl_rate_min"),
    *("gl_rate_max", "ks_p", "kuiper_p"),
)
_WHOLE = ("arrivals", "gl_index", "gl_bins", "blocks_p05", "blocks_p01")


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "source",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mission", sa.String(length=16), nullable=False),
        sa.Column("metadata_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("same_as", sa.String(length=128), nullable=False),
        sa.Column("ra_deg", sa.Double(), nullable=False),
        sa.Column("dec_deg", sa.Double(), nullable=False),
        sa.Column("catalogue", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("background_region", sa.Text(), nullable=False),
        sa.Column("significance", sa.Double(), nullable=True),
        sa.Column("counts", sa.BigInteger(), nullable=False),
        sa.Column("background_counts", sa.BigInteger(), nullable=False),
        sa.Column("scale", sa.Double(), nullable=False),
        sa.Column("exposure_s", sa.Double(), nullable=False),
        sa.Column("offaxis_arcmin", sa.Double(), nullable=True),
        sa.Column("extra", json, nullable=False),
        sa.ForeignKeyConstraint(
            ["metadata_id"], ["metadata.id"], name="fk_source_metadata_id_metadata", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_source"),
        sa.UniqueConstraint("metadata_id", "name", name="uq_source_metadata_id_name"),
    )
    for name in ("name", "same_as", "dec_deg"):
        op.create_index(f"ix_source_{name}", "source", [name])
    op.create_table(
        "hardness_ratio",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("hard", sa.String(length=64), nullable=False),
        sa.Column("soft", sa.String(length=64), nullable=False),
        sa.Column("ratio", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name="fk_hardness_ratio_source_id_source", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_hardness_ratio"),
        sa.UniqueConstraint("source_id", "hard", "soft", name="uq_hardness_ratio_source_id_hard_soft"),
    )

    with op.batch_alter_table("outputs") as table:
        table.add_column(sa.Column("instrume", sa.String(length=16), nullable=False, server_default=""))
        table.add_column(sa.Column("configuration", sa.String(length=512), nullable=False, server_default=""))
        table.add_column(sa.Column("lead", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.execute(
        "UPDATE outputs SET configuration ="
        " (SELECT configuration FROM metadata WHERE metadata.id = outputs.metadata_id)"
        " WHERE source_name = '' AND band = ''"
    )
    with op.batch_alter_table("outputs") as table:
        for name in ("instrume", "configuration", "lead"):
            table.alter_column(name, server_default=None)
    op.create_index("ix_outputs_configuration", "outputs", ["configuration"])

    with op.batch_alter_table("stats") as table:
        for name in _NUMBERS:
            table.add_column(sa.Column(name, sa.Double(), nullable=True))
        for name in _WHOLE:
            table.add_column(sa.Column(name, sa.Integer(), nullable=True))
    op.create_index("ix_stats_gl_index", "stats", ["gl_index"])
    with op.batch_alter_table("candidate") as table:  # two exposures of a composite may be at the same time
        table.drop_constraint("uq_candidate_product_id_kind_start_mjd", type_="unique")
        table.create_unique_constraint(
            "uq_candidate_product_id_kind_dataset_start_mjd", ["product_id", "kind", "dataset", "start_mjd"]
        )
