"""Answers to what the bot had to ask before it could write to the CRM: each counts once, of those who may give it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bot.config import Config, FollowUp
from bot.desk import Desk
from bot.model import Account, Deal, DealOwner, Opportunity, Question
from bot.slack.desk import Answer, Click
from bot.store import Database, accounts, deal_owners, jobs, opportunities, questions, reps
from tests.bot.deals.world import config, values

REP, RIVAL, BOSS = "U0REP1", "U0REP2", "U0BOSS"
DEALS = (Deal("57", "By hand", "https://crm.example/57", "Dana"), Deal("58", "Another", "https://crm.example/58"))
WHICH = Question("deal", REP, DEALS)
WHO = Question("owner", REP)
ANSWERED = "answered already"


@pytest.fixture
def desk(database: Database) -> Desk:
    with database.transaction() as tx:
        accounts.save(tx, [Account("acme", "Acme")])
        deal_owners.save(tx, [DealOwner("7", "Dana Roy", "dana@vendor.example")])
    return Desk(database, config("pipedrive", follow_up={}))


def asked(desk: Desk, question: Question | None, state: str = "claimed") -> int:
    with desk.db.transaction() as tx:
        made = opportunities.open_new(tx, "acme", tx.now(), values(state=state, owner=REP))
        assert made is not None
        questions.ask(tx, made, question)
    return made


def see(desk: Desk, identity: int) -> Opportunity:
    found = desk.details(identity)
    assert found is not None
    return found


def enqueued(desk: Desk, *kinds: str) -> list[dict[str, Any]]:
    with desk.db.read() as tx:
        return [job.payload for job in reversed(jobs.list_jobs(tx, kinds=kinds))]


def answer(desk: Desk, how: str, identity: int, user: str = REP, delivery: str = "d1", **given: str) -> Answer:
    click = Click(delivery, user, "C0SALES")
    match how:
        case "use":
            return desk.use_deal(click, identity, given.get("deal", "57"))
        case "new":
            return desk.new_deal(click, identity)
        case _:
            return desk.choose_owner(click, identity, given.get("rep", REP), given.get("owner", "7"))


@pytest.mark.parametrize(
    ("how", "question", "wish"),
    [("use", WHICH, {"adopt": "57"}), ("new", WHICH, {"new": True}), ("owner", WHO, {})],
)
def test_an_answer_pushes_again_once(desk: Desk, how: str, question: Question, wish: dict[str, Any]) -> None:
    identity = asked(desk, question)
    assert see(desk, identity).question == question
    first = answer(desk, how, identity)
    assert first.ok
    assert answer(desk, how, identity) == first, "the same click delivered once more"
    again = answer(desk, how, identity, delivery="d2")
    assert not again.ok
    assert ANSWERED in (again.text or "")
    assert enqueued(desk, "push_deal") == [{"opportunity": identity, "by": REP, **wish}]
    assert enqueued(desk, "claim_task") == [{"opportunity": identity}]
    seen = see(desk, identity)
    assert (seen.question, seen.deal_state) == (None, "pushing")
    assert enqueued(desk, "card")[-1]["version"] == seen.version
    if how == "owner":
        with desk.db.read() as tx:
            rep = reps.get(tx, REP)
        assert rep is not None
        assert rep.crm_user_id == "7"


@pytest.mark.parametrize(("how", "question"), [("use", WHICH), ("new", WHICH), ("owner", WHO)])
@pytest.mark.parametrize("late", ["nothing is asked", "something else is asked", "dismissed"])
def test_a_late_answer_changes_nothing(desk: Desk, how: str, question: Question, late: str) -> None:
    other = WHO if question is WHICH else WHICH
    given = {"nothing is asked": None, "something else is asked": other}.get(late, question)
    identity = asked(desk, given, "dismissed" if late == "dismissed" else "claimed")
    told = answer(desk, how, identity)
    assert not told.ok
    assert ("dismissed" if late == "dismissed" else ANSWERED) in (told.text or "")
    assert enqueued(desk, "push_deal", "claim_task") == []


@pytest.mark.parametrize(("how", "question"), [("use", WHICH), ("new", WHICH)])
def test_only_whose_it_is_may_say_which_deal(desk: Desk, how: str, question: Question) -> None:
    identity = asked(desk, question)
    assert answer(desk, how, identity, RIVAL) == Answer(False, "{by} has this one.", REP)
    assert see(desk, identity).question == question
    assert enqueued(desk, "push_deal") == []


def test_an_owner_is_stored_for_the_one_who_was_asked(desk: Desk) -> None:
    """Whoever says it: the room has made sure that it is a manager."""
    identity = asked(desk, WHO)
    assert not answer(desk, "owner", identity, BOSS, rep=RIVAL).ok
    assert answer(desk, "owner", identity, BOSS, delivery="d2").ok
    assert enqueued(desk, "push_deal") == [{"opportunity": identity, "by": REP}]
    with desk.db.read() as tx:
        assert (reps.get(tx, BOSS), reps.get(tx, RIVAL)) == (None, None)


@pytest.mark.parametrize(("how", "question", "given"), [("use", WHICH, {"deal": "99"}), ("owner", WHO, {"owner": "8"})])
def test_only_what_was_offered_can_be_chosen(desk: Desk, how: str, question: Question, given: dict[str, str]) -> None:
    identity = asked(desk, question)
    told = answer(desk, how, identity, **given)
    assert "cannot be chosen" in (told.text or "")
    assert see(desk, identity).question == question
    assert enqueued(desk, "push_deal") == []


def test_who_was_asked_for_a_task_alone_gets_the_task_and_no_deal(desk: Desk) -> None:
    identity = asked(desk, Question("owner", REP, pushes=False))
    assert answer(desk, "owner", identity).ok
    assert enqueued(desk, "push_deal") == []
    assert enqueued(desk, "claim_task") == [{"opportunity": identity}]


def test_of_two_answers_at_once_one_counts(desk: Desk) -> None:
    identity = asked(desk, WHICH)
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda n: answer(desk, "use" if n % 2 else "new", identity, delivery=f"d{n}"), range(8)))
    assert sum(one.ok for one in told) == 1
    assert len(enqueued(desk, "push_deal")) == 1


def test_a_push_asks_afresh(desk: Desk) -> None:
    """The rep may have closed the deal in the CRM meanwhile."""
    identity = asked(desk, WHICH)
    assert desk.push(Click("p1", REP), identity).ok
    assert see(desk, identity).question is None
    assert enqueued(desk, "push_deal") == [{"opportunity": identity, "by": REP}]
    assert not answer(desk, "use", identity).ok


@pytest.mark.parametrize("follow_up", [FollowUp(), None])
def test_a_claim_wants_a_task_where_one_is_configured(desk: Desk, follow_up: FollowUp | None) -> None:
    crm = desk.config.crm.model_copy(update={"follow_up": follow_up})
    its = Desk(desk.db, desk.config.model_copy(update={"crm": crm}))
    with desk.db.transaction() as tx:
        identity = opportunities.open_new(tx, "acme", tx.now(), values()) or 0
    assert its.claim(Click("c1", REP), identity).ok
    assert not its.claim(Click("c2", RIVAL), identity).ok
    assert its.push(Click("p1", REP), identity).ok
    assert enqueued(desk, "claim_task") == ([{"opportunity": identity}] if follow_up else [])


def test_without_a_crm_there_is_no_task(database: Database) -> None:
    bare = Desk(database, Config.model_validate({**config("pipedrive").model_dump(), "crm": {"follow_up": {}}}))
    with database.transaction() as tx:
        accounts.save(tx, [Account("acme", "Acme")])
        identity = opportunities.open_new(tx, "acme", tx.now(), values()) or 0
    assert bare.claim(Click("c1", REP), identity).ok
    assert enqueued(bare, "claim_task") == []


def test_owners_are_found_by_name_or_address(desk: Desk) -> None:
    with desk.db.transaction() as tx:
        deal_owners.save(
            tx,
            [DealOwner("1", "Zoë", "z@vendor.example"), DealOwner("2", "dana", "d@vendor.example")]
            + [DealOwner(str(number), f"Person {number}", "") for number in range(3, 6)],
        )
    assert [one.id for one in desk.deal_owners("")] == ["2", "3", "4", "5", "1"]
    assert [one.id for one in desk.deal_owners(" ZOË ")] == ["1"]
    assert [one.id for one in desk.deal_owners("VENDOR.example")] == ["2", "1"]
    assert desk.deal_owners("%") == []
