"""Answers to questions about an account: how it stands, and why it has a card or none."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain

from bot.config import Config
from bot.evaluation import standing
from bot.evaluation.restraint import ANSWERED
from bot.model import LIVE, Account, AccountReport, Opportunity, Standing
from bot.slack.status import RESTS
from bot.slack.text import chance, day, percent_used
from bot.store import Transaction, accounts, held_back, open_deals, opportunities, standings, thresholds
from bot.store.held_back import HeldBack
from bot.store.open_deals import OpenDeal

WORDS = {
    "limit_invalid": "its limit is not a number above zero",
    "impossible_values": "PostHog holds values that are no numbers, or negative ones",
    "metric_vanished": "nobody has had any of it lately, so its tracking may be broken",
    "fleet_shift": "most accounts changed on the same day, so its tracking may be at fault",
    "key_changed": "another account with its name or domain began when it fell silent",
    "limit_absurd": "its limit cannot be meant: it uses far more, or others on the plan have a thousand times as much",
    "sudden_zero": "it used some every day, and then none at all",
    "stale_data": "no event has come in for far longer than usual",
    "too_little_history": "it has been observed for less than 14 days",
    "too_little_usage": "it uses too little to judge by",
}
LATELY = "_lately"  # held back for what became of the last opportunity
DEAL_OPEN = "deal_open"
WORTH_NAMING = 0.2  # a lower probability says nothing


def find(tx: Transaction, config: Config, text: str) -> list[AccountReport]:
    """The accounts that the text may mean, the likeliest first."""
    return [report(tx, config, account) for account in accounts.find(tx, text)]


def report(tx: Transaction, config: Config, account: Account) -> AccountReport:
    stored = standings.get(tx, account.key)
    now = standing.read(config, stored[0]) if stored else ()
    opportunity = opportunities.latest(tx, account.key)
    held = held_back.of(tx, account.key)
    if opportunity and opportunity.state in LIVE:
        reasons = _held(config, account, held)
    elif stored is None:
        reasons = iter(["it has not been evaluated yet"])
    else:
        last = thresholds.current(tx)
        usual = (last.values if last else config.thresholds).approaching
        near = {one.metric: min(config.thresholds.own_levels(one.metric, account.plan) or usual) for one in now}
        judged = _held(config, account, held)
        if any(one.reason == DEAL_OPEN for one in held):
            reasons = chain(_busy(open_deals.of_account(tx, config.crm.kind, account.key)), judged)
        else:
            rest_until = _rest_until(opportunity, config, tx.now())
            reasons = chain(_rest(opportunity, rest_until), judged, _quiet(now, near, opportunity))
    return AccountReport(account, now, opportunity, stored[1] if stored else None, tuple(reasons))


def _busy(deals: Sequence[OpenDeal]) -> Iterator[str]:
    """Which deal is worked on. One that was closed since the evaluation is none any more."""
    if not deals:
        yield "it had an open deal in the CRM, which is closed by now: the next evaluation decides anew"
    for one in deals:
        owner = f" of {one.owner_name}" if one.owner_name else ""
        told = f"it has an open deal in the CRM{owner}, {one.title} ({one.url})"
        yield f"{told}; a card comes when that is closed, or when the account passes a limit or may leave"


def _rest_until(last: Opportunity | None, config: Config, now: datetime) -> datetime | None:
    if last is None or last.state not in ANSWERED or last.closed_at is None:
        return None
    until = last.closed_at + timedelta(days=config.crm.rest_days)
    return until if until > now else None


def _rest(last: Opportunity | None, until: datetime | None) -> Iterator[str]:
    """What became of the last opportunity, which says more than any figure."""
    if last and last.state in RESTS:
        graver = "new" if last.state == "resolved" else "graver"
        why = f" ({last.outcome_reason})" if last.outcome_reason else ""
        told = f"its last opportunity {RESTS[last.state].told}{why}, and nothing {graver} has happened since"
        yield f"{told}; until {day(until)} the same again brings no card" if until else told


def _held(config: Config, account: Account, held: Sequence[HeldBack]) -> Iterator[str]:
    """A sentence for each reason, with all metrics that it holds for."""
    metrics: dict[str, list[str]] = {}
    for one in held:
        if not one.reason.endswith(LATELY) and one.reason != DEAL_OPEN:
            label = config.metrics[one.metric].label if one.metric in config.metrics else "the account"
            metrics.setdefault(one.reason, []).append(label)
    for reason, labels in metrics.items():
        why = _no_limit(account) if reason == "limit_unknown" else WORDS.get(reason, reason.replace("_", " "))
        yield f"{', '.join(labels)}: {why}"


def _no_limit(account: Account) -> str:
    why = f"plan {account.plan} is not in headroom.toml" if account.plan else "PostHog tells no plan of the account"
    return f"no limit is known: {why}, and the account has none of its own"


def _quiet(now: Sequence[Standing], near: Mapping[str, float], last: Opportunity | None) -> Iterator[str]:
    """That nothing happens is a reason, too; said of what can be judged. `near`: the lowest level of each metric."""
    judged = [one for one in now if one.held_back is None and one.ratio is not None]
    highest = max(judged, key=lambda one: one.ratio or 0.0, default=None)
    if highest is None:
        if not now:
            yield "it uses nothing that is measured"
        return
    is_near = any(100 * (one.ratio or 0.0) >= near[one.metric] for one in judged)
    if is_near and last and last.state in RESTS:
        return  # the figures stand above, and what became of the last one is the reason
    quiet = "no signal is on" if is_near else "nothing is near a limit"
    words = f"{quiet}; the highest is {highest.label}, {percent_used(highest.ratio)}"
    likely = max(judged, key=lambda one: one.probability or 0.0)
    if likely.probability and likely.probability >= WORTH_NAMING and (likely.ratio or 0.0) < 1:
        words += f"; the likeliest to be passed is that of {likely.label}, {chance(likely.probability)}"
    yield words
