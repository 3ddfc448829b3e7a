"""Faults of the data in words for people: what is wrong, what it means, what to do. One problem a fault."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from bot.config import Config
from bot.model import Account
from bot.posthog.reading import Problem
from detectors.health import SHIFT_DAYS, Shift

FEW = 20  # so many accounts are named one by one; more have one cause, and are one problem
NAMED = 5
SHOWN = 80  # characters of a text from outside

MOVES = {
    "rise": ("rose far above what they usually use", "events may be counted twice"),
    "fall": ("fell far below the least that they had used on any day", "events may be lost"),
}


def vanished(metric: str, label: str, since: date) -> Problem:
    """The whole fleet has nothing of a metric."""
    return Problem(
        "metric_vanished",
        None,
        f"No account has had any {label} since {since:%d %b}, though many had some before; its signals stay as they "
        f"were. See whether the product still sends what metrics.{metric} in headroom.toml names; if it goes by "
        "another name now, write that there.",
        metric,
    )


def shifted(metric: str, label: str, shift: Shift, day: date) -> Problem:
    """Most of the fleet rose or fell on one day."""
    moved, guess = MOVES[shift.direction]
    until = day + timedelta(days=SHIFT_DAYS + 1)
    return Problem(
        "fleet_shift",
        None,
        f"{label}: {shift.accounts:,} of {shift.judged:,} accounts looked at {moved}, all on {day:%d %b}, so {guess}. "
        f"Its signals stay as they were until that is over, or until {until:%d %b}, when it "
        "counts as usage. See what changed in the tracking that day: a release, a second library, a renamed event.",
        metric,
    )


def key_changed(old: Account, new: Account) -> Problem:
    """One customer under two keys."""
    return Problem(
        "key_changed",
        old.key,
        f"Nothing comes in under {_shown(old.key)} any more, and {_shown(new.key)}, with the same name or domain, "
        "began at that time. If it is the same customer, send its events under the old key again: until then neither "
        "has a history to judge by.",
    )


def absurd_limits(config: Config, metric: str, figures: Mapping[str, tuple[float, float]]) -> Iterator[Problem]:
    """`figures`: limit and usage by account."""
    told = config.metrics[metric]
    where = told.limit_property or f"the limits of its plan in headroom.toml ({metric})"
    words = {
        account: f"Its limit of {told.label} is {limit:,.10g}, which cannot be meant: "
        + (f"it uses {used:,.10g}" if used > limit else "others on its plan have more than a thousand times as much")
        for account, (limit, used) in figures.items()
    }
    many = f"have a limit of {told.label} that cannot be meant"
    yield from _each_or_all("limit_absurd", words, many, f"Set the right number in {where}.", metric)


def invalid_limits(config: Config, metric: str, limits: Mapping[str, str]) -> Iterator[Problem]:
    """`limits`: what the property holds, by account."""
    told = config.metrics[metric]
    words = {account: f"{told.limit_property} is {_shown(text)}, which is no limit" for account, text in limits.items()}
    fix = "Write a number above zero there, or leave the property out where the plan's limit holds."
    yield from _each_or_all("limit_invalid", words, f"have a {told.limit_property} that is no limit", fix, metric)


def silent(labels: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    """`labels`: of the metrics that nothing comes in of, by account."""
    words = {
        account: f"Nothing comes in of {', '.join(names)}, where some usually does" for account, names in labels.items()
    }
    fix = "Signals stay as they were. If the product is still used, see what became of its events."
    yield from _each_or_all("tracking_silent", words, "have signals and have fallen silent", fix)


def unknown_plans(config: Config, accounts: Sequence[Account]) -> Iterator[Problem]:
    """One for all of them: whoever renames a plan forgets it here."""
    counts = Counter(one.plan for one in accounts if one.plan and one.plan not in config.plans)
    if counts and config.plans:
        ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        named = ", ".join(f"{_shown(name)} ({number:,})" for name, number in ranked[:NAMED])
        more = f" and {len(ranked) - NAMED} more" if len(ranked) > NAMED else ""
        yield Problem(
            "unknown_plan",
            None,
            f"Accounts are on plans that headroom.toml does not know: {named}{more}. Add a table [plans.NAME] for "
            "each; one without limits says that nothing is limited.",
        )


def _each_or_all(
    what: str, words: Mapping[str, str], many: str, fix: str, metric: str | None = None
) -> Iterator[Problem]:
    """A problem an account; where there are many, one for all."""
    if len(words) <= FEW:
        yield from (Problem(what, account, f"{told}. {fix}", metric) for account, told in words.items())
        return
    named = ", ".join(_shown(key) for key in sorted(words)[:NAMED])
    yield Problem(what, None, f"{len(words):,} accounts {many}, such as {named}. {fix}", metric)


def _shown(text: str) -> str:
    return repr(text[:SHOWN])
