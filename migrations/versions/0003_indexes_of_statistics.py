"""Indexes for the questions that are asked of many statistics, and for files that are not bad any more.

One goes: the unique constraint of ``exposure_file`` begins with the same columns.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_exposure_file_mission_rootname", "exposure_file")
    op.create_index("ix_bad_data_sha256", "bad_data", ["sha256"])
    op.create_index("ix_stats_poisson_factor", "stats", ["poisson_factor"])
    for flag, column in (("interesting", "product_id"), ("periodogram", "pearson_p")):
        only = {"sqlite_where": sa.text(flag), "postgresql_where": sa.text(flag)}
        op.create_index(f"ix_stats_{flag}", "stats", [column], **only)
    for table, column, composite in (("product", "id", "kind = 'composite'"), ("stats", "product_id", "datasets > 1")):
        only = {"sqlite_where": sa.text("id < 0"), "postgresql_where": sa.text(composite)}
        op.create_index(f"ix_{table}_composite", table, [column], **only)
