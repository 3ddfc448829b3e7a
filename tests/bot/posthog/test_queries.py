"""What stands in the text of a query, and what never does."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.posthog.check import check
from bot.posthog.client import Client
from bot.posthog.errors import PostHogError
from bot.posthog.hogql import Accounts, Moment, Page, Values, property_of, spans
from bot.posthog.queries import daily, facts, late
from bot.posthog.rows import text
from bot.posthog.windows import Wanted, is_on_path, windows
from sandbox.posthog.project import Event
from sandbox.posthog.server import PostHog
from tests.bot.posthog.worlds import AT, ZONE, config

HOSTILE = "x'); drop table events; -- {v0} %"


def test_nothing_from_the_configuration_or_the_data_stands_in_the_text() -> None:
    told = config(
        metrics={
            "api": {"label": "API", "measure": "count", "event": HOSTILE, "window": "trailing_30d"},
            "seats": {"label": "Seats", "measure": "people", "event": HOSTILE},
        },
        signals={
            "quota_events": [HOSTILE],
            "lockout_events": [HOSTILE],
            "lockout_feature": "feature",
            "billing_paths": ["/');drop"],
        },
    )
    moment, page, today = Moment(AT, ZONE), Page(after=HOSTILE), date(2026, 11, 22)
    wanted = Wanted([today], True, {"seats": [date(2026, 11, 1)]})

    queries = [
        facts(told, Accounts(0), page),
        facts(told, Accounts(None), page),
        late([HOSTILE], [today], AT, moment),
        daily(told, Accounts(0), [today], moment, page),
        windows(told, Accounts(None), wanted, moment, page),
    ]

    for query in queries:
        assert "drop" not in query.hogql
        assert " limit " in query.hogql
        assert "offset" not in query.hogql.lower()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("gb", "p.gb"),
        ("$pathname", "p.$pathname"),
        ("a b", "p['a b']"),
        ("Null", "p['Null']"),
        ("billing.gb", "p['billing.gb']"),
    ],
)
def test_property_names(name: str, written: str) -> None:
    assert property_of("p", name) == written


@pytest.mark.parametrize("name", ["a'b", "a\\", "{x}", "100%", "a`b", 'a"b', "", "a\nb", "x" * 201 + " y"])
def test_a_dangerous_property_name_is_refused(name: str) -> None:
    with pytest.raises(PostHogError, match="cannot be used"):
        property_of("p", name)


def test_equal_values_share_a_placeholder() -> None:
    values = Values()

    assert [values.put("a"), values.put(["a"]), values.put("a"), values.put("b")] == ["{v0}", "{v1}", "{v0}", "{v2}"]
    assert values.known == {"v0": "a", "v1": ["a"], "v2": "b"}


@given(st.sets(st.integers(min_value=0, max_value=60)))
def test_spans_cover_exactly_the_days(offsets: set[int]) -> None:
    days = {date(2026, 1, 1) + timedelta(days=offset) for offset in offsets}

    runs = spans(days)

    covered = [first + timedelta(days=n) for first, last in runs for n in range((last - first).days + 1)]
    assert covered == sorted(days)


@pytest.mark.parametrize(
    ("visited", "paths", "is_on"),
    [
        ("/billing", ["/billing"], True),
        ("/billing/", ["/billing"], True),
        ("/billing/card", ["/billing/"], True),
        ("/billings", ["/billing"], False),
        ("/x/billing", ["/billing"], False),
        ("/", ["/"], True),
        ("/home", ["/"], False),
        ("/a_b", ["/a_b"], True),
        ("/axb", ["/a_b"], False),
    ],
)
def test_paths(visited: str, paths: list[str], is_on: bool) -> None:
    assert is_on_path(visited, paths) is is_on


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (None, None),
        ("", None),
        ("plain", "plain"),
        (5, "5"),
        ('Say \\"hi\\"', 'Say "hi"'),
        ('Say "hi"', 'Say "hi"'),
        ("a\\nb", "a\nb"),
        ("C:\\path", "C:\\path"),
    ],
)
def test_properties_as_text(cell: object, told: str | None) -> None:
    assert text(cell) == told


def test_names_that_posthog_has_never_seen_are_found(client: Client, posthog: PostHog) -> None:
    posthog.project.set_groups("company", {"a": {"name": "A", "plan": "p", "arr": 1, "anchor day": 2, "storage_gb": 3}})
    posthog.project.capture(
        Event(name, "p", AT, {"gb": 1, "$pathname": "/"}) for name in ("api", "api v2", "data", "$pageview", "gates")
    )

    problems = check(client, config())

    assert [(problem.what, problem.detail.split("'")[1]) for problem in problems] == [
        ("unknown_event", "disk"),
        ("event_not_seen_yet", "gate"),
        ("event_not_seen_yet", "limited"),
        ("unknown_property", "feature"),
        ("unknown_property", "used"),
        ("unknown_property", "owner"),
        ("unknown_property", "api_limit"),
    ]


def test_a_driver_property_that_posthog_has_never_seen_is_found(client: Client, posthog: PostHog) -> None:
    api = {"label": "API", "measure": "count", "event": "api"}
    posthog.project.set_groups("company", {"a": {"name": "A", "plan": "p", "arr": 1, "anchor day": 2, "owner": "o"}})
    posthog.project.capture([Event("api", "p", AT, {"endpoint": "/x"})])

    def problems(driver: str) -> list[str]:
        wanted = config(metrics={"api": {**api, "driver_property": driver}}, signals={})
        return [problem.detail for problem in check(client, wanted)]

    assert problems("endpoint") == []
    [told] = problems("endpiont")
    assert "no event property 'endpiont'" in told
