"""Names and figures as Slack shows them."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.text import (
    chance,
    day,
    day_range,
    escape,
    expected,
    moment,
    money,
    number,
    percent,
    percent_used,
    plain,
    shorten,
    sparkline,
    used_of,
)
from tests.bot.slack.samples import HOSTILE, hostile_text


@given(hostile_text)
def test_an_escaped_text_holds_nothing_that_slack_reads(text: str) -> None:
    safe = escape(text)
    assert not set(safe) & set("<>*~`\n\r\u202e\u200b\x00")
    safe.encode()  # raises on a lone surrogate
    for part in safe.split("&")[1:]:
        assert part.startswith(("amp;", "lt;", "gt;"))


@pytest.mark.parametrize("name", ["O'Neil & Sons", "acct_7", "Łódź GmbH", "日本", 'Say "hi"'])
def test_usual_names_stay_as_they_are(name: str) -> None:
    assert escape(name).replace("&amp;", "&") == name


@pytest.mark.parametrize("name", HOSTILE)
def test_plain_text_holds_no_angle_brackets(name: str) -> None:
    assert not set(plain(name)) & set("<>\n")
    assert len(plain(name)) <= 80


@given(st.text("ab&<>", max_size=40).map(lambda text: str(escape(text))), st.integers(1, 60))
def test_shortening_never_cuts_an_entity(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert all(part.startswith(("amp;", "lt;", "gt;")) for part in short.split("&")[1:])


def test_a_link_is_dropped_rather_than_cut() -> None:
    assert shorten("see <https://crm.example/deal/1|the deal>", 30) == "see…"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234.0, "1,234"),
        (0.5, "0.5"),
        (0.04, "0.04"),
        (92100, "92,100"),
        (12_345_678, "12.3M"),
        (2.5e9, "2.5B"),
        (1e300, "1e+300"),
        (math.nan, "unknown"),
        (None, "unknown"),
    ],
)
def test_numbers(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_a_share_is_never_rounded_up_to_a_limit() -> None:
    assert [percent_used(share) for share in (0.929, 0.9999, 1.0, 0.29)] == ["92 %", "99 %", "100 %", "29 %"]
    assert [percent(share) for share in (0.096, 0.974, 1.0, 0.29)] == ["10 %", "97 %", "100 %", "29 %"]


def test_nothing_that_is_yet_to_come_is_certain() -> None:
    told = [chance(probability) for probability in (0.97, 0.994, 0.9999, 1.0, 0.004, 0.0, None)]
    assert told == ["97 %", "99 %", "over 99 %", "over 99 %", "under 1 %", "under 1 %", "unknown"]


@pytest.mark.parametrize(
    ("used", "limit", "says"),
    [
        (92_100, 100_000, "92,100 of 100,000"),
        (999, 1000, "999 of 1,000"),
        (49.96, 50, "49.96 of 50"),
        (50.004, 50, "50.004 of 50"),
        (1000.4, 1000, "1,000.4 of 1,000"),
        (99_970_000, 100_000_000, "99,970,000 of 100,000,000"),
        (50, 50, "50 of 50"),
        (50 - 1e-9, 50, "50 of 50"),
        (1e15, 10, "1e+15 of 10"),
        (None, 10, "unknown of 10"),
    ],
)
def test_figures_near_a_limit_are_told_apart_from_it(used: float | None, limit: float, says: str) -> None:
    assert used_of(used, limit) == says


def test_money() -> None:
    assert money(Decimal(4800), "EUR", signed=True) == "+€4,800"
    assert money(Decimal("-1200.4"), "USD") == "-$1,200"
    assert money(Decimal(4800), "SEK") == "4,800 SEK"
    assert money(None, "EUR") == "unknown"


def test_days() -> None:
    assert day(date(2026, 11, 26)) == "Thu 26 Nov"
    assert expected(date(2026, 11, 24), (date(2026, 11, 24), date(2026, 11, 24))) == "Tue 24 Nov"
    assert day_range(date(2026, 11, 24), date(2026, 11, 29)) == "24 to 29 Nov"
    assert day_range(date(2026, 11, 28), date(2026, 12, 3)) == "28 Nov to 3 Dec"
    assert moment(datetime(2026, 11, 21, 23, 58, tzinfo=UTC), "Europe/Berlin") == "22 Nov 00:58"


def test_a_sparkline_starts_at_zero_and_leaves_gaps() -> None:
    assert sparkline([None, 0, 4, math.nan, 8, 8, 8]) == "▁▅ ███"
    assert sparkline([0.0] * 5) == "▁▁▁▁▁"
    assert sparkline([]) == sparkline([1.0] * 4) == sparkline([None] * 9 + [1.0] * 4) == ""
    assert len(sparkline([1.0] * 90)) == 14
