"""Deals that are followed"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.create_table(
        "crm_deal",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("deal_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("owner_name", sa.Text(), nullable=True),
        sa.Column("our_key", sa.Text(), nullable=True),
        sa.Column("organisation_id", sa.Text(), nullable=True),
        sa.Column("account_key", sa.Text(), nullable=True),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "provider", "deal_id", name=op.f("pk_crm_deal")),
    )
    op.create_index("ix_crm_deal_account_key", "crm_deal", ["workspace", "account_key"], unique=False)
    op.create_table(
        "oauth_grant",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("workspace", "provider", name=op.f("pk_oauth_grant")),
    )
    op.add_column("external_ref", sa.Column("written", JSON, nullable=True))
    op.add_column("opportunity", sa.Column("question", JSON, nullable=True))
    op.add_column("opportunity", sa.Column("open_deal", JSON, nullable=True))
    op.add_column("opportunity", sa.Column("outcome_reason", sa.Text(), nullable=True))
    op.add_column("rep", sa.Column("crm_user_id", sa.Text(), nullable=True))


def downgrade() -> None:
    for table, column in (
        ("rep", "crm_user_id"),
        ("opportunity", "outcome_reason"),
        ("opportunity", "open_deal"),
        ("opportunity", "question"),
        ("external_ref", "written"),
    ):
        op.drop_column(table, column)
    op.drop_table("oauth_grant")
    op.drop_table("crm_deal")
