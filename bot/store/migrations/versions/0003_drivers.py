"""Drivers: who and what makes the usage, and from when the upgrade pays off"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = ("break_even", "drivers")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("opportunity", sa.Column(name, sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("opportunity", name)
