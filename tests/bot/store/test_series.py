"""Packed series: what is merged, stored and loaded again is what was read."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.store import Database, series

TODAY = date(2026, 11, 23)
WIDTH = 6
ROWS = {"a": 0, "b": 1, "c": 2}
DAYS = [TODAY - timedelta(days=age) for age in range(-1, WIDTH + 2)]  # some lie outside the window

values_read = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b", "c", "stranger"]), st.sampled_from(DAYS)),
    st.floats(0, 1e9) | st.just(float("nan")),
)
cells = st.lists(st.floats(0, 1e9) | st.just(float("nan")), min_size=3 * WIDTH, max_size=3 * WIDTH)


@given(before=cells, read=values_read, days_read=st.sets(st.sampled_from(DAYS)))
def test_merging_replaces_the_days_that_were_read_and_no_other(
    before: list[float], read: dict[tuple[str, date], float], days_read: set[date]
) -> None:
    matrix = np.array(before).reshape(3, WIDTH)
    kept = matrix.copy()
    columns = ([key for key, _ in read], [day for _, day in read], list(read.values()))
    merged = series.merge(matrix, ROWS, TODAY, days_read, columns)
    for key, row in ROWS.items():
        for column in range(WIDTH):
            day = TODAY - timedelta(days=WIDTH - 1 - column)
            expected = read.get((key, day), 0.0) if day in days_read else kept[row, column]
            np.testing.assert_equal(merged[row, column], expected)
    np.testing.assert_equal(matrix, kept)  # the old values are still at hand, to see what changed


def save(database: Database, matrix: series.Floats, today: date, rows: list[int]) -> None:
    last = np.array([np.nan, 1.79e9, 1.79e9 + 0.5])
    with database.transaction() as tx:
        series.save(tx, "api_calls", list(ROWS), today, matrix, last, rows)


def load(database: Database, today: date, days: int) -> tuple[series.Floats, series.Floats]:
    with database.read() as tx:
        return series.load(tx, "api_calls", ROWS, today, days)


def test_what_is_stored_is_loaded_and_the_window_slides(database: Database) -> None:
    matrix = np.array([[1.0, 2, np.nan, 4], [5, 6, 7, 8], [9, 10, 11, 12]])
    save(database, matrix, TODAY, [0, 1, 2])
    loaded, last = load(database, TODAY, 4)
    np.testing.assert_array_equal(loaded, matrix)
    np.testing.assert_array_equal(last, [np.nan, 1.79e9, 1.79e9 + 0.5])
    slid, _ = load(database, TODAY + timedelta(days=2), 4)
    np.testing.assert_array_equal(slid[1], [7, 8, np.nan, np.nan])
    far, _ = load(database, TODAY + timedelta(days=9), 4)
    assert np.isnan(far).all()
    wide, _ = load(database, TODAY, 6)
    np.testing.assert_array_equal(wide[2], [np.nan, np.nan, 9, 10, 11, 12])


def test_rows_of_different_ages_and_strangers_are_told_apart(database: Database) -> None:
    save(database, np.arange(12.0).reshape(3, 4), TODAY, [0, 1])
    save(database, np.arange(12.0, 24.0).reshape(3, 4), TODAY + timedelta(days=1), [1])
    with database.read() as tx:
        loaded, last = series.load(tx, "api_calls", {"b": 0, "a": 1, "new": 2}, TODAY + timedelta(days=1), 4)
    np.testing.assert_array_equal(loaded, [[16, 17, 18, 19], [1, 2, 3, np.nan], [np.nan] * 4])
    assert last[0] == datetime.fromtimestamp(1.79e9, UTC).timestamp()
    assert np.isnan(last[2])


def test_other_streams_stay_apart_and_all_can_be_forgotten(database: Database) -> None:
    save(database, np.ones((3, 4)), TODAY, [0, 1, 2])
    with database.transaction() as tx:
        assert np.isnan(series.load(tx, "seats", ROWS, TODAY, 4)[0]).all()
        series.forget(tx, "api_calls")
        assert np.isnan(series.load(tx, "api_calls", ROWS, TODAY, 4)[0]).all()


@settings(max_examples=30)
@given(cells, cells)
def test_only_rows_that_differ_are_written(before: list[float], after: list[float]) -> None:
    first, second = np.array(before).reshape(3, WIDTH), np.array(after).reshape(3, WIDTH)
    differ = [row for row in range(3) if not np.array_equal(first[row], second[row], equal_nan=True)]
    assert series.changed(first, second).tolist() == differ
