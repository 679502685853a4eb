"""What part of the spectrum a light curve is of, with its statistics."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("em_min_m", "em_max_m"):
        op.add_column("stats", sa.Column(name, sa.Double(), nullable=True))
