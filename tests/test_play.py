"""The play without a browser: the same days bring the same cards and deals; no fault and no death doubles any."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.slack import ids
from sandbox import faults
from sandbox.play import journal
from sandbox.play.passing import Passing
from sandbox.play.play import Play
from sandbox.slack import Message
from sandbox.world import eventually

BEGINS = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
DAYS, ACCOUNTS = 5, 12
CRMS = ["pipedrive", "zoho"]
LEASED = timedelta(minutes=5)  # what the dead bot had begun is free again
PATIENCE = 60.0


@contextmanager
def played(days: int = 0, crm: str = "pipedrive", size: int = ACCOUNTS) -> Iterator[Play]:
    """So many days on; nothing of the sandbox may have failed."""
    with Play(BEGINS, crm, size) as play:
        Passing(play).days(days)
        yield play
        assert [server.errors for server in play.vendors.values()] == [[]] * len(play.vendors)
        assert play.world.slack.people.refused == []


def became(play: Play) -> dict[str, Any]:
    """What there is in the end, by what people see of it."""
    cards = sorted((card.text, str(card.blocks)) for card in play.world.slack.workspace.messages())
    deals = sorted((deal.title, deal.stage, deal.status, deal.value, deal.owner) for deal in play.board.deals())
    cases = sorted((case.account.key, case.state, str(case.owner)) for case in journal.cases(play))
    return {"cards": cards, "deals": deals, "cases": cases}


def test_the_same_days_end_the_same_way() -> None:
    ends = []
    for _ in range(2):
        with played(DAYS) as play:
            ends.append(became(play))
    assert ends[0] == ends[1]
    assert len(ends[0]["cards"]) > 3
    assert len(ends[0]["deals"]) > 1


@pytest.mark.parametrize("crm", CRMS)
def test_a_claimed_card_becomes_a_deal_whose_answer_was_lost_and_whose_bot_was_killed(crm: str) -> None:
    with played(crm=crm, size=3) as play:
        card = first_card(play)
        server = play.crms[crm].server
        server.faults.add("POST *", faults.apply_then_drop(), times=2)
        assert play.world.slack.people.click("U0REP1", card.ts, ids.PUSH).ok
        assert eventually(lambda: server.number_of_calls, PATIENCE)
        play.bot.kill()
        assert not play.bot.is_alive
        play.start_bot()
        play.clock.stand(play.clock() + LEASED)
        Passing(play).days(1)
        assert eventually(
            lambda: "/deal" in links(play, card).lower() or "potentials" in links(play, card).lower(), PATIENCE
        )
        deals = play.board.deals()
        assert [(deal.status, deal.owner) for deal in deals] == [("open", "rep.one")]
        assert eventually(lambda: [len(deal.notes) for deal in play.board.deals()] == [1], PATIENCE)


def first_card(play: Play) -> Message:
    found = eventually(lambda: play.world.slack.workspace.messages(), PATIENCE)
    assert found
    return found[0]


def links(play: Play, card: Message) -> str:
    return str(play.world.slack.workspace.find_message(card.ts).blocks)
