"""Doctor's look at the CRM: the fields that we fill, whether each can hold what it is given."""

from typing import Any

import pytest

from bot.config import Config, parse
from bot.config.mistakes import ConfigError
from bot.doctor import deals
from crm.base import DealField

KNOWN = [
    DealField("Usage score", "number"),
    DealField("Plan", "choice", ("Starter", "Growth")),
    DealField("Renewal", "date"),
    DealField("Text", "text"),
    DealField("Trial", "boolean"),
]


def config(fields: dict[str, Any]) -> Config:
    plans = {"starter": {"price": 99}, "growth": {"price": 499}}
    return parse(
        {
            "account": {"group_type": "company"},
            "metrics": {"calls": {"label": "Calls", "measure": "count", "event": "call"}},
            "plans": plans,
            "slack": {"channel": "C0SALES"},
            "crm": {"kind": "pipedrive", "fields": fields},
        }
    )


def complaint(name: str, source: Any) -> str | None:
    return next((check.what for check in deals.fields(config({name: source}), KNOWN)), None)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("Usage score", "score"),
        ("usage SCORE", "delta_arr"),
        ("Plan", "recommended_plan"),
        ("Plan", {"value": "growth"}),
        ("Renewal", "crosses_on"),
        ("Text", "used"),
        ("Trial", {"value": True}),
    ],
)
def test_a_field_that_fits_is_fine(name: str, source: Any) -> None:
    assert complaint(name, source) is None


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [
        ("Usage score", "plan", "holds a number and cannot take a text"),
        ("Renewal", "score", "holds a date and cannot take a number"),
        ("Plan", "domain", "only a plan or a fixed value fits"),
        ("Plan", {"value": "Enterprise"}, "has no option Enterprise; it has Starter, Growth"),
        ("Trial", {"value": 1}, "holds a boolean and cannot take a number"),
    ],
)
def test_a_field_that_cannot_hold_it_is_told(name: str, source: Any, words: str) -> None:
    assert words in (complaint(name, source) or "")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("scores", 'is no fact of an opportunity. Did you mean "score"?'),
        ("something else", "Known are account_key"),
        ({"value": ""}, "is no fixed value"),
        ({"values": "x"}, "is no fixed value"),
        (3, "is no fact of an opportunity"),
    ],
)
def test_what_is_no_fact_is_refused_with_its_place(source: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config({"Lead source": source})
    (line,) = caught.value.mistakes
    assert line.startswith('headroom.toml: crm.fields."Lead source": ')
    assert words in line
