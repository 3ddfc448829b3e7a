"""What every CRM adapter offers the application, the values that pass between them, and how a call may fail."""

# ruff: noqa: N818 - the errors are read as what happened, and CrmError says that they are errors

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol


class CrmError(Exception):
    """A call failed. The message is for people and holds no secret."""


class AuthFailed(CrmError):
    """The CRM does not accept our key or token."""


class PermissionDenied(CrmError):
    """The key is good, but may not do this (or the company's plan does not include it)."""


class NotFound(CrmError):
    """The record is not there, or not any more."""


class Invalid(CrmError):
    """The CRM refuses what we sent; `field` is the one it complains about, if it says."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Changed(CrmError):
    """Somebody changed the record since we read it: nothing was applied."""


class Throttled(CrmError):
    """Too many calls: nothing was applied; worth another try after `after` seconds."""

    def __init__(self, message: str, after: float) -> None:
        super().__init__(message)
        self.after = after


class NotApplied(CrmError):
    """A passing fault that surely changed nothing: a read failed, or a write never left us."""


class Ambiguous(CrmError):
    """A write left us and no clear answer came back: it may or may not have been applied."""


FieldValue = str | Decimal | date | bool
FieldKind = Literal["text", "number", "date", "boolean", "choice"]
RecordKind = Literal["organisation", "deal", "note", "task"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What an adapter wants from the environment; `where` tells people where it is found.

    A `url` is checked like every vendor's address: https, or plain http to this machine.
    """

    name: str  # ZOHO_CLIENT_ID
    where: str
    default: str | None = None
    secret: bool = True
    url: bool = False


@dataclass(frozen=True, slots=True)
class Setup:
    """What the configuration says of the CRM, by the names that people see there. None: the CRM's own default."""

    currency: str
    pipeline: str | None = None
    stage: str | None = None
    key_field: str = "Headroom key"
    domain_field: str | None = None  # of an organisation, if domains are kept in a field of their own
    fields: tuple[str, ...] = ()  # further deal fields that we write
    deadline: float = 10.0  # seconds that one call may last


@dataclass(frozen=True, slots=True)
class Record:
    """A record by its kind and the CRM's id."""

    kind: RecordKind
    id: str


@dataclass(frozen=True, slots=True)
class CrmUser:
    """A person who can own a deal."""

    id: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Organisation:
    """A customer company as the CRM knows it."""

    id: str
    name: str
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class DealField:
    """A field of deals, by the name that people see. A required one has to be filled when a deal is made."""

    name: str
    kind: FieldKind
    options: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class DealDraft:
    """A deal to be made. `key` is ours, and the same on every retry."""

    key: str
    title: str
    organisation_id: str
    owner_id: str
    expected_close: date
    value: Decimal | None = None
    fields: Mapping[str, FieldValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Amendment:
    """What is to change; what stands at its default stays as it is. Owner, stage and title belong to people.

    `key` makes a deal that people made one of ours. `version` is that of the record as it was read: a CRM that can
    tell refuses with `Changed` what somebody else wrote to meanwhile.
    """

    value: Decimal | None = None
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    key: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class DealRecord:
    """A deal as the CRM has it now. `fields` are those of the setup that hold something."""

    id: str
    title: str
    url: str
    key: str | None
    owner_id: str | None
    value: Decimal | None
    status: Literal["open", "won", "lost"]
    organisation_id: str | None = None
    expected_close: date | None = None
    editable: bool = True  # neither deleted nor archived
    lost_reason: str | None = None
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Plain text; every adapter escapes it for its CRM and adds the key, so that the note can be found again."""

    key: str
    lines: tuple[str, ...]
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """Something to do for the owner. The adapter adds the key to its text, so that it can be found again."""

    key: str
    subject: str
    due: date
    owner_id: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where the CRM is to tell of changed deals, and the secret by which we know that it was the CRM."""

    address: str
    secret: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at by `check` or made by `provision`; a fix only where people have to do something.

    `blocks`: the application must not run while it is so, since deals would be made twice.
    """

    ok: bool
    what: str
    fix: str | None = None
    blocks: bool = False


class Crm(Protocol):
    """A CRM. Every method is one attempt: whether to try again is decided by those who keep the books.

    Writes raise `Ambiguous` if they may have been applied; the look-ups beside them then tell.
    """

    name: str  # as people call it
    deadline: float  # seconds; no call lasts longer

    def check(self) -> list[Finding]:
        """Credentials, each scope, currency, pipeline, stage, key field and configured fields."""

    def provision(self) -> list[Finding]:
        """Make what is missing and we may make: key field, pipeline, stage. Done twice, it changes nothing."""

    def users(self) -> list[CrmUser]:
        """All active users."""

    def deal_fields(self) -> list[DealField]:
        """All fields of deals that can be written to."""

    def find_organisation(self, name: str, domain: str | None) -> Organisation | None:
        """By domain where the CRM keeps one, then by exact name, whatever its case. May lag behind creation."""

    def recall_organisation(self, name: str, since: datetime) -> Organisation | None:
        """The organisation of that name made or changed since, from records and not from a search index."""

    def create_organisation(self, name: str, domain: str | None) -> Organisation: ...

    def organisations(self, ids: Iterable[str]) -> list[Organisation]:
        """Those that still exist."""

    def find_deals_by_key(self, key: str, organisation_id: str, gone_too: bool = False) -> list[DealRecord]:
        """The oldest first, from records and not from a search index; `gone_too`: archived and deleted ones as well."""

    def open_deals(self, organisation_id: str | None = None) -> list[DealRecord]:
        """Open deals of the configured pipeline, whoever made them; none where no pipeline is configured."""

    def create_deal(self, draft: DealDraft) -> DealRecord:
        """The new deal; where the CRM itself keeps keys unique, the one that has the key already."""

    def amend_deal(self, deal_id: str, amendment: Amendment) -> DealRecord: ...

    def get_deal(self, deal_id: str) -> DealRecord:
        """Also one that is deleted or archived, as long as the CRM shows it; else NotFound."""

    def get_deals(self, deal_ids: Sequence[str]) -> list[DealRecord]:
        """Those that the CRM still lists: the others are deleted, merged or archived."""

    def find_note(self, deal_id: str, key: str) -> str | None:
        """The id of the deal's note that carries the key."""

    def create_note(self, deal_id: str, note: Note) -> str: ...

    def update_note(self, note_id: str, note: Note) -> None: ...

    def find_task(self, parent: Record, key: str) -> str | None:
        """The id of the task of a deal or organisation that carries the key."""

    def create_task(self, parent: Record, task: Task) -> str: ...

    def remove(self, record: Record) -> None:
        """Delete what a trial made; what is gone already is no error."""

    def ensure_webhook(self, hook: Webhook, now: datetime) -> datetime | None:
        """Have changed deals told there, made or renewed as needed. Until when that holds; None: for good."""

    def parse_webhook(self, hook: Webhook, headers: Mapping[str, str], body: bytes) -> list[str]:
        """Ids of the deals that it tells of: a hint, nothing more. AuthFailed where it does not know the secret."""
