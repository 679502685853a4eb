"""Targets with their names, flares and dips, what the archive took back, and products that know their exposure."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "target",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("ra_deg", sa.Double(), nullable=True),
        sa.Column("dec_deg", sa.Double(), nullable=True),
        sa.Column("moving", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_target"),
        sa.UniqueConstraint("name", name="uq_target_name"),
    )
    op.create_table(
        "target_alias",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alias", sa.String(length=128), nullable=False),
        sa.Column("normal", sa.String(length=128), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("note", sa.String(length=255), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["target_id"], ["target.id"], name="fk_target_alias_target_id_target", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_target_alias"),
        sa.UniqueConstraint("alias", name="uq_target_alias_alias"),
    )
    op.create_index("ix_target_alias_normal", "target_alias", ["normal"])
    op.create_index("ix_target_alias_target_id", "target_alias", ["target_id"])

    with op.batch_alter_table("metadata") as table:
        for name, length in (("header_targname", 128), ("withdrawn", 255)):
            table.add_column(sa.Column(name, sa.String(length=length), nullable=False, server_default=""))
        table.add_column(sa.Column("target_id", sa.Integer(), nullable=True))
        table.create_foreign_key("fk_metadata_target_id_target", "target", ["target_id"], ["id"], ondelete="SET NULL")
    op.execute("UPDATE metadata SET header_targname = targname")
    with op.batch_alter_table("metadata") as table:
        for name in ("header_targname", "withdrawn"):
            table.alter_column(name, server_default=None)
    op.create_index("ix_metadata_target_id", "metadata", ["target_id"])

    with op.batch_alter_table("product") as table:
        table.add_column(sa.Column("metadata_id", sa.Integer(), nullable=True))
        table.create_foreign_key(
            "fk_product_metadata_id_metadata", "metadata", ["metadata_id"], ["id"], ondelete="SET NULL"
        )
    op.execute(
        "UPDATE product SET metadata_id ="
        " (SELECT metadata_id FROM outputs WHERE individual_product_id = product.id) WHERE kind = 'individual'"
    )
    op.create_index("ix_product_metadata_id", "product", ["metadata_id"])

    with op.batch_alter_table("stats") as table:
        table.add_column(sa.Column("fractional_variability", sa.Double(), nullable=True))
        table.add_column(sa.Column("fractional_variability_error", sa.Double(), nullable=True))
        table.add_column(sa.Column("blocks", sa.Integer(), nullable=True))
        table.add_column(sa.Column("candidates", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("peak_note", sa.String(length=64), nullable=False, server_default=""))
    with op.batch_alter_table("stats") as table:
        for name in ("candidates", "peak_note"):
            table.alter_column(name, server_default=None)

    op.create_table(
        "candidate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("dataset", sa.Integer(), nullable=False),
        sa.Column("start_mjd", sa.Double(), nullable=False),
        sa.Column("peak_mjd", sa.Double(), nullable=False),
        sa.Column("end_mjd", sa.Double(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("counts", sa.Double(), nullable=False),
        sa.Column("expected_counts", sa.Double(), nullable=False),
        sa.Column("peak_ratio", sa.Double(), nullable=True),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("trials", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('flare', 'dip')", name=op.f("ck_candidate_kind")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name="fk_candidate_product_id_product", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_candidate"),
        sa.UniqueConstraint("product_id", "kind", "start_mjd", name="uq_candidate_product_id_kind_start_mjd"),
    )
    op.create_index("ix_candidate_kind", "candidate", ["kind"])
    op.create_index("ix_candidate_probability", "candidate", ["probability"])
