"""The first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
MONEY = sa.Numeric().with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("arr", MONEY, nullable=True),
        sa.Column("owner_email", sa.Text(), nullable=True),
        sa.Column("anchor", sa.Text(), nullable=True),
        sa.Column("limits", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("levels", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("search_name", sa.Text(), nullable=False),
        sa.Column("gone_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("workspace", "key", name=op.f("pk_account")),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_index("ix_account_domain", ["workspace", "domain"], unique=False)
        batch_op.create_index("ix_account_search_name", ["workspace", "search_name"], unique=False)

    op.create_table(
        "external_ref",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("our_key", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("remote_version", sa.Text(), nullable=True),
        sa.Column("attempted_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "provider", "our_key", name=op.f("pk_external_ref")),
    )
    op.create_table(
        "standing",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("account_key", sa.Text(), nullable=False),
        sa.Column("metrics", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("workspace", "account_key", name=op.f("pk_standing")),
    )
    op.create_table(
        "held_back",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("account_key", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "account_key", "metric", name=op.f("pk_held_back")),
    )
    op.create_table(
        "hold",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "scope", name=op.f("pk_hold")),
    )
    op.create_table(
        "inbox",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("delivery_key", sa.Text(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("answer", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("workspace", "source", "delivery_key", name=op.f("pk_inbox")),
    )
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.create_index("ix_inbox_received_at", ["received_at"], unique=False)

    op.create_table(
        "job",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ukey", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("run_at", MOMENT, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("intent", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error_class", sa.Text(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("workspace", "ukey", name=op.f("uq_job_workspace_ukey")),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index("ix_job_updated_at", ["updated_at"], unique=False)
        batch_op.create_index(
            "ix_job_waiting",
            ["priority", "run_at", "id"],
            unique=False,
            sqlite_where=sa.text("state IN ('ready', 'running')"),
            postgresql_where=sa.text("state IN ('ready', 'running')"),
        )
        batch_op.create_index(
            "uq_job_running",
            ["workspace", "subject"],
            unique=True,
            sqlite_where=sa.text("state = 'running'"),
            postgresql_where=sa.text("state = 'running'"),
        )

    op.create_table(
        "memory",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "name", name=op.f("pk_memory")),
    )
    op.create_table(
        "problem",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("account_key", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("resolved_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problem")),
    )
    with op.batch_alter_table("problem", schema=None) as batch_op:
        batch_op.create_index("ix_problem_open", ["workspace", "resolved_at"], unique=False)

    op.create_table(
        "rep",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("slack_user_id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("tz", sa.Text(), nullable=True),
        sa.Column("fetched_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "slack_user_id", name=op.f("pk_rep")),
    )
    op.create_table(
        "run",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scheduled_for", MOMENT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=False),
        sa.Column("lease_until", MOMENT, nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("summary", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("workspace", "kind", "scheduled_for", name=op.f("uq_run_workspace_kind_scheduled_for")),
    )
    op.create_table(
        "series",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("account_key", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("values", sa.LargeBinary(), nullable=False),
        sa.Column("last_event", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("workspace", "stream", "account_key", name=op.f("pk_series")),
    )
    op.create_table(
        "signal_state",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("account_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("level", sa.Float(), nullable=True),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "account_key", "kind", "metric", "subject", name=op.f("pk_signal_state")),
    )
    op.create_table(
        "threshold_change",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "version", name=op.f("pk_threshold_change")),
    )
    op.create_table(
        "opportunity",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("account_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("polarity", sa.Text(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("points", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("signals", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("recommended_plan", sa.Text(), nullable=True),
        sa.Column("delta_arr", MONEY, nullable=True),
        sa.Column("overage_cost", MONEY, nullable=True),
        sa.Column("history", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("period_day", sa.Integer(), nullable=True),
        sa.Column("period_days", sa.Integer(), nullable=True),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("snoozed_until", MOMENT, nullable=True),
        sa.Column("dismissed_reason", sa.Text(), nullable=True),
        sa.Column("deal_id", sa.Text(), nullable=True),
        sa.Column("deal_title", sa.Text(), nullable=True),
        sa.Column("deal_url", sa.Text(), nullable=True),
        sa.Column("deal_owner_name", sa.Text(), nullable=True),
        sa.Column("deal_state", sa.Text(), nullable=True),
        sa.Column("card_channel", sa.Text(), nullable=True),
        sa.Column("card_ts", sa.Text(), nullable=True),
        sa.Column("card_version", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace", "account_key"],
            ["account.workspace", "account.key"],
            name=op.f("fk_opportunity_workspace_account_key"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opportunity")),
        sa.UniqueConstraint("workspace", "key", name=op.f("uq_opportunity_workspace_key")),
    )
    with op.batch_alter_table("opportunity", schema=None) as batch_op:
        batch_op.create_index("ix_opportunity_closed", ["workspace", "account_key", "closed_at"], unique=False)
        batch_op.create_index("ix_opportunity_owner", ["workspace", "owner"], unique=False)
        batch_op.create_index(
            "uq_opportunity_live",
            ["workspace", "account_key"],
            unique=True,
            sqlite_where=sa.text("state IN ('open', 'claimed', 'snoozed')"),
            postgresql_where=sa.text("state IN ('open', 'claimed', 'snoozed')"),
        )

    op.create_table(
        "opportunity_event",
        sa.Column("workspace", sa.Text(), server_default="default", nullable=False),
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("opportunity_id", ROW_ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["opportunity_id"], ["opportunity.id"], name=op.f("fk_opportunity_event_opportunity_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opportunity_event")),
    )
    with op.batch_alter_table("opportunity_event", schema=None) as batch_op:
        batch_op.create_index("ix_opportunity_event_opportunity_id", ["opportunity_id", "id"], unique=False)


def downgrade() -> None:
    for table in (
        "opportunity_event",
        "opportunity",
        "threshold_change",
        "signal_state",
        "series",
        "run",
        "rep",
        "problem",
        "memory",
        "job",
        "inbox",
        "hold",
        "standing",
        "held_back",
        "external_ref",
        "account",
    ):
        op.drop_table(table)
