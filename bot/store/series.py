"""Daily series, packed: one row per account and stream, so that 50,000 accounts load in seconds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
from sqlalchemy import delete, select

from bot.store.database import Transaction
from bot.store.tables import WORKSPACE, series
from bot.store.writing import PART, parts, upsert

Floats = npt.NDArray[np.float64]
PACKED = np.dtype("<f8")
KEEP_DAYS = 180
FEW = 100  # accounts that are asked for by name; of more, the whole stream is read


def load(
    tx: Transaction, stream: str, rows: Mapping[str, int], today: date, days: int = KEEP_DAYS
) -> tuple[Floats, Floats]:
    """Values [n, days], the last column today, NaN where unknown; and the last event [n] in seconds, NaN: none.

    `rows` gives each account's row.
    """
    values, last_event = np.full((len(rows), days), np.nan), np.full(len(rows), np.nan)
    columns = (series.c.account_key, series.c.first_day, series.c["values"], series.c.last_event)
    query = select(*columns).where(series.c.workspace == WORKSPACE, series.c.stream == stream)
    if len(rows) <= FEW:
        query = query.where(series.c.account_key.in_(list(rows)))
    first = today - timedelta(days=days - 1)
    for part in tx.execute(query).partitions(PART):
        alike: defaultdict[tuple[int, int], list[tuple[int, bytes]]] = defaultdict(list)
        for key, first_day, stored, last in part:
            row = rows.get(key)
            if row is None:
                continue
            alike[(first_day - first).days, len(stored) // PACKED.itemsize].append((row, stored))
            if last is not None:
                last_event[row] = last.timestamp()
        for (start, width), packed in alike.items():
            _place(values, start, width, packed)
    return values, last_event


def _place(values: Floats, start: int, width: int, packed: list[tuple[int, bytes]]) -> None:
    """Rows that begin on the same day and are equally long are unpacked at once: mostly that is all of them."""
    low, high = max(start, 0), min(start + width, values.shape[1])
    if low < high:
        known = np.frombuffer(b"".join(stored for _, stored in packed), PACKED).reshape(-1, width)
        values[[row for row, _ in packed], low:high] = known[:, low - start : high - start]


def merge(
    before: Floats,
    rows: Mapping[str, int],
    today: date,
    days_read: Iterable[date],
    read: tuple[Sequence[str], Sequence[date], Sequence[float]],
    absent: float = 0.0,
) -> Floats:
    """`before` with the days that were read replaced: an account without a value on such a day has `absent`.

    `read` is the columns account, day, value. What was not read stays as it was.
    """
    after = before.copy()
    width = before.shape[1]
    column = {day: width - 1 - (today - day).days for day in days_read if 0 <= (today - day).days < width}
    after[:, list(column.values())] = absent
    accounts, days, values = read
    if len(accounts):
        at_row = np.fromiter((rows.get(key, -1) for key in accounts), np.int64, len(accounts))
        at_column = np.fromiter((column.get(day, -1) for day in days), np.int64, len(accounts))
        known = (at_row >= 0) & (at_column >= 0)
        after[at_row[known], at_column[known]] = np.asarray(values, np.float64)[known]
    return after


def save(
    tx: Transaction,
    stream: str,
    keys: Sequence[str],
    today: date,
    values: Floats,
    last_event: Floats,
    chosen: Iterable[int],
) -> None:
    """Store the chosen rows; `values` as `load` gives them."""
    first_day = today - timedelta(days=values.shape[1] - 1)
    for part in parts([int(row) for row in chosen]):
        upsert(
            tx,
            series,
            [
                {
                    "stream": stream,
                    "account_key": keys[row],
                    "first_day": first_day,
                    "values": values[row].tobytes(),
                    "last_event": None if np.isnan(last_event[row]) else datetime.fromtimestamp(last_event[row], UTC),
                }
                for row in part
            ],
        )


def changed(before: Floats, after: Floats) -> npt.NDArray[np.int64]:
    """The rows in which anything differs; NaN equals NaN."""
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    return np.flatnonzero(~same.all(axis=1))


def forget(tx: Transaction, stream: str) -> None:
    """What was read under another project, time zone or configuration does not mix with what is read now."""
    tx.execute(delete(series).where(series.c.workspace == WORKSPACE, series.c.stream == stream))
