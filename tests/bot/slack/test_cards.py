"""The card: what it says, which buttons it has, and that no name can break it."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model import Account, AccountReport, BreakEven, Deal, Driver, Opportunity, Signal, Standing
from bot.slack import ids
from bot.slack.answers import account_answer, account_report, details_view, inbox_answer
from bot.slack.cards import facts, render_card
from bot.slack.forms import dismiss_view, snooze_view
from sandbox.slack.blocks import message_faults, view_faults
from tests.bot.slack.samples import APPROACHING, GROWTH, LABELS, NOW, hostile_text, opportunity
from tests.bot.slack.small_desk import SmallDesk

DEAL = Deal("7", "Acme Corp: Growth", "https://acme.pipedrive.example/deal/7", "rep.one")
STATES: dict[str, dict[str, Any]] = {
    "open": {},
    "claimed": {"state": "claimed", "owner": "U0REP1"},
    "pushing": {"state": "claimed", "owner": "U0REP1", "deal_state": "pushing"},
    "pushed": {"state": "claimed", "owner": "U0REP1", "deal": DEAL},
    "push failed": {"state": "claimed", "owner": "U0REP1", "deal_state": "the stage is gone"},
    "snoozed": {"state": "snoozed", "snoozed_until": datetime(2026, 11, 26, 8, tzinfo=UTC)},
    "dismissed": {"state": "dismissed", "dismissed_reason": "other:merged with another account"},
    "resolved": {"state": "resolved"},
    "upgraded": {"state": "upgraded"},
    "won": {"state": "won", "deal": DEAL},
    "save": {"polarity": "save"},
}


def labels_of(blocks: list[dict[str, Any]]) -> list[str]:
    return [button["text"]["text"] for block in blocks if block["type"] == "actions" for button in block["elements"]]


def words_of(blocks: list[dict[str, Any]]) -> str:
    return "\n".join(_strings(blocks))


def _strings(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        return [text for key, value in tree.items() if key != "type" for text in _strings(value)]
    if isinstance(tree, list):
        return [text for value in tree for text in _strings(value)]
    return [tree] if isinstance(tree, str) else []


def shape(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: shape(value) for key, value in tree.items()}
    return [shape(value) for value in tree] if isinstance(tree, list) else type(tree)


def test_the_card_of_the_design() -> None:
    blocks, text = render_card(opportunity(), LABELS)
    assert text == "Acme Corp passes its limit for API calls around Thu 26 Nov (24 to 29 Nov)"
    assert [block.get("text", {}).get("text") for block in blocks[:4]] == [
        f"*{text}*",
        "API calls: 92,100 of 100,000 used on day 21 of 30    ▂▃▃▄▅▆▇█",
        "Plan: Starter → Growth: +€4,800 a year. Staying costs about €310 in overage this period",
        (
            "• API calls grew 9 % a week, faster of late: 97 % likely to pass the limit\n"
            "• 3 people met the lock on sso, in 5 sessions"
        ),
    ]
    assert blocks[4]["elements"][0]["text"] == (
        "Account owner: rep.one@sales.example · no deal yet · score 83 · as of 21 Nov 23:58 UTC"
    )
    assert labels_of(blocks) == ["Claim", "Push to CRM", "Snooze", "Dismiss", "Details"]


@pytest.mark.parametrize(
    ("state", "buttons", "says"),
    [
        ("claimed", ["Push to CRM", "Snooze", "Dismiss", "Details"], "Claimed by <@U0REP1>"),
        ("pushing", ["Snooze", "Dismiss", "Details"], "On its way to Pipedrive"),
        ("pushed", ["Update deal", "Snooze", "Dismiss", "Details"], f"<{DEAL.url}|{DEAL.title}>"),
        ("push failed", ["Push to CRM", "Snooze", "Dismiss", "Details"], "Not pushed: the stage is gone"),
        ("snoozed", ["Details"], "Snoozed until Thu 26 Nov"),
        ("dismissed", ["Details"], "Dismissed: Other, merged with another account"),
        ("resolved", ["Details"], "Closed: no signal is on any more"),
        ("upgraded", ["Details"], "Upgraded"),
        ("won", ["Details"], "Won: Acme Corp"),
    ],
)
def test_each_state_offers_what_can_be_done(state: str, buttons: list[str], says: str) -> None:
    blocks, _ = render_card(opportunity(**STATES[state]), LABELS)
    assert labels_of(blocks) == buttons
    assert says in words_of(blocks)


def test_only_who_pushed_is_mentioned_where_a_push_failed() -> None:
    why = "Not pushed: Slack shows no e-mail address for <@U0REP1>, says <@U0BOSS>."
    words = words_of(render_card(opportunity(state="claimed", owner="U0REP1", deal_state=why), LABELS)[0])
    assert (
        "Claimed by <@U0REP1> · Not pushed: Slack shows no e-mail address for <@U0REP1>, says &lt;@U0BOSS&gt;." in words
    )


def test_a_deal_that_may_be_there_is_not_called_one_that_is_not() -> None:
    why = "Checking whether Zoho saved the deal"
    words = words_of(render_card(opportunity(state="claimed", owner="U0REP1", deal_state=why), LABELS)[0])
    assert f"Claimed by <@U0REP1> · {why}" in words


def test_without_a_crm_there_is_no_button_for_it() -> None:
    blocks, _ = render_card(opportunity(), replace(LABELS, crm=None))
    assert "Push to CRM" not in labels_of(blocks)
    assert "deal" not in words_of(blocks)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "http://evil.example/", "https://x|y> <!here>", "://", "https://["]
)
def test_a_deal_links_only_where_it_is_safe(url: str) -> None:
    words = words_of(render_card(opportunity(deal=replace(DEAL, url=url)), LABELS)[0])
    assert not any(mark in words for mark in ("<!", "<javascript", "<http://evil", "| <"))


def test_a_kind_without_words_still_gets_a_line() -> None:
    unknown = Signal("new_detector", "api_calls", 0.5, 1.0, subject="<!here>")
    blocks, text = render_card(opportunity(signals=(unknown,), points={}), LABELS)
    assert text == "Acme Corp: New detector: API calls: &lt;!here&gt;"
    assert message_faults(blocks) == []


@pytest.mark.parametrize(
    "kind", ["approaching_limit", "overage_pattern", "growth_trajectory", "feature_lockout", "billing_page_visits"]
)
@pytest.mark.parametrize("evidence", [{}, {"days": None}, {"days": "x", "people": [], "probability": float("nan")}])
def test_evidence_of_another_release_does_not_stop_the_card(kind: str, evidence: dict[str, Any]) -> None:
    blocks, _ = render_card(opportunity(signals=(Signal(kind, "api_calls", 0.5, 1.0, evidence=evidence),)), LABELS)
    assert message_faults(blocks) == []


def test_an_account_over_its_limit_is_said_to_be_over_it() -> None:
    over = replace(GROWTH, used=120000.0, ratio=1.2)
    assert (
        render_card(opportunity(signals=(over,)), LABELS)[1] == "Acme Corp is over its limit for API calls: 120 % used"
    )


def test_an_account_just_over_its_limit_is_told_by_figures() -> None:
    over = replace(GROWTH, used=100_030.0, ratio=1.0003)
    text = render_card(opportunity(signals=(over,)), LABELS)[1]
    assert text == "Acme Corp is over its limit for API calls: 100,030 of 100,000 used"


def seats(used: float, **evidence: Any) -> Signal:
    return Signal("approaching_limit", "seats", 0.9, 1.2, used=used, limit=10.0, ratio=used / 10, evidence=evidence)


def invited(people: int) -> Signal:
    evidence = {"invited": people, "used": 7.0, "limit": 10.0, "with_invited": 7.0 + people}
    return Signal("invited_seats", "seats", 0.5, 1.1, used=7.0, limit=10.0, ratio=0.7, evidence=evidence)


TURNED_AWAY = Signal("overage_pattern", None, 0.9, 2.0, evidence={"days": 6, "total": 150})
PERIODS = Signal(
    "overage_pattern",
    "api_calls",
    0.9,
    2.0,
    used=300.0,
    limit=1000.0,
    ratio=0.3,
    evidence={"periods": 2, "used": 300.0, "previous": 1200.0, "before": 1100.0, "limit": 1000.0},
)


@pytest.mark.parametrize(
    ("signal", "says"),
    [
        (seats(9.0, seats_left=1.0), "Acme Corp has one seat left: 9 of 10 used"),
        (seats(11.0, seats_left=-1.0), "Acme Corp is over its limit for Seats: 11 of 10 used"),
        (invited(4), "Acme Corp will be over its limit for Seats: 7 of 10 used, 4 more are invited"),
        (invited(3), "Acme Corp will be at its limit for Seats: 7 of 10 used, 3 more are invited"),
        (invited(2), "Acme Corp: Seats: 2 people are invited and not active yet; with them it will be 9 of 10"),
        (TURNED_AWAY, "Acme Corp was turned away by limits on 6 of the last 14 days, 150 times"),
        (PERIODS, "Acme Corp: API calls: over the limit in the last 2 periods, with 1,200 and 1,100 of 1,000"),
    ],
)
def test_a_headline_says_what_happens_and_is_not_said_again(signal: Signal, says: str) -> None:
    labels = replace(LABELS, metrics={**LABELS.metrics, "seats": "Seats"})
    blocks, text = render_card(opportunity(signals=(signal,), points={}), labels)
    assert text == says
    assert ("•" in words_of(blocks)) == ("Corp will be" in says), "who is on the way, and how many, is told below"


def test_going_over_a_limit_hides_nearing_the_same_one() -> None:
    over = Signal("overage_pattern", "api_calls", 0.8, 2.0, used=40.0, limit=50.0, ratio=0.8)
    other = replace(APPROACHING, metric="seats", used=9.0, limit=10.0, ratio=0.9)
    told = opportunity(signals=(other, over, APPROACHING), points={"approaching_limit": 20.0, "overage_pattern": 10.0})
    assert "92,100 of 100,000" not in " ".join(facts(told, LABELS))
    assert "92,100 of 100,000" in " ".join(facts(replace(told, signals=(other, APPROACHING)), LABELS))


def test_a_card_to_keep_a_customer_names_the_sign_of_leaving() -> None:
    evidence = {"people": 1, "days": 1, "save_sessions": 2, "within_days": 14, "falling": True, "falling_share": 0.4}
    leaving = Signal("billing_page_visits", None, 1.0, 0.7, evidence={**evidence, "saves": True})
    text = render_card(opportunity(polarity="save", signals=(GROWTH, leaving)), LABELS)[1]
    assert text.startswith("Acme Corp may leave: ")
    assert "cancel" in text
    assert "API calls" not in text


def test_a_card_to_keep_a_customer_says_what_to_do_and_what_is_at_stake() -> None:
    account = replace(opportunity().account, arr=Decimal(12000))
    shown = words_of(render_card(opportunity(polarity="save", account=account), LABELS)[0])
    assert "Call today: ask what is missing, and offer no upgrade. At stake: €12,000 a year" in shown
    over = words_of(render_card(opportunity(polarity="save", account=account, state="lost"), LABELS)[0])
    assert "Call today" not in over


def test_money_never_argues_against_the_deal() -> None:
    little = words_of(render_card(opportunity(overage_cost=Decimal(39)), LABELS)[0])
    assert "+€4,800 a year" in little
    assert "Staying" not in little
    largest = opportunity(plan="growth", recommended_plan=None, delta_arr=None, overage_cost=None)
    words = words_of(render_card(largest, replace(LABELS, largest="growth"))[0])
    assert "Plan: Growth is the largest plan: agree on a custom limit" in words


@pytest.mark.parametrize(
    ("standing", "says"),
    [
        (Standing("a", "A", 115, 100, NOW, 0.97), "*A:* 115 of 100 (115 %) · over the limit"),
        (Standing("a", "A", 99.96, 100, NOW, 0.9999), "*A:* 99.96 of 100 (99 %) · over 99 % likely to pass it"),
        (Standing("a", "A", 7, None, NOW), "*A:* 7, not limited"),
        (Standing("a", "A", 7, None, NOW, held_back="limit_unknown"), "*A:* 7, limit unknown"),
        (Standing("a", "A", 7, -5, NOW, held_back="limit_invalid"), "*A:* 7, limit is invalid (-5)"),
        (Standing("a", "A", None, 10, NOW, held_back="impossible_values"), "*A:* value unreadable, limit 10"),
        (Standing("a", "A", 50, 100, NOW, 0.9, held_back="stale_data"), "*A:* 50 of 100 (50 %)"),
        (Standing("a", "A", 50, 100, NOW, 0.4, date(2026, 11, 26)), "*A:* 50 of 100 (50 %) · 40 % likely to pass it"),
    ],
)
def test_an_account_is_told_in_words(standing: Standing, says: str) -> None:
    account = Account("acct", "Acme", limits={"a": "-5"})
    answer = account_report(AccountReport(account, (standing,), None, NOW), LABELS)
    assert answer["blocks"][1]["text"]["text"] == says


def test_why_an_account_has_a_card_is_told_signal_by_signal() -> None:
    one = opportunity()
    told = words_of(account_report(AccountReport(one.account, (), one, NOW), LABELS)["blocks"])
    assert told.count("Why the card: ") == 3
    assert "Why the card: API calls grew 9 % a week" in told


DRIVER = Driver("api_calls", 30, 41, 3, 0.83, "endpoint", (("/v1/export", 0.62), ("/v1/search", 0.3)))
OF = "API calls of the last 30 days: "


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, f"{OF}/v1/export makes 62 %; 3 of 41 people make 83 %"),
        ({"makers": 1}, f"{OF}/v1/export makes 62 %; 1 of 41 people makes 83 %"),
        ({"values": (("/a", 0.4), ("/b", 0.3))}, f"{OF}/a makes 40 %, /b 30 %; 3 of 41 people make 83 %"),
        ({"values": (("/a", 0.4),)}, f"{OF}/a makes 40 %; 3 of 41 people make 83 %"),
        ({"values": (("/a", 0.9984), ("/b", 0.0016))}, f"{OF}/a makes 99 %; 3 of 41 people make 83 %"),
        ({"values": (), "makers_share": 0.9996}, f"{OF}3 of 41 people make 99 %"),
        ({"values": (("/a", 1.0),), "people": 3}, f"{OF}all of it is /a; all 3 people take part"),
        (
            {"values": (), "people": 1, "makers": 1, "days": 7},
            "API calls of the last 7 days: one person makes all of it",
        ),
        ({"values": (), "burst_share": 0.3}, f"{OF}3 of 41 people make 83 %; it grows steadily"),
        (
            {"values": (), "burst_share": 1.2, "burst": "day", "burst_on": date(2026, 11, 13)},
            f"{OF}3 of 41 people make 83 %; one day, Fri 13 Nov, makes 100 % of the growth",
        ),
        (
            {"values": (), "burst_share": 0.75, "burst": "week", "burst_on": date(2026, 11, 2)},
            f"{OF}3 of 41 people make 83 %; the week from Mon 2 Nov makes 75 % of the growth",
        ),
    ],
)
def test_who_and_what_drives_the_usage_is_one_line(changes: dict[str, Any], says: str) -> None:
    driven = opportunity(drivers=(replace(DRIVER, **changes), replace(DRIVER, metric="second")))
    assert f"• {says}" in words_of(render_card(driven, LABELS)[0]).splitlines()
    assert "second of the last" not in words_of(render_card(driven, LABELS)[0])
    told = words_of(details_view(driven, LABELS)["blocks"])
    assert f"• {says}" in told.splitlines()
    assert "second of the last" in told


@pytest.mark.parametrize("drivers", [None, (), (Driver("api_calls", burst_share=0.9),)])
def test_without_drivers_there_is_no_line_of_them(drivers: tuple[Driver, ...] | None) -> None:
    assert "of the last 30 days" not in words_of(render_card(opportunity(drivers=drivers), LABELS)[0])


def test_each_point_of_the_score_has_the_fact_behind_it() -> None:
    far = replace(GROWTH, metric="seats", strength=0.1)
    told = words_of(details_view(opportunity(signals=(far, GROWTH, seats(9))), LABELS)["blocks"]).splitlines()
    assert "• growth towards a limit 31.5: API calls: 97 % likely to pass the limit" in told
    assert "• close to a limit 12: seats: 9 of 10 used (90 %)" in told
    assert "• seats: 97 % likely to pass the limit" in told, "and what stands behind no points"


EVEN = BreakEven("api_calls", 4000)
PAYS_OFF = "the upgrade pays off from about 4,000 API calls over the limit a month"


@pytest.mark.parametrize(
    ("changes", "card", "details"),
    [
        ({"break_even": EVEN}, f"Staying costs about €310 in overage this period; {PAYS_OFF}", PAYS_OFF),
        ({"break_even": BreakEven("api_calls", 0)}, "this period; the upgrade pays off already", "pays off already"),
        (
            {"break_even": EVEN, "overage_cost": None},
            "Plan: Starter → Growth: +€4,800 a year",
            f"By overage fees alone, {PAYS_OFF}",
        ),
        ({"delta_arr": None}, "Starter → Growth: the account pays no less already, so agree on a price", "Growth"),
        (
            {"recommended_plan": None, "delta_arr": None},
            "Plan: Starter, and no other plan fits",
            "agree on a custom one",
        ),
    ],
)
def test_the_money_is_told(changes: dict[str, Any], card: str, details: str) -> None:
    one = opportunity(**changes)
    assert card in words_of(render_card(one, LABELS)[0])
    assert details in words_of(details_view(one, LABELS)["blocks"])
    assert "pays off" not in words_of(
        details_view(replace(one, signals=(seats(9.0),), overage_cost=None), LABELS)["blocks"]
    ), "the fees of a metric that nothing is told of are no argument"
    assert ("pays off from" in words_of(render_card(one, LABELS)[0])) == (one.costs_to_stay and one.break_even == EVEN)


@st.composite
def hostile_opportunities(draw: st.DrawFn) -> Opportunity:
    text = hostile_text
    account = Account(draw(text), draw(text), draw(text), draw(text), owner_email=draw(text))
    kinds = st.sampled_from(["growth_trajectory", "feature_lockout", "billing_page_visits"]) | text
    figures = st.none() | st.floats()
    signal = st.builds(
        Signal,
        kind=kinds,
        metric=st.none() | text,
        strength=st.floats(0, 1),
        weight=st.just(1.0),
        used=figures,
        limit=figures,
        ratio=figures,
        probability=figures,
        subject=st.none() | text,
        evidence=st.dictionaries(st.sampled_from(["people", "days", "feature"]), text | st.floats(), max_size=3),
    )
    values = st.tuples(st.tuples(text, st.floats(0, 1)))
    driver = st.builds(Driver, text, people=st.integers(0, 99), makers=st.integers(0, 99), values=st.just(()) | values)
    state = {**draw(st.sampled_from(list(STATES.values()))), "owner": None}
    changes = {
        "account": account,
        "signals": tuple(draw(st.lists(signal, max_size=4))),
        "plan": draw(st.none() | text),
        "recommended_plan": draw(st.none() | text),
        "history": tuple(draw(st.lists(st.floats(), max_size=30))),
        "dismissed_reason": draw(text),
        "deal": Deal(draw(text), draw(text), draw(text)) if draw(st.booleans()) else None,
        "deal_state": draw(st.none() | text),
        "drivers": draw(st.none() | st.tuples(driver)),
        "break_even": draw(st.none() | st.builds(BreakEven, text, st.integers(0, 10**15))),
    }
    return opportunity(**{**state, **changes})


@settings(max_examples=60, deadline=None)
@given(hostile_opportunities())
def test_no_text_acts_or_breaks_a_card(hostile: Opportunity) -> None:
    blocks, text = render_card(hostile, LABELS)
    assert message_faults(blocks) == []
    assert 0 < len(text) < 3000
    said = json.dumps(blocks, ensure_ascii=False) + text
    assert not any(mark in said for mark in ("<!", "<@", "<#", "<http"))
    for view in (details_view(hostile, LABELS), snooze_view(hostile, LABELS), dismiss_view(hostile, LABELS)):
        assert view_faults(view) == []


@given(hostile_text)
def test_the_tree_has_one_shape_whatever_the_name(name: str) -> None:
    usual, _ = render_card(opportunity(), LABELS)
    hostile, _ = render_card(opportunity(name=name), LABELS)
    assert shape(hostile) == shape(usual)


def test_answers_to_commands_stay_within_the_limits() -> None:
    desk = SmallDesk()
    for number in range(500):
        desk.add(opportunity(number, name="<!channel> " * 50))
    many = inbox_answer(desk.inbox("U0REP1", everyone=True), True, LABELS)
    matches = account_answer("<!here>", desk.find_accounts("channel"), LABELS)
    for answer in (many, matches, account_answer("x", desk.find_accounts("acct_7")[:1], LABELS)):
        assert message_faults(answer["blocks"]) == []
        assert "<!" not in json.dumps(answer)
    assert "and 480 more" in words_of(many["blocks"])


def test_wire_ids_are_the_ones_with_listeners() -> None:
    blocks, _ = render_card(opportunity(), LABELS)
    shown = {element["action_id"] for block in blocks if block["type"] == "actions" for element in block["elements"]}
    assert shown <= set(ids.ACTIONS)
