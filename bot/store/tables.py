"""Every table of the store. Times are UTC, money is Decimal; `workspace` leaves room for several in one database."""

from sqlalchemy import (
    Column,
    Date,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from bot.store.columns import Json, Moment, Money, RowId, Words

WORKSPACE = "default"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _workspace(*, key: bool = False) -> Column[str]:
    return Column("workspace", Text, primary_key=key, nullable=False, default=WORKSPACE, server_default=WORKSPACE)


def _id() -> Column[int]:
    return Column("id", RowId, primary_key=True, autoincrement=True)


account = Table(
    "account",
    metadata,
    _workspace(key=True),
    Column("key", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("domain", Words),
    Column("plan", Words),
    Column("arr", Money),
    Column("owner_email", Words),
    Column("anchor", Words),
    Column("limits", Json, nullable=False),
    Column("levels", Json, nullable=False),
    Column("search_name", Words, nullable=False),  # the name case-folded, since SQLite folds ASCII only
    Column("gone_at", Moment),  # when PostHog stopped naming it
    Index("ix_account_search_name", "workspace", "search_name"),
    Index("ix_account_domain", "workspace", "domain"),
)

series = Table(
    "series",
    metadata,
    _workspace(key=True),
    Column("stream", Words, primary_key=True),  # before the account: a stream is read whole
    Column("account_key", Words, primary_key=True),
    Column("first_day", Date, nullable=False),
    Column("values", LargeBinary, nullable=False),  # float64, little endian, one a day; NaN: unknown
    Column("last_event", Moment),
)

signal_state = Table(
    "signal_state",
    metadata,
    _workspace(key=True),
    Column("account_key", Words, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("metric", Words, primary_key=True),  # "" where the kind has none: a key cannot be NULL
    Column("subject", Words, primary_key=True),
    Column("level", Float),
    Column("since", Moment, nullable=False),
    Column("payload", Json, nullable=False),
)

LIVE_ONLY = text("state IN ('open', 'claimed', 'snoozed')")

opportunity = Table(
    "opportunity",
    metadata,
    _workspace(),
    _id(),
    Column("key", Text, nullable=False),
    Column("account_key", Words, nullable=False),
    Column("state", Text, nullable=False),
    Column("polarity", Text, nullable=False),
    Column("score", Integer, nullable=False),
    Column("points", Json, nullable=False),
    Column("signals", Json, nullable=False),
    Column("plan", Words),
    Column("recommended_plan", Words),
    Column("delta_arr", Money),
    Column("overage_cost", Money),
    Column("break_even", Json),
    Column("drivers", Json),  # NULL until PostHog was asked what drives the usage
    Column("history", Json, nullable=False),
    Column("period_day", Integer),
    Column("period_days", Integer),
    Column("opened_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("version", Integer, nullable=False),
    Column("owner", Text),
    Column("snoozed_until", Moment),
    Column("dismissed_reason", Words),
    Column("deal_id", Text),
    Column("deal_title", Words),
    Column("deal_url", Words),
    Column("deal_owner_name", Words),
    Column("deal_state", Words),
    Column("question", Json),  # what the rep is asked before the deal can be made
    Column("open_deal", Json),  # another open deal of the account, which people made
    Column("outcome_reason", Words),  # why the deal was lost, in the CRM's words
    Column("card_channel", Text),
    Column("card_ts", Text),
    Column("card_version", Integer),
    UniqueConstraint("workspace", "key"),
    ForeignKeyConstraint(["workspace", "account_key"], ["account.workspace", "account.key"]),
    Index("ix_opportunity_owner", "workspace", "owner"),
    Index("ix_opportunity_closed", "workspace", "account_key", "closed_at"),
    # One live opportunity an account, whatever the replicas do.
    Index(
        "uq_opportunity_live",
        "workspace",
        "account_key",
        unique=True,
        sqlite_where=LIVE_ONLY,
        postgresql_where=LIVE_ONLY,
    ),
)

opportunity_event = Table(
    "opportunity_event",
    metadata,
    _workspace(),
    _id(),
    Column("opportunity_id", RowId, nullable=False),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("before", Json),
    Column("after", Json),
    ForeignKeyConstraint(["opportunity_id"], ["opportunity.id"]),
    Index("ix_opportunity_event_opportunity_id", "opportunity_id", "id"),
)

standing = Table(
    "standing",
    metadata,
    _workspace(key=True),
    Column("account_key", Words, primary_key=True),
    Column("metrics", Json, nullable=False),  # by metric: use, limit and forecast as the last evaluation saw them
    Column("at", Moment),  # which evaluation that was, where the account is gone since; else it is the last one
)

sighting = Table(
    "sighting",
    metadata,
    _workspace(key=True),
    Column("account_key", Words, primary_key=True),
    Column("seen", Json, nullable=False),  # who met which page or lock, as the last evaluation saw it; people by number
)

held_back = Table(
    "held_back",
    metadata,
    _workspace(key=True),
    Column("account_key", Words, primary_key=True),
    Column("metric", Words, primary_key=True),  # "" where the whole account is held back
    Column("reason", Text, nullable=False),
    Column("at", Moment, nullable=False),  # since when for this reason
)

problem = Table(
    "problem",
    metadata,
    _workspace(),
    _id(),
    Column("source", Text, nullable=False),  # who reports it, and says when it is over
    Column("what", Text, nullable=False),
    Column("account_key", Words, nullable=False),  # "" where it concerns no single account
    Column("metric", Words, nullable=False),
    Column("detail", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("resolved_at", Moment),
    Column("told_at", Moment),  # when the managers heard of it
    Index("ix_problem_open", "workspace", "resolved_at"),
)

threshold_change = Table(
    "threshold_change",
    metadata,
    _workspace(key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("before", Json),
    Column("after", Json, nullable=False),
)

rep = Table(
    "rep",
    metadata,
    _workspace(key=True),
    Column("slack_user_id", Text, primary_key=True),
    Column("email", Words),
    Column("name", Words),
    Column("tz", Text),
    Column("fetched_at", Moment, nullable=False),
    Column("crm_user_id", Text),  # chosen by the rep, where nobody in the CRM has the e-mail address
)

memory = Table(
    "memory",
    metadata,
    _workspace(key=True),
    Column("name", Text, primary_key=True),
    Column("value", Json, nullable=False),
    Column("updated_at", Moment, nullable=False),
)
