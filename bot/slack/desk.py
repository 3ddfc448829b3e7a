"""What the Slack room asks of the application: one short transaction a call, nothing that leaves the machine."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.config import Thresholds
from bot.model import AccountReport, DealOwner, Opportunity


@dataclass(frozen=True, slots=True)
class Click:
    """Who did something, and where an answer reaches them.

    `delivery` is the same each time Slack delivers the same act. Without `channel` the answer goes into the
    acknowledgement, and the desk enqueues no reply for it.
    """

    delivery: str
    user: str
    channel: str | None = None
    response_url: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of it, in plain words (this room escapes them); "{by}" in them stands for the user `by`."""

    ok: bool
    text: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class ThresholdView:
    """The thresholds in force, and who set them last (nobody: they come from headroom.toml)."""

    version: int
    values: Thresholds
    changed_by: str | None = None
    changed_at: datetime | None = None
    exceptions: tuple[str, ...] = ()  # metrics and plans whose own levels in headroom.toml stay as they are


class Desk(Protocol):
    """Each command records the delivery with its answer: delivered again, the first answer comes back.

    A command that has something to say to a click with a channel enqueues a "reply" job with it.
    """

    def claim(self, click: Click, opportunity: int) -> Answer: ...

    def push(self, click: Click, opportunity: int) -> Answer: ...

    def use_deal(self, click: Click, opportunity: int, deal: str) -> Answer:
        """The answer to which deal to use: one that people made."""

    def new_deal(self, click: Click, opportunity: int) -> Answer:
        """The same: none of those."""

    def choose_owner(self, click: Click, opportunity: int, rep: str, owner: str) -> Answer:
        """The answer to who `rep` is in the CRM: the user with id `owner`. The caller made sure who may say so."""

    def snooze(self, click: Click, opportunity: int, until: datetime) -> Answer: ...

    def dismiss(self, click: Click, opportunity: int, reason: str, note: str) -> Answer: ...

    def set_thresholds(self, click: Click, version: int, values: Thresholds) -> Answer: ...

    def details(self, opportunity: int) -> Opportunity | None: ...

    def find_accounts(self, text: str) -> list[AccountReport]: ...

    def explain_accounts(self, text: str) -> list[AccountReport]:
        """The same; of a single account with the rules that say why it has a card or none."""

    def inbox(self, user: str, everyone: bool) -> list[Opportunity]: ...

    def thresholds(self) -> ThresholdView: ...

    def deal_owners(self, text: str) -> list[DealOwner]:
        """Who can own deals in the CRM, found by name or e-mail address."""
