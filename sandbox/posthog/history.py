"""Months of events from daily counts: ClickHouse itself expands them to one row an event."""

# ruff: noqa: S608 - names in this SQL are our own
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from sandbox.posthog import clickhouse
from sandbox.posthog.project import Project


@dataclass(frozen=True, slots=True)
class Series:
    """One event of one account: how many a day, oldest first, the last day being today.

    The events of a day are spread evenly over it, and over the people p-<account>-1, p-<account>-2 and so on.
    """

    account: str
    event: str
    counts: Sequence[int] | npt.NDArray[np.int64]
    people: int = 1
    properties: Mapping[str, Any] = field(default_factory=dict)
    amount: str | None = None  # the property that holds the day's amount, the same in each event of the day
    amounts: Sequence[float] | npt.NDArray[np.float64] = ()
    sessions: bool = False  # one $session_id a person and day

    def row(self, number: int) -> dict[str, Any]:
        return {
            "series": number,
            "account": self.account,
            "event": self.event,
            "people": self.people,
            "properties": json.dumps(dict(self.properties), ensure_ascii=False)[1:-1],
            "amount": self.amount or "",
            "sessions": int(self.sessions),
        }

    def cells(self, number: int) -> npt.NDArray[np.void]:
        """The days on which there is something, as ClickHouse's RowBinary has them."""
        counts = np.asarray(self.counts)
        days = np.flatnonzero(counts)
        cells = np.zeros(len(days), CELL)
        cells["series"], cells["day"], cells["count"] = number, days + 1, counts[days]
        if self.amount:
            cells["value"] = np.asarray(self.amounts)[days]
        return cells


def days_until(now: datetime, zone: ZoneInfo, days: int) -> list[date]:
    """The given number of whole days and today, oldest first."""
    today = now.astimezone(zone).date()
    return [today - timedelta(days=back) for back in range(days, -1, -1)]


def load(project: Project, series: Iterable[Series], days: Sequence[date], now: datetime) -> None:
    """Days are the project's; today ends now."""
    zone = ZoneInfo(project.timezone)
    starts = [datetime.combine(day, time(), zone).timestamp() for day in days]
    _load(project, series, [*starts, now.timestamp()])


def load_between(project: Project, series: Iterable[Series], start: datetime, end: datetime) -> None:
    """The one count of each series is spread over this time."""
    _load(project, series, [start.timestamp(), end.timestamp()])


def _load(project: Project, series: Iterable[Series], starts: Sequence[float]) -> None:
    """Where each day begins, and where the last one ends."""
    with (
        tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as lines,
        tempfile.NamedTemporaryFile() as cells,
    ):
        for number, one in enumerate(series):
            project.saw("event", [*one.properties, *filter(None, [one.amount]), *["$session_id"] * one.sessions])
            lines.write(json.dumps(one.row(number), ensure_ascii=False) + "\n")
            cells.write(one.cells(number).tobytes())
        lines.flush()
        cells.flush()
        clickhouse.run(_expansion(project.database, lines.name, cells.name, [int(start) for start in starts]))


ROWS = "series UInt32, account String, event String, people UInt32, properties String, amount String, sessions UInt8"
CELL = np.dtype([("series", "<u4"), ("day", "<u2"), ("count", "<u4"), ("value", "<f8")])
CELLS = "series UInt32, day UInt16, count UInt32, value Float64"


def _expansion(database: str, series: str, cells: str, starts: list[int]) -> str:
    """A row an account and event, joined to one for each of its days, becomes one an event."""
    return f"""
        INSERT INTO {database}.events (event, properties, timestamp, created_at, distinct_id, `$group_0`)
        WITH {starts} AS starts
        SELECT event,
            concat('{{', arrayStringConcat(arrayFilter(part -> part != '', [
                properties,
                if(amount = '', '', concat('"', amount, '": ', toString(value))),
                if(sessions, concat('"$session_id": "s-', account, '-', toString(person), '-', toString(day), '"'), '')
            ]), ', '), '}}') AS told,
            fromUnixTimestamp64Micro(toInt64(
                starts[day] * 1000000 + (starts[day + 1] - starts[day]) * 1000000 * (number + 0.5) / count
            ), 'UTC') AS at,
            at, concat('p-', account, '-', toString(person)), account
        FROM (
            SELECT account, event, properties, amount, value, sessions, day, count,
                number, number % people + 1 AS person
            FROM file('{cells}', 'RowBinary', '{CELLS}') AS c
            JOIN file('{series}', 'JSONEachRow', '{ROWS}') AS s ON c.series = s.series
            ARRAY JOIN range(count) AS number
        )
        SETTINGS min_insert_block_size_rows = 200000, min_insert_block_size_bytes = 50000000, max_block_size = 32768"""
