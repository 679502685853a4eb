"""Composites with their members, statistics within and between datasets, and plots that know their light curve."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CONFIGURATION = ("mission", "instrume", "detector", "targname", "opt_elem", "cenwave", "aperture")
STATISTICS = (
    ("within_reduced_chi2", sa.Double()),
    ("within_chi2_p", sa.Double()),
    ("between_reduced_chi2", sa.Double()),
    ("between_chi2_p", sa.Double()),
    ("shortest_period_s", sa.Double()),
)


def upgrade() -> None:
    with op.batch_alter_table("metadata") as table:
        table.add_column(sa.Column("configuration", sa.String(length=512), nullable=False, server_default=""))
    _fill_configuration()
    with op.batch_alter_table("metadata") as table:
        table.alter_column("configuration", server_default=None)
    op.create_index("ix_metadata_configuration", "metadata", ["configuration"])

    with op.batch_alter_table("product") as table:
        table.add_column(sa.Column("parent_id", sa.Integer(), nullable=True))
        table.create_foreign_key(
            op.f("fk_product_parent_id_product"), "product", ["parent_id"], ["id"], ondelete="SET NULL"
        )
    op.create_index("ix_product_parent_id", "product", ["parent_id"])

    with op.batch_alter_table("stats") as table:
        for name, kind in STATISTICS:
            table.add_column(sa.Column(name, kind, nullable=True))
        table.add_column(sa.Column("datasets", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("stats") as table:
        table.alter_column("datasets", server_default=None)

    op.create_table(
        "composite_member",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("configuration", sa.String(length=512), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("metadata_id", sa.Integer(), nullable=True),
        sa.Column("dataset", sa.Integer(), nullable=True),
        sa.Column("excluded_reason", sa.String(length=64), nullable=False),
        sa.Column("input_digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name="fk_composite_member_product_id_product", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["metadata_id"], ["metadata.id"], name="fk_composite_member_metadata_id_metadata", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_composite_member"),
        sa.UniqueConstraint("configuration", "metadata_id", name="uq_composite_member_configuration_metadata_id"),
    )
    op.create_index("ix_composite_member_product_id", "composite_member", ["product_id"])
    op.create_index("ix_composite_member_metadata_id", "composite_member", ["metadata_id"])


def _fill_configuration() -> None:
    connection = op.get_bind()
    table = sa.table("metadata", sa.column("id"), sa.column("configuration"), *map(sa.column, CONFIGURATION))
    rows = connection.execute(sa.select(table.c.id, *(table.c[name] for name in CONFIGURATION))).all()
    values = [{"row": row[0], "text": _configuration(row[1:])} for row in rows]
    if values:
        statement = sa.update(table).where(table.c.id == sa.bindparam("row"))
        connection.execute(statement.values(configuration=sa.bindparam("text")), values)


def _configuration(values: tuple[object, ...]) -> str:
    text = "/".join(str(value).replace("%", "%25").replace("/", "%2F") for value in values)
    return text if len(text) <= 512 else f"{text[:447]}~{hashlib.sha256(text.encode()).hexdigest()}"
