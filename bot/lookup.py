"""Answers to questions about an account: how it stands, and why it has a card or none."""

from collections.abc import Iterator, Sequence

from bot.config import Config
from bot.evaluation import standing
from bot.model import LIVE, Account, AccountReport, Standing
from bot.store import Transaction, accounts, held_back, opportunities, standings
from bot.store.held_back import HeldBack

WORDS = {
    "limit_unknown": "no limit is known: its plan is not in headroom.toml, and it has no limit of its own",
    "limit_invalid": "its limit is not a number above zero",
    "impossible_values": "PostHog holds values that are no numbers, or negative ones",
    "stale_data": "no event has come in for more than 48 hours",
    "too_little_history": "it has been observed for less than 14 days",
    "too_little_usage": "it uses too little to judge by",
    "dismissed_lately": "its last opportunity was dismissed, and nothing graver has happened since",
    "won_lately": "its last opportunity was won, and nothing graver has happened since",
    "lost_lately": "its last opportunity was lost, and nothing graver has happened since",
    "upgraded_lately": "it has upgraded, and nothing graver has happened since",
    "resolved_lately": "its last opportunity was resolved, and nothing new has happened since",
}


def find(tx: Transaction, config: Config, text: str) -> list[AccountReport]:
    """The accounts that the text may mean, the likeliest first."""
    return [report(tx, config, account) for account in accounts.find(tx, text)]


def report(tx: Transaction, config: Config, account: Account) -> AccountReport:
    stored = standings.get(tx, account.key)
    now = standing.read(config, stored[0]) if stored else ()
    opportunity = opportunities.latest(tx, account.key)
    live = opportunity if opportunity and opportunity.state in LIVE else None
    reasons = () if live else tuple(_reasons(config, now, held_back.of(tx, account.key), stored is not None))
    return AccountReport(account, now, opportunity, stored[1] if stored else None, reasons)


def _reasons(config: Config, now: Sequence[Standing], held: Sequence[HeldBack], evaluated: bool) -> Iterator[str]:
    """In plain words; that nothing has happened is a reason, too."""
    if not evaluated:
        yield "it has not been evaluated yet"
        return
    for reason in held:
        label = config.metrics[reason.metric].label if reason.metric in config.metrics else "the account"
        yield f"{label}: {WORDS.get(reason.reason, reason.reason)}"
    judged = {reason.metric for reason in held}
    for one in now:
        if one.metric not in judged and one.ratio is not None:
            chance = f", {one.probability:.0%} likely to pass its limit" if one.probability is not None else ""
            yield f"{one.label}: {one.ratio:.0%} used{chance}; no signal fires"
    if not now and not held:
        yield "it uses nothing that is measured"
