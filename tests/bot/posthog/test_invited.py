"""People who are invited and not active yet: counted by PostHog, in the query that is asked anyway."""

from datetime import timedelta
from typing import Any

import pytest

from bot.posthog.check import check
from bot.posthog.client import Client
from bot.posthog.reader import read
from bot.posthog.state import ReadState
from sandbox.posthog.heavy import Heavy
from sandbox.posthog.project import Event
from sandbox.posthog.server import PostHog
from tests.bot.posthog.worlds import AT, config

INVITES = {"invite_events": ["invited", "invited again"], "invite_person": "e mail"}
SEATS = {"seats": {"label": "Seats", "measure": "people", "event": "api"}}


def invite(address: Any, ago: float = 1.0, account: str = "acme", name: str = "invited") -> Event:
    properties = {} if address is None else {"e mail": address}
    return Event(name, "boss", AT - timedelta(days=ago), properties, {"company": account})


def active(person: str, ago: float = 1.0, account: str = "acme") -> Event:
    return Event("api", person, AT - timedelta(days=ago), {}, {"company": account})


def fill(posthog: PostHog, *events: Event) -> None:
    posthog.project.set_groups("company", {key: {"name": key} for key in ("acme", "other", "empty")})
    people = {name: {"email": f"{name}@acme.example"} for name in ("boss", "ann", "bob", "cy")}
    posthog.project.set_persons(people)
    posthog.project.capture(events)


def invited(client: Client) -> dict[str, float]:
    reading, _ = read(client, config(metrics=SEATS, signals=INVITES), AT, ReadState())
    return dict(reading.invited)


def test_who_is_active_by_that_address_is_there(client: Client, posthog: PostHog) -> None:
    fill(
        posthog,
        *(invite(f"{name}@acme.example") for name in ("boss", "ann", "bob", "cy", "dee")),
        invite("dee@acme.example", ago=9, name="invited again"),
        invite("DEE@ACME.example", ago=2),
        invite("eve@acme.example", ago=29.9),
        invite("late@acme.example", ago=30.1),
        invite("", ago=2),
        invite(None, ago=2),
        invite('it\'s "quoted" \\ {v0} %@x', ago=2),
        invite("ann@acme.example", account="other"),
        active("ann"),
        active("bob", ago=29),
        active("cy", ago=31),
    )

    assert invited(client) == {"acme": 4, "other": 1}  # cy, dee, eve and the quoted one; ann is not active at "other"


@pytest.mark.parametrize("heavy", [None, Heavy(max_days=32)])
def test_it_rides_along_in_whatever_parts_are_read(client: Client, posthog: PostHog, heavy: Heavy | None) -> None:
    fill(posthog, invite("new@acme.example"), active("ann"))
    posthog.answers.heavy = heavy

    assert invited(client) == {"acme": 1}
    names = {call.request.json()["name"] for call in posthog.calls if call.path.endswith("/query/")}
    assert names == {"headroom_facts", "headroom_windows"}


def test_nothing_is_asked_where_nothing_is_configured(client: Client, posthog: PostHog) -> None:
    fill(posthog, invite("new@acme.example"), active("ann"))

    reading, _ = read(client, config(metrics=SEATS, signals={}), AT, ReadState())

    assert reading.invited == {}
    assert "person.properties.email" not in str([call.request.body for call in posthog.calls])


def test_an_invitation_that_never_happened_is_no_mistake(client: Client, posthog: PostHog) -> None:
    fill(posthog, active("ann"))
    found = check(client, config(account={"group_type": "company"}, metrics=SEATS, signals=INVITES))
    assert {problem.what for problem in found} == {"event_not_seen_yet"}
    assert len(found) == 3
