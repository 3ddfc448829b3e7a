"""The tables that delivery rests on: jobs, holds, the inbox, evaluation slots and records at vendors."""

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, literal_column, text

from bot.store.columns import Json, Moment, Words
from bot.store.tables import _id, _workspace, metadata

# In queries too these are written out, not bound: PostgreSQL must see that a partial index fits, in prepared plans too.
READY, RUNNING = literal_column("'ready'", Text), literal_column("'running'", Text)
RUNNING_ONLY = text("state = 'running'")
WAITING_ONLY = text("state IN ('ready', 'running')")

job = Table(
    "job",
    metadata,
    _workspace(),
    _id(),
    Column("kind", Text, nullable=False),
    Column("ukey", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("scope", Text),  # what it calls, as far as known: "slack:chat.postMessage:C1"
    Column("state", Text, nullable=False),  # ready, running, done, failed, dead
    Column("run_at", Moment, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("strikes", Integer, nullable=False),  # attempts that ended without a reason we know: a crash or a bug
    Column("lease_owner", Text),
    Column("lease_until", Moment),
    Column("token", Integer, nullable=False),
    Column("payload", Json, nullable=False),
    Column("intent", Json),
    Column("result", Json),
    Column("error_class", Text),
    Column("last_error", Words),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("workspace", "ukey"),
    # One running job a subject, whatever two workers see of each other.
    Index(
        "uq_job_running",
        "workspace",
        "subject",
        unique=True,
        sqlite_where=RUNNING_ONLY,
        postgresql_where=RUNNING_ONLY,
    ),
    Index(
        "ix_job_waiting",
        "priority",
        "run_at",
        "id",
        sqlite_where=WAITING_ONLY,
        postgresql_where=WAITING_ONLY,
    ),
    Index("ix_job_updated_at", "updated_at"),
)

hold = Table(
    "hold",
    metadata,
    _workspace(key=True),
    Column("scope", Text, primary_key=True),  # holds back itself and everything below: "slack" holds "slack:..."
    Column("why", Text, nullable=False),  # throttled, auth
    Column("detail", Words, nullable=False),
    Column("until", Moment, nullable=False),
    Column("at", Moment, nullable=False),
)

inbox = Table(
    "inbox",
    metadata,
    _workspace(key=True),
    Column("source", Text, primary_key=True),
    Column("delivery_key", Words, primary_key=True),
    Column("received_at", Moment, nullable=False),
    Column("user_id", Words, nullable=False),
    Column("action", Text, nullable=False),
    Column("answer", Json),
    Index("ix_inbox_received_at", "received_at"),
)

run = Table(
    "run",
    metadata,
    _workspace(),
    _id(),
    Column("kind", Text, nullable=False),
    Column("scheduled_for", Moment, nullable=False),
    Column("state", Text, nullable=False),  # running, done, failed
    Column("lease_owner", Text, nullable=False),
    Column("lease_until", Moment, nullable=False),
    Column("token", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("summary", Json),
    UniqueConstraint("workspace", "kind", "scheduled_for"),
)

external_ref = Table(
    "external_ref",
    metadata,
    _workspace(key=True),
    Column("provider", Text, primary_key=True),
    Column("our_key", Words, primary_key=True),
    Column("remote_id", Words),  # NULL: it is not known whether it exists
    Column("remote_version", Words),  # the vendor's etag or time of change, where it has one
    Column("written", Json),  # what we last wrote: where the vendor has something else now, people changed it
    Column("attempted_at", Moment, nullable=False),  # when it was last about to be made
    Column("updated_at", Moment, nullable=False),
)

crm_deal = Table(  # open deals of the CRM's pipeline, whoever made them: an account that has one is left alone
    "crm_deal",
    metadata,
    _workspace(key=True),
    Column("provider", Text, primary_key=True),
    Column("deal_id", Text, primary_key=True),
    Column("title", Words, nullable=False),
    Column("url", Words, nullable=False),
    Column("owner_name", Words),
    Column("our_key", Text),  # NULL: people made it
    Column("organisation_id", Text),
    Column("account_key", Words),  # NULL: of no account that we know
    Column("seen_at", Moment, nullable=False),  # first
    Column("updated_at", Moment, nullable=False),
    Index("ix_crm_deal_account_key", "workspace", "account_key"),
)

oauth_grant = Table(
    "oauth_grant",
    metadata,
    _workspace(key=True),
    Column("provider", Text, primary_key=True),
    Column("sealed", LargeBinary),  # NULL: the first one is being asked for
    Column("expires_at", Moment),
    Column("lease_owner", Text),  # who is renewing it
    Column("lease_until", Moment),
)
