"""Names in one order on every database, that of their characters; light curves that vary are setups of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NAMES = {"targname": 128, "source_name": 128, "rootname": 64}
_SETUP = ("mission", "instrume", "kind", "lead")
_OTHER = """
(SELECT v.id FROM setup u JOIN setup v ON v.mission = u.mission AND v.instrume = u.instrume AND v.kind = u.kind
   AND v.lead = u.lead AND v.interesting
 WHERE u.id = {table}.setup_id)
"""


def upgrade() -> None:
    for name in _NAMES:
        op.drop_index(f"ix_light_curve_{name}_prefix", "light_curve")
    if op.get_bind().dialect.name == "postgresql":
        for name, length in {**_NAMES, "filename": 255}.items():
            op.alter_column("light_curve", name, type_=sa.String(length=length, collation="C"))
    for name in _NAMES:
        op.create_index(f"ix_light_curve_{name}", "light_curve", [name])
    with op.batch_alter_table("setup") as table:
        table.add_column(sa.Column("interesting", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.drop_constraint("uq_setup_mission_instrume_kind_lead", type_="unique")
        table.create_unique_constraint("uq_setup_mission_instrume_kind_lead_interesting", [*_SETUP, "interesting"])
    with op.batch_alter_table("setup") as table:
        table.alter_column("interesting", server_default=None)
    op.execute(
        "INSERT INTO setup (mission, instrume, kind, lead, interesting) "
        "SELECT DISTINCT u.mission, u.instrume, u.kind, u.lead, true FROM setup u "
        "JOIN stats s ON s.setup_id = u.id WHERE s.interesting"
    )
    for table in ("light_curve", "stats"):
        op.execute(
            f"UPDATE {table} SET setup_id = {_OTHER.format(table=table)} "
            "WHERE product_id IN (SELECT product_id FROM stats WHERE interesting AND setup_id IS NOT NULL)"
        )
    op.execute("DELETE FROM setup WHERE NOT EXISTS (SELECT 1 FROM light_curve c WHERE c.setup_id = setup.id)")
