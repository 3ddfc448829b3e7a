"""Rows of a snapshot at a time, so that memory does not grow with the number of accounts."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from detectors.base import Columns, Findings, Forecast, Ints, Sightings, Snapshot, Usage

Value = TypeVar("Value", bound=np.generic)


def batches(snapshot: Snapshot, size: int) -> Iterator[tuple[int, Snapshot]]:
    """The snapshot cut into runs of rows, each with the index of its first row. Histories are not copied."""
    lockouts, billing, save = map(_by_account, (snapshot.lockouts, snapshot.billing_visits, snapshot.save_visits))
    for start in range(0, len(snapshot.active_people), size):
        rows = slice(start, start + size)
        yield (
            start,
            Snapshot(
                today=snapshot.today,
                usages={metric: usage_rows(usage, rows) for metric, usage in snapshot.usages.items()},
                rejections=snapshot.rejections[rows],
                requests=snapshot.requests[rows],
                active_people=snapshot.active_people[rows],
                lockouts=_sighting_rows(lockouts, start, size),
                billing_visits=_sighting_rows(billing, start, size),
                save_visits=_sighting_rows(save, start, size),
                invited_people=None if snapshot.invited_people is None else snapshot.invited_people[rows],
            ),
        )


def joined(parts: Sequence[tuple[int, Findings]]) -> Findings:
    """The findings of one detector on one metric in all batches as one, in the order of the snapshot's rows."""
    found = [part for _, part in parts]
    first = found[0]
    return Findings(
        first.kind,
        first.metric,
        first.weight,
        rows=np.concatenate([part.rows + start for start, part in parts]),
        fires=np.concatenate([part.fires for part in found]),
        strength=np.concatenate([part.strength for part in found]),
        level=_join([part.level for part in found]),
        held_level=_join([part.held_level for part in found]),
        evidence={name: _known(np.concatenate([part.evidence[name] for part in found])) for name in first.evidence},
        subject=_join([part.subject for part in found]),
        saves=_join([part.saves for part in found]),
    )


def blank_forecast(count: int) -> Forecast:
    """Room for the forecasts of that many rows."""
    numbers = {field.name: np.zeros(count) for field in fields(Forecast) if field.name != "enough"}
    return Forecast(enough=np.zeros(count, np.bool_), **numbers)


def put(target: Forecast, start: int, part: Forecast) -> None:
    """Write one batch's forecasts into their place."""
    for field in fields(Forecast):
        column = getattr(part, field.name)
        getattr(target, field.name)[start : start + len(column)] = column


def _join(columns: Sequence[npt.NDArray[Value] | None]) -> npt.NDArray[Value] | None:
    given = [column for column in columns if column is not None]
    return np.concatenate(given) if given else None


def _known(column: Columns) -> Columns:
    """The column with NaN, as for anything unknown, where a figure is beyond all numbers."""
    if not np.issubdtype(column.dtype, np.floating):
        return column
    figures = column.astype(np.float64)
    return np.where(np.isinf(figures), np.nan, figures)


def usage_rows(usage: Usage, rows: slice | Ints) -> Usage:
    """The same metric of only these rows."""
    columns = {
        field.name: getattr(usage, field.name)[rows]
        for field in fields(usage)
        if isinstance(getattr(usage, field.name), np.ndarray)
    }
    return replace(usage, **columns)


def _by_account(sightings: Sightings) -> Sightings:
    return _take(sightings, np.argsort(sightings.account, kind="stable"))


def _sighting_rows(ordered: Sightings, start: int, size: int) -> Sightings:
    first, end = np.searchsorted(ordered.account, [start, start + size])
    part = _take(ordered, slice(int(first), int(end)))
    return replace(part, account=part.account - start)


def _take(sightings: Sightings, rows: slice | Ints) -> Sightings:
    return Sightings(**{field.name: getattr(sightings, field.name)[rows] for field in fields(sightings)})
