"""What people do with a deal in the CRM comes back to its opportunity: each change once, whatever fails meanwhile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import select, update

from bot.deals.follow import Follow
from bot.model import Deal
from bot.slack.status import status
from bot.slack.words import CardLabels
from bot.store import Database, Transaction, holds, jobs, opportunities, problems, references
from bot.store.delivery_tables import external_ref
from bot.store.tables import opportunity_event
from crm.base import AuthFailed, CrmError
from sandbox import faults
from sandbox.pipedrive import PipedriveServer
from tests.bot.deals.pipedrive_world import PipedriveWorld
from tests.bot.deals.test_faults import Deadly, Killed
from tests.bot.deals.vendors import PipedriveVendor
from tests.bot.deals.world import config, http, values
from tests.databases import MovedClock

LABELS = CardLabels.of(config("pipedrive"), "UTC")
HOSTILE = ["<!channel> & <https://evil.example|click>", "a NUL \0 within", "two\nlines", "n" * 5000]


@pytest.fixture
def world(database: Database, clock: MovedClock) -> Iterator[PipedriveWorld]:
    with PipedriveServer(clock) as pipedrive, http() as client:
        yield PipedriveWorld(database, clock, PipedriveVendor(pipedrive), client)
        assert pipedrive.errors == []


def follow(world: PipedriveWorld, client: httpx.Client | None = None) -> Follow:
    """As a new process has it."""
    return Follow(world.db, world.connected(client), "pipedrive")


def pushed(world: PipedriveWorld, name: str = "Acme", owner: str | None = "U0REP2") -> tuple[int, int]:
    """An opportunity and the CRM's id of its deal."""
    made = world.opportunity(name)
    if owner:
        with world.db.transaction() as tx:
            opportunities.claim(tx, made, owner)
    world.push(made)
    world.work()
    return made, int(deal_of(world, made).id)


def deal_of(world: PipedriveWorld, opportunity: int) -> Deal:
    deal = world.see(opportunity).deal
    assert deal is not None
    return deal


def history(world: PipedriveWorld, opportunity: int) -> list[str]:
    """What the CRM's people did, as the opportunity's lines tell it."""
    event = opportunity_event.c
    lines = select(event.what).where(event.opportunity_id == opportunity, event.who == "pipedrive").order_by(event.id)
    with world.db.read() as tx:
        return list(tx.scalars(lines))


def card_is_due(world: PipedriveWorld, opportunity: int) -> bool:
    """Whether a card of the latest version is on its way."""
    with world.db.read() as tx:
        versions = [job.payload["version"] for job in jobs.list_jobs(tx, kinds=("card",))]
    return world.see(opportunity).version in versions


def told(world: PipedriveWorld) -> list[str]:
    with world.db.read() as tx:
        return [one.what for one in problems.listing(tx)]


def assert_settled(world: PipedriveWorld) -> None:
    """Another poll changes nothing."""
    with world.db.read() as tx:
        before = tx.execute(select(opportunity_event.c.id)).all(), tx.scalars(select(external_ref.c.remote_id)).all()
    assert follow(world).poll().changes == {}
    with world.db.read() as tx:
        after = tx.execute(select(opportunity_event.c.id)).all(), tx.scalars(select(external_ref.c.remote_id)).all()
    assert before == after


def test_a_deal_that_is_won_closes_its_opportunity(world: PipedriveWorld) -> None:
    made, deal = pushed(world)
    assert follow(world).poll().changes == {}
    world.pipedrive.people.win(deal)
    assert follow(world).poll().changes == {"won": 1}
    seen = world.see(made)
    assert (seen.state, seen.closed_at, history(world, made)) == ("won", world.clock.at, ["won"])
    assert card_is_due(world, made)
    assert_settled(world)


def test_a_lost_deal_tells_its_reason_also_where_it_comes_later(world: PipedriveWorld) -> None:
    made, deal = pushed(world)
    world.pipedrive.people.lose(deal)
    follow(world).poll()
    assert (world.see(made).state, world.see(made).outcome_reason) == ("lost", None)
    closed_at = world.see(made).closed_at
    world.clock.move(hours=1)
    world.pipedrive.people.lose(deal, "Too expensive")
    assert follow(world).poll().changes == {"reason_given": 1}
    seen = world.see(made)
    assert (seen.outcome_reason, seen.closed_at, history(world, made)) == (
        "Too expensive",
        closed_at,
        ["lost", "reason_given"],
    )
    assert status(seen, LABELS) == "Lost: Too expensive (<@U0REP2>)"
    assert card_is_due(world, made)
    assert_settled(world)


@pytest.mark.parametrize("reason", HOSTILE)
def test_a_hostile_reason_is_stored_and_harmless(world: PipedriveWorld, reason: str) -> None:
    made, deal = pushed(world)
    world.pipedrive.people.lose(deal, reason)
    follow(world).poll()
    words = status(world.see(made), LABELS)
    assert words is not None
    assert words.startswith("Lost: ")
    assert "<!" not in words
    assert "<http" not in words
    assert len(words) < 300
    assert_settled(world)


@pytest.mark.parametrize(("owner", "back"), [("U0REP2", "claimed"), (None, "open")])
def test_a_reopened_deal_opens_its_opportunity_again(world: PipedriveWorld, owner: str | None, back: str) -> None:
    made, deal = pushed(world, owner=owner)
    for close in (world.pipedrive.people.win, world.pipedrive.people.lose):
        close(deal)
        follow(world).poll()
        world.pipedrive.people.reopen(deal)
        assert follow(world).poll().changes == {"reopened": 1}
        seen = world.see(made)
        assert (seen.state, seen.owner, seen.closed_at, seen.outcome_reason) == (back, owner, None, None)
        assert card_is_due(world, made)
    assert history(world, made) == ["won", "reopened", "lost", "reopened"]
    assert_settled(world)


def test_what_goes_from_won_to_lost_follows(world: PipedriveWorld) -> None:
    made, deal = pushed(world)
    world.pipedrive.people.win(deal)
    follow(world).poll()
    world.pipedrive.people.lose(deal, "paid never")
    follow(world).poll()
    assert (world.see(made).state, world.see(made).outcome_reason) == ("lost", "paid never")


def test_a_reopened_deal_gives_way_to_a_newer_opportunity_and_returns_after_it(world: PipedriveWorld) -> None:
    made, deal = pushed(world)
    world.pipedrive.people.lose(deal)
    follow(world).poll()
    world.clock.move(hours=1)
    with world.db.transaction() as tx:
        newer = opportunities.open_new(tx, world.see(made).account.key, tx.now(), values())
    assert newer is not None
    world.pipedrive.people.reopen(deal)
    assert follow(world).poll().changes == {"reopened_beside": 1}
    assert (world.see(made).state, world.see(newer).state) == ("lost", "open")
    assert_settled(world)
    with world.db.transaction() as tx:
        opportunities.move(tx, newer, "resolved", who="headroom", what="resolved")
    assert follow(world).poll().changes == {"reopened": 1}
    assert history(world, made) == ["lost", "reopened_beside", "reopened"]
    assert world.see(made).state == "claimed"


@pytest.mark.parametrize("state", ["dismissed", "upgraded"])
def test_an_end_that_people_or_usage_gave_stands_unless_the_deal_is_won(world: PipedriveWorld, state: str) -> None:
    made, deal = pushed(world)
    with world.db.transaction() as tx:
        opportunities.move(tx, made, state, who="U0REP2", what=state)  # type: ignore[arg-type]  # one of two states
    world.pipedrive.people.lose(deal, "no")
    assert follow(world).poll().changes == {}
    assert world.see(made).state == state
    world.pipedrive.people.win(deal)
    assert follow(world).poll().changes == {"won": 1}
    assert world.see(made).state == "won"


@pytest.mark.parametrize("days", [1, 40], ids=["still in the bin", "shown no more"])
def test_a_deleted_deal_leaves_the_card_and_a_push_makes_a_new_one(world: PipedriveWorld, days: int) -> None:
    made, deal = pushed(world)
    world.pipedrive.people.delete(deal)
    world.clock.move(days=days)
    assert follow(world).poll().changes == {"deal_gone": 1}
    seen = world.see(made)
    assert (seen.state, seen.deal, history(world, made)) == ("claimed", None, ["deal_gone"])
    words = status(seen, LABELS)
    assert words is not None
    assert words.endswith("No deal any more: it was deleted or archived in Pipedrive. A push makes a new one.")
    assert card_is_due(world, made)
    assert_settled(world)
    world.push(made)
    world.work()
    assert deal_of(world, made).id not in (str(deal), None)
    assert world.see(made).deal_state is None
    assert [row["is_deleted"] for row in world.pipedrive.records.deals.values()] == [True, False]
    assert_settled(world)


def test_a_push_that_is_under_way_is_not_disturbed(world: PipedriveWorld) -> None:
    made, deal = pushed(world)
    world.push(made)
    world.pipedrive.people.delete(deal)
    assert follow(world).poll().changes == {}
    with world.db.transaction() as tx:
        opportunities.set_deal_state(tx, made, "Trying again: Pipedrive does not answer.")
    assert follow(world).poll().changes == {}, "it is under way after a first attempt, too"
    assert deal_of(world, made).id == str(deal)


def test_a_deal_deleted_after_its_end_leaves_the_outcome(world: PipedriveWorld) -> None:
    made, deal = pushed(world)
    world.pipedrive.people.lose(deal, "no budget")
    follow(world).poll()
    world.pipedrive.people.delete(deal)
    world.clock.move(days=40)
    assert follow(world).poll().changes == {"deal_gone": 1}
    seen = world.see(made)
    assert (seen.state, seen.outcome_reason, seen.deal, seen.deal_state) == ("lost", "no budget", None, None)


def test_a_deal_put_away_after_it_was_won_is_won(world: PipedriveWorld) -> None:
    made, deal = pushed(world)
    world.pipedrive.people.win(deal)
    world.pipedrive.people.archive(deal)
    assert follow(world).poll().changes == {"won": 1}
    assert world.see(made).state == "won"
    assert_settled(world)


def test_a_merged_deal_is_followed_as_the_survivor(world: PipedriveWorld) -> None:
    made, deal = pushed(world)
    org = world.pipedrive.records.deals[deal]["org_id"]
    by_hand = world.pipedrive.records.add_deal({"title": "By hand", "org_id": org, "stage_id": 2, "owner_id": 1})["id"]
    world.pipedrive.people.merge(deal, into=by_hand)
    assert follow(world).poll().changes == {"deal_merged": 1}
    seen = deal_of(world, made)
    assert (seen.id, seen.title, seen.owner_name) == (str(by_hand), "By hand", "Rep One")
    assert card_is_due(world, made)
    assert_settled(world)
    world.pipedrive.people.win(by_hand)
    assert follow(world).poll().changes == {"won": 1}
    assert history(world, made) == ["deal_merged", "won"]


def test_a_survivor_that_is_lost_already_is_followed_at_once(world: PipedriveWorld) -> None:
    made, deal = pushed(world)
    org = world.pipedrive.records.deals[deal]["org_id"]
    by_hand = world.pipedrive.records.add_deal({"title": "By hand", "org_id": org, "stage_id": 2})["id"]
    world.pipedrive.people.merge(deal, into=by_hand)
    world.pipedrive.people.lose(by_hand, "both")
    assert follow(world).poll().changes == {"deal_merged": 1, "lost": 1}
    assert world.see(made).outcome_reason == "both"


def test_a_deal_merged_into_one_that_kept_its_own_key_is_gone(world: PipedriveWorld) -> None:
    (first, gone), (second, kept) = pushed(world), pushed(world, "Bluefin")
    world.pipedrive.people.merge(gone, into=kept)
    assert follow(world).poll().changes == {"deal_gone": 1}
    assert world.see(first).deal is None
    assert deal_of(world, second).id == str(kept)


def test_the_card_shows_the_owner_and_the_title_that_people_gave(world: PipedriveWorld) -> None:
    made, deal = pushed(world)
    world.pipedrive.people.edit(deal, "Owner", 1)
    world.pipedrive.people.edit(deal, "Title", "Acme, the big one")
    assert follow(world).poll().changes == {"deal_changed": 1}
    assert (deal_of(world, made).owner_name, deal_of(world, made).title) == ("Rep One", "Acme, the big one")
    assert (world.see(made).state, world.see(made).owner) == ("claimed", "U0REP2")
    assert card_is_due(world, made)
    assert_settled(world)
    world.pipedrive.records.users[0]["active_flag"] = False
    assert_settled(world)


def test_deals_that_vanish_together_are_believed_only_when_told(world: PipedriveWorld) -> None:
    """A token of another company shows none of our deals: nothing may be forgotten for that."""
    made = [pushed(world, f"Acme {number}") for number in range(4)]
    for _, deal in made[:3]:
        world.pipedrive.people.delete(deal)
    world.pipedrive.people.win(made[3][1])
    assert follow(world).poll().changes == {"won": 1}
    assert told(world) == ["deals_missing"]
    assert [deal_of(world, one).id for one, _ in made] == [str(deal) for _, deal in made]
    assert follow(world).poll(deleted=True).changes == {"deal_gone": 3}
    follow(world).poll()
    assert told(world) == []


def test_a_deal_that_cannot_be_read_hinders_no_other(world: PipedriveWorld) -> None:
    made = [pushed(world, f"Acme {number}") for number in range(3)]
    world.pipedrive.people.delete(made[0][1])
    world.pipedrive.faults.add(f"GET /api/v2/deals/{made[0][1]}", faults.status(500), times=None)
    for _, deal in made[1:]:
        world.pipedrive.people.win(deal)
    assert follow(world).poll().changes == {"won": 2}
    assert (told(world), deal_of(world, made[0][0]).id) == (["deal_not_read"], str(made[0][1]))
    world.pipedrive.faults.clear()
    assert follow(world).poll().changes == {"deal_gone": 1}
    follow(world).poll()
    assert told(world) == []


FAULTS = {
    "429": faults.status(429, retry_after=7),
    "500": faults.status(500),
    "drop": faults.drop(),
    "truncate": faults.truncate(),
    "html": faults.body("<html>maintenance</html>"),
    "403": faults.status(403),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_poll_under_faults_changes_nothing_wrongly_and_the_next_one_makes_it_good(
    world: PipedriveWorld, fault: faults.Fault
) -> None:
    for number, call in enumerate(("GET /api/v1/users", "GET /api/v2/deals", "GET /api/v2/organizations")):
        made, deal = pushed(world, f"Acme {number}")
        by_hand = world.pipedrive.records.add_organization({"name": f"Other {number}"})["id"]
        world.pipedrive.records.add_deal({"title": "By hand", "org_id": by_hand, "stage_id": 2})
        world.pipedrive.people.win(deal)
        world.pipedrive.faults.add(call, fault)
        with pytest.raises(CrmError):
            follow(world).poll()
        assert world.pipedrive.faults.take(*call.split()) is None, f"{call} was never made"
        assert world.see(made).state in ("claimed", "won")
        assert world.see(made).deal is not None
        world.clock.move(minutes=10)
        with world.db.transaction() as tx:
            holds.resume(tx, "pipedrive")
        follow(world).poll()
        assert (world.see(made).state, history(world, made), told(world)) == ("won", ["won"], [])


def test_a_refused_key_pauses_the_crm_as_a_push_does(world: PipedriveWorld) -> None:
    made, deal = pushed(world)
    world.pipedrive.people.win(deal)
    world.pipedrive.faults.add("GET *", faults.status(401))
    with pytest.raises(AuthFailed):
        follow(world).poll()
    with world.db.read() as tx:
        assert [hold.scope for hold in holds.paused(tx)] == ["pipedrive"]
    assert told(world) == ["crm_not_read"]
    world.pipedrive.forget_calls()
    with pytest.raises(CrmError, match="not asked before"):
        follow(world).poll()
    assert world.pipedrive.calls == [], "a key that is refused is not tried at once"
    with world.db.transaction() as tx:
        holds.resume(tx, "pipedrive")
    follow(world).poll()
    with world.db.read() as tx:
        assert holds.paused(tx) == []
    assert (world.see(made).state, told(world)) == ("won", [])


def test_a_limit_is_respected_until_it_is_over(world: PipedriveWorld) -> None:
    world.pipedrive.faults.add("GET *", faults.status(429, retry_after=7))
    with pytest.raises(CrmError):
        follow(world).poll()
    with world.db.read() as tx:
        assert holds.standing(tx, "pipedrive") is not None
    assert told(world) == [], "it passes by itself"


def test_a_poll_killed_between_any_two_steps_is_made_good_by_the_next(world: PipedriveWorld) -> None:
    for number in range(1, 5):
        for after in (False, True):
            made, deal = pushed(world, f"Acme {number} {after}")
            world.pipedrive.people.lose(deal, "no")
            with httpx.Client(transport=Deadly(number, after)) as client, pytest.raises(Killed):
                follow(world, client).poll()
            follow(world).poll()
            assert (world.see(made).state, history(world, made)) == ("lost", ["lost"])


def test_a_poll_that_another_replica_took_over_writes_nothing(world: PipedriveWorld) -> None:
    made, deal = pushed(world)
    world.pipedrive.people.win(deal)

    def lost(_: Transaction) -> None:
        raise Killed

    with pytest.raises(Killed):
        follow(world).poll(lost)
    assert (world.see(made).state, history(world, made)) == ("claimed", [])


def test_two_polls_at_once_make_each_change_once(world: PipedriveWorld) -> None:
    made = [pushed(world, f"Acme {number}") for number in range(6)]
    for number, (_, deal) in enumerate(made):
        if number % 2:
            world.pipedrive.people.lose(deal, "no")
        else:
            world.pipedrive.people.win(deal)
    with ThreadPoolExecutor(2) as threads:
        polls = [future.result() for future in [threads.submit(follow(world).poll) for _ in range(2)]]
    assert sum((poll.changes for poll in polls), start=type(polls[0].changes)()) == {"won": 3, "lost": 3}
    assert [history(world, one) for one, _ in made] == [["won"], ["lost"]] * 3


def test_only_what_may_still_change_is_asked_for(world: PipedriveWorld) -> None:
    made, deal = pushed(world)
    world.pipedrive.people.lose(deal)
    follow(world).poll()
    world.clock.move(days=91)
    world.pipedrive.people.reopen(deal)
    found = follow(world).poll()
    assert (found.followed, found.changes, world.see(made).state) == (0, {}, "lost")


def test_a_deal_of_the_crm_that_was_configured_before_is_not_looked_up(world: PipedriveWorld) -> None:
    made, deal = pushed(world)
    world.pipedrive.people.win(deal)
    with world.db.transaction() as tx:
        tx.execute(update(external_ref).values(provider="zoho"))
        assert references.get(tx, "pipedrive", f"deal:{world.see(made).key}") is None
    assert follow(world).poll().followed == 0
    assert world.see(made).state == "claimed"


def test_a_hint_looks_at_what_is_followed_and_at_nothing_else(world: PipedriveWorld) -> None:
    (first, hinted), (second, other) = pushed(world), pushed(world, "Bluefin")
    for deal in (hinted, other):
        world.pipedrive.people.win(deal)
    world.pipedrive.forget_calls()
    follow(world).look({"99999", "nonsense"})
    assert world.pipedrive.calls == []
    follow(world).look({str(hinted), "99999"})
    assert (world.see(first).state, world.see(second).state) == ("won", "claimed")
    world.clock.move(seconds=1)
    world.pipedrive.faults.add("GET *", faults.status(500))
    follow(world).look({str(other)})
    assert world.see(second).state == "claimed", "the poll will see to it"


def test_a_steady_poll_takes_three_calls(world: PipedriveWorld) -> None:
    for number in range(5):
        pushed(world, f"Acme {number}")
    one = follow(world)
    one.poll()
    world.pipedrive.forget_calls()
    one.poll()
    assert [call.path.rpartition("/")[2] for call in world.pipedrive.calls] == ["users", "deals", "deals"]
