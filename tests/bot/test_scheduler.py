"""The clock: slots are the same on every replica, and who was away finds one of them due."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.scheduler import slot

HOUR = timedelta(hours=1)


def test_a_slot_is_the_last_full_interval() -> None:
    assert slot(datetime(2026, 11, 22, 9, 59, 59, tzinfo=UTC), HOUR) == datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert slot(datetime(2026, 11, 22, 10, tzinfo=UTC), HOUR) == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert slot(datetime(2026, 11, 22, 10, tzinfo=UTC), timedelta(days=1)) == datetime(2026, 11, 22, tzinfo=UTC)


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds it
    st.sampled_from([timedelta(minutes=5), timedelta(minutes=15), HOUR, timedelta(hours=6), timedelta(days=1)]),
)
def test_every_moment_has_exactly_one_slot(now: datetime, every: timedelta) -> None:
    assert slot(now, every) <= now < slot(now, every) + every
    assert slot(slot(now, every), every) == slot(now, every)
