"""Each fact that the configuration may name has a value of the kind that it is said to have."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.config.facts import FACTS
from bot.deals.facts import Fact, facts
from bot.deals.note import Evidence
from bot.model import Account, Opportunity, Signal
from bot.slack.words import CardLabels, sentence
from crm.base import FieldKind
from tests.bot.deals.world import SIGNAL, config
from tests.bot.slack.samples import NOW

KINDS: dict[FieldKind, type] = {"text": str, "number": Decimal, "date": date}
ACCOUNT = Account("acct_1", "Acme Corp", "acme.example", "starter", Decimal("1188.005"), "owner@vendor.example")


def told(account: Account = ACCOUNT, signals: tuple[Signal, ...] = (SIGNAL,), **changes: Any) -> dict[str, Fact]:
    given: dict[str, Any] = {
        "plan": "starter",
        "recommended_plan": "growth",
        "delta_arr": Decimal(4800),
        "overage_cost": Decimal("310.129"),
        **changes,
    }
    one = Opportunity(
        id=1,
        key="k",
        account=account,
        state="open",
        polarity="upsell",
        score=83,
        points={},
        signals=signals,
        history=(),
        opened_at=NOW,
        updated_at=NOW,
        version=1,
        **given,
    )
    wanted = config("pipedrive")
    say = partial(sentence, labels=CardLabels.of(wanted, "UTC"))
    return dict(facts(Evidence(one, wanted, say, "https://team.slack.example/archives/C1/p1")))


def test_facts_and_configuration_agree() -> None:
    known = told()
    assert list(known) == list(FACTS)
    assert {name for name, value in known.items() if not isinstance(value, KINDS[FACTS[name]])} == set()


def test_the_facts_of_an_opportunity() -> None:
    assert told() == {
        "account_key": "acct_1",
        "account_name": "Acme Corp",
        "domain": "acme.example",
        "account_owner": "owner@vendor.example",
        "plan": "Starter",
        "recommended_plan": "Growth",
        "arr": Decimal("1188.00"),
        "delta_arr": Decimal(4800),
        "overage_cost": Decimal("310.13"),
        "score": Decimal(83),
        "polarity": "upsell",
        "signals": "close to a limit",
        "metric": "API calls",
        "used": Decimal(92100),
        "limit": Decimal(100000),
        "used_percent": Decimal(92),
        "probability_percent": Decimal(97),
        "crosses_on": date(2026, 11, 26),
        "opened_on": date(2026, 11, 21),
        "card": "https://team.slack.example/archives/C1/p1",
    }


def test_what_is_not_known_is_nothing() -> None:
    bare = told(Account("acct_1", ""), (), plan=None, recommended_plan=None, delta_arr=None, overage_cost=None)
    assert {name for name, value in bare.items() if value is not None} == {
        "account_key",
        "score",
        "polarity",
        "opened_on",
        "card",
    }


@pytest.mark.parametrize("figure", [float("nan"), float("inf")])
def test_a_figure_that_is_none_is_nothing(figure: float) -> None:
    odd = told(signals=(replace(SIGNAL, used=figure, ratio=figure, probability=figure),))
    assert (odd["used"], odd["used_percent"], odd["probability_percent"]) == (None, None, None)


@pytest.mark.parametrize("name", ["two\nlines\t\x00", "n" * 5000, "\u202eevil", "\ud800half"])
def test_a_text_is_one_line_of_visible_characters(name: str) -> None:
    text = told(Account("acct_1", name))["account_name"]
    assert isinstance(text, str)
    assert text.isprintable()
    assert len(text) <= 200


def test_the_readme_names_every_fact() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    table = readme.partition("| fact | what it is |")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])] == list(FACTS)
