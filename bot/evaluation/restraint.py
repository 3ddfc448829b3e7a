"""What speaks against a new card: people are at it already, or were done with it not long ago."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.evaluation.cases import CONTEXT_ONLY, Case
from bot.model import Opportunity, Signal, SignalKey, State
from bot.store.open_deals import OpenDeal

Closed = tuple[Opportunity, datetime]
OVER_THE_LIMIT = 100.0  # percent
ANSWERED: tuple[State, ...] = ("won", "lost", "dismissed")  # by people, not by usage
NOT_NOW = ("wrong_time", "already_talking")  # reasons for a dismissal that time outlives


@dataclass(frozen=True, slots=True)
class HoldBack:
    """A case without a card: for what became of the last one, or for a deal that is open."""

    case: Case
    last: Opportunity | None = None
    deal: OpenDeal | None = None

    @property
    def reason(self) -> str:
        return "deal_open" if self.deal or self.last is None else f"{self.last.state}_lately"


@dataclass(frozen=True, slots=True)
class Restraint:
    """What is known of accounts that have no live opportunity; `deals` are open ones in the CRM, of all accounts."""

    at: datetime
    closed: Mapping[str, Closed] = field(default_factory=dict)
    deals: Mapping[str, Sequence[OpenDeal]] = field(default_factory=dict)
    rest: timedelta = timedelta(0)  # for which people want to be left alone, once they have answered

    def held(self, case: Case) -> HoldBack | None:
        """None: a card may come."""
        key = case.account.key
        deal = self.deal(key)
        if deal is not None and not _graver_than_a_deal(case, deal.seen_at):
            return HoldBack(case, deal=deal)
        if key in self.closed and not self._graver(case, *self.closed[key]):
            return HoldBack(case, self.closed[key][0])
        return None

    def deal(self, account: str, own: Opportunity | None = None) -> OpenDeal | None:
        """The open deal of an account that was seen first; not the one of this opportunity."""
        key, deal_id = (own.key, own.deal.id if own.deal else "") if own else ("", "")
        others = (one for one in self.deals.get(account, ()) if one.deal_id != deal_id and one.our_key != key)
        return next(others, None)

    def _graver(self, case: Case, last: Opportunity, closed_at: datetime) -> bool:
        """Whether something is new since people were done with the last opportunity.

        For as long as they want to be left alone that is a higher level, another signal, or a turn to leaving; later
        also what began anew, such as the same level in the next month. A "no" that meant "not now" ends with the rest.
        """
        rests = last.state in ANSWERED and self.at - closed_at < self.rest
        if not rests and _was_for_now(last):
            return True
        known = {(signal.kind, signal.metric, signal.subject): signal.level or 0.0 for signal in last.signals}
        return case.polarity != last.polarity or any(
            (not rests and fired.since > closed_at) or (fired.level or 0.0) > known.get(key[1:], -1.0)
            for key, fired in case.fired.items()
            if key[1] not in CONTEXT_ONLY
        )


def _was_for_now(last: Opportunity) -> bool:
    why = (last.dismissed_reason or "").partition(":")[0]
    return last.state == "lost" or (last.state == "dismissed" and why in NOT_NOW)


def _graver_than_a_deal(case: Case, seen_at: datetime) -> bool:
    """Over the limit, or about to leave, and that began after the deal was seen: its owner may not know of it."""
    signals: Mapping[SignalKey, Signal] = {
        (case.account.key, one.kind, one.metric, one.subject): one for one in case.signals
    }
    return any(
        fired.since > seen_at and ((fired.level or 0.0) >= OVER_THE_LIMIT or _saves(signals.get(key)))
        for key, fired in case.fired.items()
    )


def _saves(signal: Signal | None) -> bool:
    return signal is not None and bool(signal.evidence.get("saves"))
