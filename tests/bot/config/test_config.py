"""headroom.toml: what is right is taken as meant, what is wrong is told all at once with the place and the fix."""

import copy
import tomllib
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import Config, ConfigError, load, parse
from crm import kinds

RIGHT = """
[account]
group_type = "company"
plan = "plan"
[metrics.api_calls]
label = "API calls"
event = "api_request"
measure = "count"
[metrics.data_gb]
label = "Data volume"
event = ["data_ingested", "data_imported"]
measure = "sum"
property = "gb"
window = "month"
[metrics.seats]
label = "Seats"
event = "$pageview"
measure = "people"
[metrics.storage_gb]
label = "Storage"
measure = "level"
group_property = "storage_gb"
[plans.starter]
price = 99
limits = { api_calls = 100000, seats = 10 }
overage = { api_calls = 0.002 }
[plans."Growth 2026"]
price = 499.50
[signals]
lockout_events = "feature_gate_hit"
lockout_feature = "feature"
billing_paths = ["/billing", "/pricing"]
[slack]
channel = "C0SALES"
managers = "S0REVOPS"
[schedule]
every = "6h"
"""


def tables(text: str = RIGHT) -> dict[str, Any]:
    return tomllib.loads(text, parse_float=Decimal)


def changed(**places: Any) -> dict[str, Any]:
    """The right configuration with values put at places written as `metrics__seats__window`; None removes."""
    changed = copy.deepcopy(tables())
    for place, value in places.items():
        *way, last = place.split("__")
        table = changed
        for step in way:
            table = table.setdefault(step, {})
        if value is None:
            table.pop(last, None)
        else:
            table[last] = value
    return changed


def mistakes(wrong: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(wrong)
    return caught.value.mistakes


def test_what_is_right_is_taken_as_meant() -> None:
    config = parse(tables())
    windows = {key: metric.window for key, metric in config.metrics.items()}
    assert windows == {
        "api_calls": "billing_period",
        "data_gb": "month",
        "seats": "trailing_30d",
        "storage_gb": "current",
    }
    assert config.metrics["api_calls"].event == ("api_request",)
    assert config.plans["starter"].overage == {"api_calls": Decimal("0.002")}
    assert config.plans["Growth 2026"].price == Decimal("499.50")
    assert config.slack.managers == ("S0REVOPS",)
    assert config.schedule.interval == timedelta(hours=6)
    assert config.thresholds.approaching == (80, 90, 100, 120)


def test_the_example_of_the_repository_is_right() -> None:
    config = load(Path(__file__).parents[3] / "headroom.toml")
    assert {metric.measure for metric in config.metrics.values()} == {"count", "sum", "people", "level"}
    assert config.plans


def test_accounts_may_be_email_domains() -> None:
    wrong_without = changed(account={"by": "email_domain", "plan": "plan"})
    assert parse(wrong_without).account.group_type is None


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (
            changed(metrics__api_calls__measure="cout"),
            'metrics.api_calls.measure: "cout" is none of count, sum, people, level. Did you mean "count"?',
        ),
        (
            changed(metrics__api_calls__mesure="count"),
            'metrics.api_calls.mesure: is not known here. Did you mean "measure"?',
        ),
        (changed(metrics__api_calls__label=None), 'metrics.api_calls.label: is missing. Add label = "API calls".'),
        (changed(metrics__api_calls__event=None), "metrics.api_calls.event: is missing. "),
        (changed(metrics__api_calls__event=["a", "a"]), 'metrics.api_calls.event: "a" stands there twice. Remove one.'),
        (changed(metrics__data_gb__property=None), "metrics.data_gb.property: is missing. "),
        (changed(metrics__data_gb__property="a`b"), 'metrics.data_gb.property: "a`b" cannot be a property name here'),
        (changed(metrics__data_gb__property="a" * 101), "metrics.data_gb.property: "),
        (
            changed(metrics__seats__driver_property="x"),
            'metrics.seats.driver_property: goes with measure "count" or "sum"',
        ),
        (
            changed(signals__invite_events=["invited"], signals__invite_person=None),
            "signals.invite_person: is missing. ",
        ),
        (changed(metrics__storage_gb__driver_property="x"), "metrics.storage_gb.driver_property: goes with measure "),
        (
            changed(metrics__data_gb__driver_property="a`b"),
            'metrics.data_gb.driver_property: "a`b" cannot be a property',
        ),
        (changed(metrics__seats__window="current"), 'metrics.seats.window: "current" does not fit measure "people"'),
        (changed(metrics__storage_gb__group_property=None), "metrics.storage_gb.group_property: is missing. "),
        (changed(metrics__storage_gb__event="x"), "metrics.storage_gb.event: does not go with group_property."),
        (
            changed(metrics__storage_gb={"label": "S", "measure": "level", "event": "x"}),
            "metrics.storage_gb.property: ",
        ),
        (changed(metrics={}), "metrics: is empty. "),
        (
            changed(**{"metrics__!rejections": {"label": "R", "measure": "count", "event": "x"}}),
            'metrics."!rejections": "!rejections" must be small letters',
        ),
        (changed(metrics__Seats={"label": "S", "measure": "count", "event": "x"}), "Say [metrics.seats]."),
        (changed(account__group_type=None), 'account.group_type: is missing. Add group_type = "company"'),
        (changed(account__by="email_domain"), 'account.group_type: does not go with by = "email_domain".'),
        (changed(plans__starter__price=None), "plans.starter.price: is missing. Add price = 99."),
        (changed(plans__starter__price=-1), "plans.starter.price: -1 is below 0."),
        (changed(plans__starter__price="99"), 'plans.starter.price: "99" is not a number. Leave the quotes out.'),
        (changed(plans__starter__price=True), "plans.starter.price: true is not a number."),
        (changed(plans__starter__limits__seats=0), "plans.starter.limits.seats: 0 is not above 0."),
        (changed(plans__starter__limits__seats=Decimal("inf")), "plans.starter.limits.seats: Infinity is not a finite"),
        (
            changed(plans__starter__limits__api_cals=1),
            'plans.starter.limits.api_cals: no such metric. Did you mean "api_calls"?',
        ),
        (changed(plans__starter__overage__tokens=1), "plans.starter.overage.tokens: no such metric. Add the table"),
        (changed(signals__lockout_feature=None), "signals.lockout_feature: is missing. "),
        (changed(signals__billing_paths=["billing"]), 'signals.billing_paths: "billing" does not begin with a slash.'),
        (changed(thresholds__approaching=[]), "thresholds.approaching: is empty."),
        (
            changed(thresholds__approaching=[90, 80]),
            "thresholds.approaching: must rise, each level once. Write [80, 90].",
        ),
        (changed(thresholds__approaching=[80, 1001]), "thresholds.approaching[1]: 1001 is not within 1 to 1000."),
        (changed(thresholds__growth_probability=1), "thresholds.growth_probability: 1 is not between 0 and 1"),
        (
            changed(thresholds__metrics__seat__approaching=[70]),
            'thresholds.metrics.seat: no such metric. Did you mean "seats"?',
        ),
        (
            changed(thresholds__plans__startr__approaching=[70]),
            'thresholds.plans.startr: no such plan. Did you mean "starter"?',
        ),
        (
            changed(thresholds__plans__starter__metrics__data__approaching=[70]),
            'thresholds.plans.starter.metrics.data: no such metric. Did you mean "data_gb"?',
        ),
        (
            changed(thresholds__plans__starter__metrics__seats__approaching=[90, 70]),
            "thresholds.plans.starter.metrics.seats.approaching: must rise, each level once. Write [70, 90].",
        ),
        (
            changed(thresholds__metrics__seats={}),
            "thresholds.metrics.seats.approaching: is missing. Add approaching = [70, 90].",
        ),
        (
            changed(thresholds__metrics__seats__growth_probability=0.5, thresholds__metrics__seats__approaching=[70]),
            "thresholds.metrics.seats.growth_probability: is not known here. Known: approaching.",
        ),
        (changed(thresholds__plans__starter={}), "thresholds.plans.starter: is empty. Add approaching = [70, 90]"),
        (changed(slack__channel="#sales"), 'slack.channel: "#sales" is a channel\'s name, and names change. '),
        (changed(slack__save_channel="#save"), 'slack.save_channel: "#save" is a channel\'s name, and names change. '),
        (changed(slack__channel=None), 'slack.channel: is missing. Add channel = "C0123ABCD".'),
        (changed(slack=None), 'slack: is missing. Add the table [slack] with channel = "C0123ABCD".'),
        (changed(slack__managers=["@anna"]), 'slack.managers[0]: "@anna" is neither a user\'s id'),
        (changed(crm__currency="€"), 'crm.currency: "€" is not a currency\'s three capital letters'),
        (changed(crm__kind="pipe"), f'crm.kind: "pipe" is none of {", ".join(kinds())}. Did you mean "pipedrive"?'),
        (
            changed(crm__follow_up={"subject": "Call {acount}"}),
            'crm.follow_up.subject: {acount} cannot stand in "Call {acount}". Did you mean "account"?',
        ),
        (changed(crm__follow_up={"subject": "Call {0}"}), "Write {account} or {plan}."),
        (changed(crm__follow_up={"subject": "{account.key}"}), "crm.follow_up.subject: {account.key} cannot stand in"),
        (changed(crm__follow_up={"subject": "{account!r}"}), "crm.follow_up.subject: {account} cannot stand in"),
        (changed(crm__follow_up={"subject": "Call {account"}), "has a brace without its partner. Write {{ and }}"),
        (changed(crm__follow_up={"subject": ""}), 'crm.follow_up.subject: "" must be a line of 1 to 200 characters.'),
        (changed(crm__follow_up={"due_in_days": -1}), "crm.follow_up.due_in_days: -1 is not within 0 to 3650."),
        (changed(schedule__every="7h"), 'schedule.every: "7h" does not divide a day.'),
        (changed(schedule__every="1m"), 'schedule.every: "1m" is too often'),
        (changed(schedule__every="hourly"), 'schedule.every: "hourly" is not a duration.'),
        (changed(account=5), "account: 5 is not a table. Write [account] with its keys below."),
    ],
)
def test_each_mistake_has_its_place_and_fix(wrong: dict[str, Any], line: str) -> None:
    assert [mistake for mistake in mistakes(wrong) if line in mistake], mistakes(wrong)
    assert len(mistakes(wrong)) == 1
    assert mistakes(wrong)[0].startswith("headroom.toml: ")
    assert "\n" not in mistakes(wrong)[0]


@pytest.mark.parametrize(
    ("metric", "plan", "levels"),
    [
        ("api_calls", "starter", (75, 100)),
        ("seats", "starter", (60,)),
        ("seats", "Growth 2026", (70, 90)),
        ("seats", None, (70, 90)),
        ("api_calls", "Growth 2026", None),
        ("api_calls", "a plan that is gone", None),
    ],
)
def test_the_most_specific_levels_win(metric: str, plan: str | None, levels: Any) -> None:
    specific = {
        "metrics": {"seats": {"approaching": [70, 90]}},
        "plans": {"starter": {"approaching": [75, 100], "metrics": {"seats": {"approaching": [60]}}}},
    }
    thresholds = parse(changed(thresholds=specific)).thresholds
    assert thresholds.own_levels(metric, plan) == levels
    assert thresholds.exceptions == ("metric seats", "plan starter")
    assert thresholds.defaults.approaching == (80, 90, 100, 120)


def test_every_mistake_is_told_at_once() -> None:
    found = mistakes(
        changed(
            colour=1,
            metrics__api_calls__measure="cout",
            metrics__data_gb={"label": 5, "measure": "sum", "event": "x", "window": "current"},
            plans__starter__limits__api_cals=-1,
            account__group_type=None,
            slack__channel="sales",
            schedule__every="7h",
        )
    )
    places = {line.split(": ")[1] for line in found}
    assert places == {
        "colour",
        "metrics.api_calls.measure",
        "metrics.data_gb.label",
        "metrics.data_gb.property",
        "metrics.data_gb.window",
        "plans.starter.limits.api_cals",
        "account.group_type",
        "slack.channel",
        "schedule.every",
    }


def test_a_file_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"headroom\.toml: is not there\. Make one with `headroom init`"):
        load(tmp_path / "headroom.toml")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[account]\nname = \n", "line 2, column 8: Invalid value."),
        (b"a = [1\n", "the end: Unclosed array."),
        (b'label = "\xff"', "is not UTF-8 text (byte 9). Save it as UTF-8."),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "headroom.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert words in caught.value.mistakes[0]


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "headroom.toml"
    file.write_text(RIGHT, encoding="utf-8-sig")
    assert load(file).account.plan == "plan"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PLACES = st.sampled_from(
    [
        f"{table}__{key}"
        for table, model in {
            "account": "group_type by name",
            "metrics__api_calls": "label measure event window property group_property limit_property",
            "plans__starter": "price limits overage label",
            "signals": "lockout_events lockout_feature billing_paths page_property",
            "thresholds": "approaching growth_probability metrics plans",
            "thresholds__metrics": "seats nothing",
            "thresholds__plans__starter": "approaching metrics",
            "slack": "channel save_channel managers",
            "crm": "kind currency close_in_days",
            "schedule": "every",
        }.items()
        for key in model.split()
    ]
    + ["account", "metrics", "plans", "signals", "slack", "metrics__api_calls", "plans__starter"]
)


@given(PLACES, VALUES)
def test_no_value_anywhere_brings_more_than_a_complaint(place: str, value: Any) -> None:
    found: list[str] = []
    try:
        assert isinstance(parse(changed(**{place: value})), Config)
    except ConfigError as error:
        found = error.mistakes
    assert all("\n" not in line and len(line) < 500 for line in found)
