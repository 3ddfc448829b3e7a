"""Drivers: who and what makes the usage, from when the upgrade pays off, and who was seen where"""

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
    op.create_table(
        "sighting",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("account_key", sa.Text(), nullable=False),
        sa.Column("seen", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "account_key", name=op.f("pk_sighting")),
    )


def downgrade() -> None:
    op.drop_table("sighting")
    for name in COLUMNS:
        op.drop_column("opportunity", name)
