"""The explanation of an account: what the last evaluation saw, by the very gates and detectors, in plain words."""

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from shutil import copy
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from rich.console import Console

from bot.evaluation import Evaluator, usage
from bot.evaluation.cases import Evidence
from bot.evaluation.trace import rebuild
from bot.model import Account
from bot.posthog.reader import read
from bot.posthog.state import ReadState
from bot.report import show_why
from bot.store import accounts
from bot.why import Part, Step, Why, why
from detectors.base import Findings, Rules, Usage
from sandbox.posthog.stories import STORIES, lock, visits
from tests.databases import MovedClock
from tests.stage import REP, Stage, near, quiet, stage, storing

Play = Callable[..., Stage]


@pytest.fixture
def play(migrated_url: str, clock: MovedClock) -> Iterator[Play]:
    with ExitStack() as stack:
        yield lambda *stories: stack.enter_context(stage(migrated_url, clock, *stories))


def account(it: Stage, key: str) -> Account:
    with it.db.read() as tx:
        return next(one for one in accounts.find(tx, key) if one.key == key)


def explained(it: Stage, key: str = "acme") -> Why:
    with it.db.read() as tx:
        return why(tx, it.headroom.config, account(it, key))


def steps(told: Why, title: str) -> dict[str, Step]:
    return {step.rule: step for part in told.parts if part.title == title for step in part.steps}


def comparable(evidence: Evidence, row: int) -> Any:
    """All that the detectors read and said of one account."""
    usages = {
        metric: {name: _cell(getattr(usage, name), row) for name in Usage.__slots__}
        for metric, usage in evidence.snapshot.usages.items()
    }
    findings = sorted(one for found in evidence.scan.findings for one in _findings(found, row))
    gates = {metric: int(codes[row]) for metric, codes in evidence.scan.gates.items()}
    return json.dumps([usages, findings, gates], default=repr, sort_keys=True)


def _cell(value: Any, row: int) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    return np.round(np.asarray(value[row], np.float64), 6).tolist()


def _findings(found: Findings, row: int) -> Iterator[str]:
    for index in np.flatnonzero(found.rows == row):
        told = {name: str(column[index]) for name, column in found.evidence.items()}
        subject = None if found.subject is None else found.subject[index]
        yield json.dumps([found.kind, found.metric, subject, bool(found.fires[index]), told], sort_keys=True)


def test_the_trace_sees_what_the_evaluation_saw_and_every_rule_agrees_with_its_detector(
    tmp_path: Path, sqlite_template: Path, clock: MovedClock
) -> None:
    url = f"sqlite:///{copy(sqlite_template, tmp_path / 'headroom.db')}"
    with stage(url, clock, *STORIES) as it:
        it.headroom.evaluate(it.clock())
        evidence = evaluated(it)
        for row, one in enumerate(evidence.accounts):
            with it.db.read() as tx:
                trace = rebuild(tx, it.headroom.config, one)
                told = why(tx, it.headroom.config, one)
            assert trace is not None
            assert comparable(trace.evidence, 0) == comparable(evidence, row), one.key
            _agrees(told, trace.evidence)


def evaluated(it: Stage) -> Evidence:
    """What an evaluation of this moment draws its signals from."""
    headroom = it.headroom
    reading, _ = read(headroom.posthog, headroom.config, it.clock(), ReadState())
    today = it.clock().astimezone(ZoneInfo(reading.timezone)).date()
    with it.db.read() as tx:
        streams = {name: one.after for name, one in usage.update(tx, headroom.config, reading, today).items()}
    return Evaluator(it.db, headroom.posthog, headroom.config)._evidence(reading, today, streams, Rules())


def _agrees(told: Why, evidence: Evidence) -> None:
    """Where a detector fires all of its rules are met, and where it does not, one of them is not."""
    firing = {(f.kind, f.metric, s) for f in evidence.scan.findings for s, fires in _subjects(f) if fires}
    for key, metric in evidence.config.metrics.items():
        rules = steps(told, metric.label)
        if (likely := rules.get("likely to pass the limit")) is None:
            continue
        names = ("limit not yet passed", "the same a day before", "a burst of less than a week")
        met = bool(likely.met) and all(rules[name].met for name in names if name in rules)
        assert met == (("growth_trajectory", key, None) in firing)
        levels = [bool(rules[f"{level} % of the limit"].met) for level in (80, 90, 100, 120)]
        one_left = bool(rules.get("seats left") and rules["seats left"].met)
        assert (any(levels) or one_left) == (("approaching_limit", key, None) in firing)
        assert levels == sorted(levels, reverse=True)
        if "this period and the two before" in rules:
            assert rules["this period and the two before"].met == (("overage_pattern", key, None) in firing)
    hits = steps(told, "Limits and quotas hit").values()
    assert all(step.met for step in hits) == (("overage_pattern", None, None) in firing)
    locked = steps(told, "Locked features")
    for feature in {rule.partition(":")[0] for rule in locked}:
        met = all(step.met for rule, step in locked.items() if rule.startswith(f"{feature}:"))
        assert met == (("feature_lockout", None, feature) in firing)
    visited = steps(told, "Billing pages")
    if visited:
        often = visited["visits in 7 days"].met and visited["on days in 7 days"].met
        assert bool(often or visited["visits to cancel pages"].met) == (("billing_page_visits", None, None) in firing)


def _subjects(found: Findings) -> Iterator[tuple[str | None, bool]]:
    for index, fires in enumerate(found.fires):
        yield None if found.subject is None else str(found.subject[index]), bool(fires)


def test_an_account_near_its_limit_is_told_rule_by_rule(play: Play) -> None:
    it = play(near(), quiet())
    began = it.clock()
    it.evaluate()
    it.evaluate(hours=1)
    told = explained(it)
    calls = steps(told, "API calls")
    assert told.verdict[0].startswith("it has a card: open since")
    assert (calls["limit"].value, calls["limit"].met) == ("1000, the account's own", True)
    eighty, ninety = calls["80 % of the limit"], calls["90 % of the limit"]
    assert (eighty.value, eighty.needs, eighty.met, eighty.since) == ("88 %", "80 %; over below 75 %", True, began)
    assert (ninety.value, ninety.needs, ninety.met, ninety.since) == ("88 %", "90 %", False, None)
    assert (calls["observed"].value, calls["observed"].needs) == ("90 days", "14 days or more")
    assert (calls["likely to pass the limit"].needs, calls["likely to pass the limit"].since) == ("80 %", None)
    calm = explained(it, "quiet")
    assert calm.verdict[0].startswith("nothing is near a limit; the highest is Seats")
    assert steps(calm, "API calls")["80 % of the limit"].met is False


@pytest.mark.parametrize(
    ("key", "metric", "rule", "value", "needs"),
    [
        ("lumen", "API calls", "limit", "unknown: plan legacy-2019 is not in headroom.toml", "a known limit"),
        ("zephyr", "API calls", "limit is a number", "-5, the account's own", "above 0"),
        ("nimbus", "API calls", "last event", "h ago; of any metric", "within 75 h; of any metric within 48 h"),
        ("opal", "API calls", "observed", "8 days", "14 days or more"),
        ("bluefin", "API calls", "in the score", "hidden by the overage pattern", "no overage of the same metric"),
        ("quartz", "Storage", "history for a forecast", "0 days", "35 days or more"),
        ("xylo", "Storage", "used", "unknown", "a number of 0 or more"),
        ("indigo", "Locked features", "audit_log: people in 14 days", "1", "2 or more of 5 active"),
        ("saffron", "Limits and quotas hit", "days with hits of the last 14", "1", "3 or more"),
        ("juno", "Billing pages", "visits to cancel pages", "0", "1 or more, for a save"),
    ],
)
def test_what_suppressed_a_card_is_not_met(
    told_stories: dict[str, Why], key: str, metric: str, rule: str, value: str, needs: str
) -> None:
    step = steps(told_stories[key], metric)[rule]
    assert value in step.value
    assert (step.needs, step.met) == (needs, False)


@pytest.fixture(scope="module")
def told_stories(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> dict[str, Why]:
    clock = MovedClock(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
    file = copy(sqlite_template, tmp_path_factory.mktemp("why") / "headroom.db")
    keys = {"lumen", "zephyr", "nimbus", "opal", "xylo", "indigo", "saffron", "juno", "bluefin", "quartz"}
    with stage(f"sqlite:///{file}", clock, *(story for story in STORIES if story.key in keys)) as it:
        it.evaluate()
        return {key: explained(it, key) for key in keys}


def test_what_is_told_of_a_limit_or_an_amount_is_what_there_is(told_stories: dict[str, Why]) -> None:
    unknown = steps(told_stories["lumen"], "API calls")
    assert {"limit is a number", "amount"} & unknown.keys() == set(), "of no limit nothing more is asked"
    assert steps(told_stories["quartz"], "Storage")["amount"].value == "47.5", "a level adds up to nothing"


def test_what_is_on_stands_beside_its_own_reason(play: Play) -> None:
    """A visit to the page to cancel is no two visits to the plans."""
    it = play(near("acme", 200, sights=(visits("/cancel", 1),)), near("other", 200, sights=(visits("/pricing", 1, 3),)))
    it.evaluate()
    leaving, looking = (steps(explained(it, key), "Billing pages") for key in ("acme", "other"))
    assert (leaving["visits in 7 days"].since, leaving["visits to cancel pages"].since) == (None, it.clock())
    assert (looking["visits in 7 days"].since, looking["visits to cancel pages"].since) == (it.clock(), None)


def test_a_level_that_holds_is_not_called_missed(play: Play) -> None:
    it = play(storing("acme", 41))
    it.evaluate()
    it.tell("acme", storage_gb=39)
    it.evaluate(hours=1)
    (short,) = [line for line in explained(it).in_short() if line.startswith("Storage")]
    assert "80 % of the limit (78 %, on since 23 Nov)" in short
    assert "80 % of the limit: 78 %" not in short


def test_nobody_who_was_seen_is_stored(play: Play) -> None:
    it = play(near("acme", 200, sights=(lock("sso", 2, 5, 8, people=3), visits("/pricing", 1, 3))))
    it.evaluate()
    (row,) = it.rows()["sighting"]
    assert "sso" in row
    assert "/pricing" in row
    assert "s-acme" not in row
    assert re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", row) is None, "PostHog's ids of people"
    rules = steps(explained(it), "Locked features")
    assert (rules["sso: people in 14 days"].value, rules["sso: sessions"].value) == ("3", "9")


def test_what_just_reaches_its_threshold_is_met(play: Play) -> None:
    it = play(near("acme", 200, sights=(lock("sso", 2, 5, people=2),)))
    it.evaluate()
    rules = steps(explained(it), "Locked features")
    assert (rules["sso: people in 14 days"].met, rules["sso: people in 14 days"].value) == (True, "2")
    assert rules["sso: people in 14 days"].since == it.clock()


def test_a_dismissal_is_told_as_what_holds_it_back(play: Play) -> None:
    it = play(near())
    it.evaluate()
    it.dismiss(REP, it.card(), "not_relevant")
    it.evaluate(hours=1)
    assert explained(it).verdict[0] == (
        "its last opportunity was dismissed, and nothing graver has happened since; "
        "until Wed 23 Dec the same again brings no card"
    )


def test_slack_answers_why_in_short(play: Play) -> None:
    it = play(near(), near("acme two"))
    it.evaluate()
    told = it.ask(REP, "/upsell", "why acme two")
    assert "• API calls: 80 % of the limit (88 %, on since 23 Nov)" in told
    assert "; 90 % of the limit: 88 %, needs 90 %" in told
    assert "100 % of the limit" not in told
    assert "80 % of the limit" not in it.ask(REP, "/account", "acme two")


def test_before_any_evaluation_there_is_only_that_to_say(play: Play) -> None:
    it = play()
    with it.db.transaction() as tx:
        accounts.save(tx, [Account("new", "New")])
        told = why(tx, it.headroom.config, Account("new", "New"))
    assert (told.parts, told.verdict) == ((), ("it has not been evaluated yet",))


def test_the_terminal_shows_columns_and_obeys_no_name() -> None:
    evil = "[red]\x1b[31m\u202eEvil[/red]"
    told = Why(
        Account(evil, evil, plan=evil),
        None,
        (evil,),
        (Part(evil, (Step(evil, "1", "2", False), Step("short", "12,345", "20", True))), Part("empty", ())),
    )
    out = io.StringIO()
    show_why(told, Console(file=out, width=120, force_terminal=False))
    lines = out.getvalue().splitlines()
    assert "\x1b" not in out.getvalue()
    assert "\u202e" not in out.getvalue()
    assert "[red]" in lines[0]
    header, first, second = lines[-3:]
    assert header.index("value") == first.index("1 ") == second.index("12,345")
    assert (first.split()[-1], second.split()[-1]) == ("no", "yes")
    assert "empty" not in out.getvalue()
