"""Deals in the CRM and cards in Slack agree: an outcome closes the card, and a deal under way brings none."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from bot import lookup
from bot.evaluation import Evaluation
from bot.evaluation.signals import HeldBack
from bot.report import as_json
from bot.slack import ids
from sandbox import faults
from tests.databases import MovedClock
from tests.stage import REP, Stage, near, stage, words

Play = Callable[..., Stage]


@pytest.fixture
def play(migrated_url: str, clock: MovedClock) -> Iterator[Play]:
    """A stage for the given stories, on each database."""
    with ExitStack() as stack:
        yield lambda *stories: stack.enter_context(stage(migrated_url, clock, *stories))


def kinds(found: Evaluation) -> list[str]:
    return [type(decision).__name__ for decision in found.decisions]


def by_hand(it: Stage, company: str = "Acme", title: str = "Acme renewal") -> int:
    """A person makes a deal in the CRM."""
    records = it.world.pipedrive.records
    org = records.add_organization({"name": company})["id"]
    return int(records.add_deal({"title": title, "org_id": org, "stage_id": 2, "owner_id": 1})["id"])


def pushed(it: Stage) -> int:
    it.evaluate()
    it.click(REP, it.card(), ids.PUSH)
    it.work()
    deal = it.opportunity().deal
    assert deal is not None
    return int(deal.id)


def thread(it: Stage) -> list[str]:
    return [message.text for message in it.world.slack.workspace.replies(it.card().ts)]


def why(it: Stage) -> str:
    with it.db.read() as tx:
        (report,) = lookup.find(tx, it.headroom.config, "acme")
    return " ".join(report.reasons)


def test_a_lost_deal_closes_the_card_with_its_reason_and_the_account_is_left_alone(play: Play) -> None:
    it = play(near())
    deal = pushed(it)
    it.world.pipedrive.people.lose(deal, "Budget <frozen>")
    it.follow(minutes=15)
    card = it.card()
    assert card.text == "Lost: Acme"
    assert "Lost: Budget &lt;frozen&gt;" in words(card)
    assert thread(it) == [f"<@{REP}> The deal was lost in Pipedrive: Budget &lt;frozen&gt;"]
    assert [label for label in ("Claim", "Push", "Update deal") if label in words(card)] == []
    found = it.evaluate(hours=1)
    assert HeldBack("acme", "lost_lately") in found.held_back
    told = "its last opportunity was lost (Budget <frozen>), and nothing graver has happened since; until Wed 23 Dec"
    assert told in why(it)
    assert "was lost (Budget &lt;frozen&gt;)" in it.ask(REP, "/upsell", "why acme")


def test_a_reopened_deal_brings_the_card_back(play: Play) -> None:
    it = play(near())
    deal = pushed(it)
    it.world.pipedrive.people.win(deal)
    it.follow(minutes=15)
    assert it.card().text == "Won: Acme"
    it.world.pipedrive.people.reopen(deal)
    it.follow(minutes=15)
    assert it.card().text.startswith("Acme passes its limit")
    assert f"Claimed by <@{REP}>" in words(it.card())
    assert "Update deal" in words(it.card())
    it.world.pipedrive.people.win(deal)
    it.follow(minutes=15)
    it.follow(minutes=15)
    assert thread(it) == [
        f"<@{REP}> {told}"
        for told in (
            "The deal was won in Pipedrive.",
            "The deal was reopened in Pipedrive, and so is this card.",
            "The deal was won in Pipedrive.",
        )
    ]


def test_a_deleted_deal_leaves_the_card_and_another_push_makes_a_new_one(play: Play) -> None:
    it = play(near())
    deal = pushed(it)
    it.world.pipedrive.people.delete(deal)
    it.follow(minutes=15)
    assert "No deal any more: it was deleted or archived in Pipedrive. A push makes a new one." in words(it.card())
    assert "Not pushed" not in words(it.card())
    it.click(REP, it.card(), ids.PUSH)
    it.work()
    assert it.opportunity().deal is not None
    assert "No deal any more" not in words(it.card())
    assert len([row for row in it.world.pipedrive.records.deals.values() if not row["is_deleted"]]) == 1


def test_an_account_with_a_deal_made_by_hand_gets_no_card_until_that_is_closed(play: Play) -> None:
    it = play(near())
    deal = by_hand(it, title="Acme <renewal>")
    it.follow()
    found = it.evaluate()
    assert kinds(found) == ["HoldBack"]
    assert it.cards() == []
    url = f"https://sandbox.pipedrive.com/deal/{deal}"
    held: Any = as_json(found)["held_back"]
    assert {"account": "acme", "reason": "deal_open", "metric": None, "detail": f"Acme <renewal>: {url}"} in held
    owner = it.world.pipedrive.records.users[0]["name"]
    told = f"it has an open deal in the CRM of {owner}, Acme <renewal> ({url}); a card comes when that is closed"
    assert told in why(it)
    assert ("no signal is on" in why(it), "the account: " in why(it)) == (False, False)
    assert "Acme &lt;renewal&gt;" in it.ask(REP, "/upsell", "why acme")
    it.world.pipedrive.people.lose(deal, "no")
    it.follow(minutes=15)
    assert "closed by now: the next evaluation decides anew" in why(it)
    assert kinds(it.evaluate(hours=1)) == ["Open"]
    assert "Open deal" not in words(it.card())


def test_a_graver_turn_brings_the_card_and_it_names_the_deal(play: Play) -> None:
    it = play(near())
    deal = by_hand(it, title="Acme <renewal>")
    it.follow()
    it.evaluate()
    it.calls(130)
    assert kinds(it.evaluate(hours=1)) == ["Open"]
    owner = it.world.pipedrive.records.users[0]["name"]
    line = f"Open deal in Pipedrive: <https://sandbox.pipedrive.com/deal/{deal}|Acme &lt;renewal&gt;> ({owner})"
    assert line in words(it.card())
    it.world.pipedrive.people.win(deal)
    it.follow(minutes=15)
    assert kinds(it.evaluate(hours=1)) == ["Amend"]
    assert "Open deal" not in words(it.card())


def test_a_deal_that_appears_beside_a_live_card_is_shown_on_it(play: Play) -> None:
    it = play(near())
    pushed(it)
    by_hand(it)
    it.follow(minutes=15)
    it.evaluate(hours=1)
    assert words(it.card()).count("Open deal in Pipedrive: ") == 1
    assert "|Acme renewal>" in words(it.card())


def test_our_own_deal_of_an_earlier_opportunity_holds_back_too(play: Play) -> None:
    it = play(near())
    deal = pushed(it)
    it.dismiss(REP, it.card(), "wrong_time")
    it.follow(minutes=15)
    it.calls(40)
    found = it.evaluate(hours=1)
    assert [(one.account, one.reason) for one in found.held_back] == [("acme", "deal_open")]
    it.world.pipedrive.people.lose(deal, "no")
    it.follow(minutes=15)
    assert kinds(it.evaluate(hours=1)) == ["Open"], "90 % is graver than what was dismissed"


def test_the_first_scheduled_evaluation_knows_the_open_deals(play: Play) -> None:
    it = play(near())
    by_hand(it)
    it.headroom.evaluate_slot()
    it.work()
    assert it.opportunities() == []
    calls = len(it.world.pipedrive.calls)
    it.clock.move(hours=1)
    it.headroom.evaluate_slot()
    assert len(it.world.pipedrive.calls) == calls, "the poll has a slot of its own"


def test_a_crm_that_is_away_holds_up_no_evaluation(play: Play) -> None:
    it = play(near())
    it.world.pipedrive.faults.add("GET *", faults.status(500), times=None)
    it.headroom.evaluate_slot()
    it.work()
    assert len(it.cards()) == 1


def test_nothing_is_held_back_for_deals_that_were_read_long_ago_or_never(play: Play) -> None:
    it = play(near("acme"), near("bluefin"))
    by_hand(it, "Bluefin")
    assert kinds(it.evaluate()) == ["Open", "Open"]
    it.follow()
    it.tell("bluefin", api_calls_limit=5000)
    it.evaluate(hours=1)
    assert it.state("bluefin") == "resolved"
    it.tell("bluefin", api_calls_limit=1000)
    assert "HoldBack" in kinds(it.evaluate(hours=1))
    assert "HoldBack" not in kinds(it.evaluate(hours=25))
    assert it.state("bluefin") == "open"
