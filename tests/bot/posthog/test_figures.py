"""Every figure of a reading against the same figure worked out in Python from the same events."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import httpx
import pytest

from bot.posthog.client import Client
from bot.posthog.reader import read
from bot.posthog.reading import REJECTIONS, Reading, Sighting
from bot.posthog.state import ReadState
from sandbox.posthog.project import Event
from sandbox.posthog.server import PostHog
from tests.bot.posthog.worlds import AT, ZONE, Expected, config, history

ANCHORS = {"acme": "31", 'o\'brien "x"': "2024-02-29", "<!channel>": "22", "\u202eevil\n": None, "k" * 200: "nonsense"}


@dataclass(frozen=True)
class Known:
    reading: Reading
    state: ReadState
    expected: Expected
    calls: int


@pytest.fixture(scope="module")
def known() -> Iterator[Known]:
    """One first reading, of which all tests of this file look at one side."""
    events = history(ANCHORS, seed=7)
    with PostHog(lambda: AT, timezone=str(ZONE)) as server, httpx.Client() as http:
        server.project.group_types = ["workspace", "company"]
        server.project.capture([*events, Event("api", "p", AT - timedelta(days=1), {}, {"workspace": "w"})])
        server.project.set_groups(
            "company",
            {
                key: {"name": f"Name of {key}", "anchor day": anchor, "arr": 1200.5, "api_limit": "10", "storage_gb": 3}
                for key, anchor in ANCHORS.items()
            },
        )
        client = Client(http, server.url, "1", "phx_sandbox", lambda: AT)
        reading, state = read(client, config(), AT, ReadState())
        yield Known(reading, state, Expected(events), len(server.calls))
        assert server.errors == []


def values(known: Known, stream: str) -> dict[tuple[str, date], float]:
    found = known.reading.daily[stream]
    assert len(found.account) == len(found.day) == len(found.value)
    told = {(account, day): value for account, day, value in zip(found.account, found.day, found.value, strict=True)}
    assert len(told) == len(found.account)
    return told


def test_ninety_days_and_today_are_filled_in_local_days(known: Known) -> None:
    days = known.reading.days_read

    assert (len(days), days[-1], days[-1] - days[0]) == (91, known.expected.today, timedelta(days=90))
    assert known.reading.first_fill
    assert known.reading.timezone == "Europe/Berlin"


def test_counts_sums_and_rejections_of_days(known: Known) -> None:
    days = known.reading.days_read

    assert values(known, "api") == known.expected.counts(days, "api", "api v2")
    assert values(known, REJECTIONS) == known.expected.counts(days, "limited")
    assert values(known, "gb") == pytest.approx(known.expected.sums(days))


def test_levels_are_the_last_of_the_day_and_unknown_without_an_event(known: Known) -> None:
    assert values(known, "disk") == known.expected.last_levels(known.reading.days_read)
    assert 0.0 in known.reading.daily["disk"].value


def test_people_of_the_thirty_days_to_each_day(known: Known) -> None:
    assert values(known, "seats") == known.expected.people_levels(known.reading.days_read)


def test_what_is_no_number_is_left_out_and_counted(known: Known) -> None:
    days = known.reading.days_read

    assert known.reading.bad_values == {
        "gb": known.expected.bad(days, "data", "gb"),
        "disk": known.expected.bad(days, "disk", "used"),
    }
    impossible = {(p.account, p.metric) for p in known.reading.problems if p.metric}
    assert impossible == {(key, metric) for metric, counts in known.reading.bad_values.items() for key in counts}


def test_people_of_each_accounts_own_period(known: Known) -> None:
    anchors = ANCHORS | {"k" * 200: None}  # no date and no day: calendar months

    assert known.reading.windows["seats"] == {
        key: known.expected.people_in_period(key, anchor) for key, anchor in anchors.items()
    }


def test_trailing_windows_to_the_second(known: Known) -> None:
    assert known.reading.windows["gb"] == pytest.approx({key: known.expected.trailing_sum(key) for key in ANCHORS})
    assert known.reading.active_people == {key: known.expected.active(key) for key in ANCHORS}


def test_latest_events(known: Known) -> None:
    days = known.reading.days_read

    assert known.reading.last_event["api"] == known.expected.last(days, "api", "api v2")
    assert known.reading.last_event["gb"] == known.expected.last(days, "data")
    assert known.reading.last_event["seats"] == known.expected.last(days, "$pageview", "api")


@pytest.mark.parametrize("kind", ["lockouts", "billing_visits", "save_visits"])
def test_sightings(known: Known, kind: str) -> None:
    def page(*paths: str) -> Callable[[Event], str | None]:
        def subject(event: Event) -> str | None:
            path = str(event.properties["$pathname"]).split("?")[0].split("#")[0]
            return path if path in paths else None

        return subject

    found: tuple[Sighting, ...] = getattr(known.reading, kind)
    expected = {
        "lockouts": ("gate", lambda event: event.properties.get("feature", "gate")),
        "billing_visits": ("$pageview", page("/billing", "/billing/", "/billing/card")),
        "save_visits": ("$pageview", page("/cancel")),
    }[kind]

    assert {(one.account, one.subject, one.session, one.day) for one in found} == known.expected.sightings(*expected)
    assert len(set(found)) == len(found)
    assert len({one.person for one in found}) > 2


def test_facts_pass_through_whatever_their_characters(known: Known) -> None:
    accounts = {account.key: account for account in known.reading.accounts}

    assert set(accounts) == set(ANCHORS)
    for key, account in accounts.items():
        assert account.name == f"Name of {key}"
        assert account.arr == Decimal("1200.5")
        assert (account.limits, account.levels) == ({"api": "10"}, {"storage": "3"})
        assert account.anchor == (None if key == "k" * 200 else ANCHORS[key])
        assert (account.plan, account.domain) == (None, None)
    assert [p.account for p in known.reading.problems if "anchor day" in p.detail] == ["k" * 200]


def test_a_first_reading_takes_four_calls(known: Known) -> None:
    assert known.reading.calls == known.calls == 4  # group types, facts, daily, windows


def test_the_state_is_json_and_comes_back(known: Known) -> None:
    assert ReadState.from_json(known.state.to_json()) == known.state
    assert known.state.group_index == 1
    assert ReadState.from_json({"timezone": "UTC"}) == ReadState.from_json(None) == ReadState()
