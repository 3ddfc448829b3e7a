"""Billing periods: they tile time without gap or overlap, and the 31st never drifts."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.periods import AnchorError, anchor_day, day_start, period


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2026, 1, 31), (date(2026, 1, 31), date(2026, 2, 28))),
        (date(2026, 2, 28), (date(2026, 2, 28), date(2026, 3, 31))),
        (date(2026, 3, 30), (date(2026, 2, 28), date(2026, 3, 31))),
        (date(2024, 2, 29), (date(2024, 2, 29), date(2024, 3, 31))),
        (date(2026, 12, 31), (date(2026, 12, 31), date(2027, 1, 31))),
    ],
)
def test_an_anchor_on_the_31st_comes_back_to_the_31st(today: date, expected: tuple[date, date]) -> None:
    assert period("31", today) == expected


@given(st.integers(1, 31), st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.integers(-3, 3))
def test_periods_tile_time(day: int, today: date, shift: int) -> None:
    start, end = period(str(day), today)
    assert start <= today < end
    assert 28 <= (end - start).days <= 31
    assert period(str(day), end)[0] == end
    assert period(str(day), start - timedelta(days=1))[1] == start
    assert period(str(day), today, shift + 1)[0] == period(str(day), today, shift)[1]


@pytest.mark.parametrize(
    ("written", "day"),
    [(None, 1), ("", 1), ("15", 15), ("15.0", 15), ("2024-01-31", 31), ("2024-01-31T10:00:00Z", 31), (" 7 ", 7)],
)
def test_anchors_as_people_write_them(written: str | None, day: int) -> None:
    assert anchor_day(written) == day


@pytest.mark.parametrize("written", ["0", "32", "1.5", "soon", "2024-02-30", "nan", "inf"])
def test_a_wrong_anchor_is_refused_by_name(written: str) -> None:
    with pytest.raises(AnchorError, match=written):
        anchor_day(written)


def test_a_day_begins_at_local_midnight_on_both_sides_of_a_clock_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")

    assert day_start(date(2026, 3, 29), berlin) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert day_start(date(2026, 3, 30), berlin) == datetime(2026, 3, 29, 22, tzinfo=UTC)
