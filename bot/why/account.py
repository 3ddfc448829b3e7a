"""The rules about the whole account: limits hit, locked features, visits, and whatever else a detector says."""

from collections.abc import Iterator
from math import floor

from bot.evaluation.trace import Trace
from bot.slack.text import number, percent, percent_used
from bot.why.steps import Step, rows, seen, state_of
from detectors import billing_page_visits, feature_lockout, overage_pattern

EXPLAINED = {
    "approaching_limit",
    "growth_trajectory",
    overage_pattern.KIND,
    feature_lockout.KIND,
    billing_page_visits.KIND,
}


def hits(trace: Trace) -> Iterator[Step]:
    rule, kind = overage_pattern, overage_pattern.KIND
    told, fired = seen(trace, kind, None), state_of(trace, kind, None)
    days, total, share = (told.get(name) or 0.0 for name in ("days", "total", "share_at_least"))
    since = fired.since if fired else None
    within = f"of the last {rule.DAYS}"
    yield Step(f"days with hits {within}", number(days), f"{rule.MIN_DAYS} or more", days >= rule.MIN_DAYS, since)
    yield Step("hits on them", number(total), f"{rule.MIN_TOTAL:g} or more", total >= rule.MIN_TOTAL)
    needs = f"{100 * rule.MIN_SHARE:g} % or more"
    yield Step("share of all requests, at least", f"{floor(1e4 * share) / 100:g} %", needs, share >= rule.MIN_SHARE)


def lockouts(trace: Trace) -> Iterator[Step]:
    rule, kind = feature_lockout, feature_lockout.KIND
    within, active = f"in {rule.DAYS} days", trace.evidence.snapshot.active_people[0]
    most = max(rule.MIN_PEOPLE, rule.MIN_SHARE * active)
    for one in rows(trace, kind, None):
        feature = str(one["subject"])
        fired = state_of(trace, kind, None, feature)
        people, sessions = one["people_now"], one["sessions_now"]
        needs = f"{most:.3g} or more of {number(active)} active"
        yield Step(f"{feature}: people {within}", number(people), needs, people >= most, fired.since if fired else None)
        yield Step(
            f"{feature}: sessions", number(sessions), f"{rule.MIN_SESSIONS} or more", sessions >= rule.MIN_SESSIONS
        )


def visits(trace: Trace) -> Iterator[Step]:
    rule, kind = billing_page_visits, billing_page_visits.KIND
    for one in rows(trace, kind, None):
        fired = state_of(trace, kind, None)
        sessions, days, saves = one["sessions_now"], one["days_now"], one["save_sessions"]
        within, since = f"in {rule.DAYS} days", fired.since if fired else None
        is_often = sessions >= rule.MIN_SESSIONS and days >= rule.MIN_DAYS
        often, leaving = (None, since) if saves and not is_often else (since, None)
        yield Step(
            f"visits {within}", number(sessions), f"{rule.MIN_SESSIONS} or more", sessions >= rule.MIN_SESSIONS, often
        )
        yield Step(f"on days {within}", number(days), f"{rule.MIN_DAYS} or more", days >= rule.MIN_DAYS)
        yield Step("visits to cancel pages", number(saves), "1 or more, for a save", saves > 0, leaving)
        fall = one["falling_share"]
        yield Step(
            "usage fell in four weeks",
            percent_used(fall),
            f"{percent(rule.FALLING)} or more, for a save",
            bool(one["falling"]),
        )


def others(trace: Trace) -> Iterator[Step]:
    """Detectors without words of their own here: their evidence as it is."""
    for found in trace.evidence.scan.findings:
        if found.kind in EXPLAINED:
            continue
        for one in rows(trace, found.kind, found.metric):
            fired = state_of(trace, found.kind, found.metric, one["subject"])
            told = ", ".join(f"{name.replace('_', ' ')} {_shown(one[name])}" for name in found.evidence)
            about = " ".join(str(part) for part in (found.metric, one["subject"]) if part)
            rule = f"{found.kind.replace('_', ' ')} {about}".strip()
            yield Step(rule, told, "enough of it", one["fires"], fired.since if fired else None)


def _shown(value: object) -> str:
    return number(value) if isinstance(value, int | float) else str(value)
