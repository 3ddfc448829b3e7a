"""What every CRM adapter offers the application, the values that pass between them, and how a call may fail."""

# ruff: noqa: N818 - the errors are read as what happened, and CrmError says that they are errors

from dataclasses import dataclass
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


class Throttled(CrmError):
    """Too many calls: nothing was applied; worth another try after `after` seconds."""

    def __init__(self, message: str, after: float) -> None:
        super().__init__(message)
        self.after = after


class NotApplied(CrmError):
    """A passing fault that surely changed nothing: a read failed, or a write never left us."""


class Ambiguous(CrmError):
    """A write left us and no clear answer came back: it may or may not have been applied."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What the configuration says of the CRM, by the names that people see there. None: the CRM's own default."""

    currency: str
    pipeline: str | None = None
    stage: str | None = None
    key_field: str = "Headroom key"
    domain_field: str | None = None  # of an organisation, if domains are kept in a field of their own
    deadline: float = 10.0  # seconds that one call may last


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


@dataclass(frozen=True, slots=True)
class DealDraft:
    """A deal to be made. `key` is ours, and the same on every retry."""

    key: str
    title: str
    organisation_id: str
    owner_id: str
    expected_close: date
    value: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Amendment:
    """What moves with usage, and only that: owner, stage and title belong to people once the deal exists."""

    expected_close: date
    value: Decimal | None = None


@dataclass(frozen=True, slots=True)
class DealRecord:
    """A deal as the CRM has it now."""

    id: str
    title: str
    url: str
    key: str | None
    owner_id: str | None
    value: Decimal | None
    status: Literal["open", "won", "lost"]
    expected_close: date | None = None
    editable: bool = True  # neither deleted nor archived


@dataclass(frozen=True, slots=True)
class Note:
    """Plain text; every adapter escapes it for its CRM and adds the key, so that the note can be found again."""

    key: str
    lines: tuple[str, ...]
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at by `check`; a fix only where one is needed."""

    ok: bool
    what: str
    fix: str | None = None


class Crm(Protocol):
    """A CRM. Every method is one attempt: whether to try again is decided by those who keep the books.

    Writes raise `Ambiguous` if they may have been applied; the look-ups beside them then tell.
    """

    name: str  # as people call it
    deadline: float  # seconds; no call lasts longer

    def check(self) -> list[Finding]: ...

    def users(self) -> list[CrmUser]:
        """All active users."""

    def find_organisation(self, name: str, domain: str | None) -> Organisation | None:
        """By domain where the CRM keeps one, then by exact name, whatever its case. May lag behind creation."""

    def recall_organisation(self, name: str, since: datetime) -> Organisation | None:
        """The organisation of that name made or changed since, from records and not from a search index."""

    def create_organisation(self, name: str, domain: str | None) -> Organisation: ...

    def find_deals_by_key(self, key: str, organisation_id: str, gone_too: bool = False) -> list[DealRecord]:
        """The oldest first, from records and not from a search index; `gone_too`: archived and deleted ones as well."""

    def create_deal(self, draft: DealDraft) -> DealRecord: ...

    def amend_deal(self, deal_id: str, amendment: Amendment) -> DealRecord: ...

    def get_deal(self, deal_id: str) -> DealRecord: ...

    def find_note(self, deal_id: str, key: str) -> str | None:
        """The id of the deal's note that carries the key."""

    def create_note(self, deal_id: str, note: Note) -> str: ...

    def update_note(self, note_id: str, note: Note) -> None: ...
