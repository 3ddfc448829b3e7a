"""What a replay of 90 days costs, against one evaluation's detection: `python -m sandbox.bench.replay [accounts ...]`.

Two settings side by side, three metrics, every account limited in each: the worst case. Both are measured over the same
accounts in this run, in processor seconds; `sample` is what a person waits for where so many accounts will do.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bot.config import Config, Thresholds, parse
from bot.evaluation import READ_STATE
from bot.model import Account
from bot.posthog.state import ReadState
from bot.replay import replay
from bot.replay.past import load
from bot.store import Database, accounts, memory, series
from detectors import scan
from detectors.base import Rules

SIZES = (1_000, 10_000, 50_000)
SAMPLE = 1_000
DAYS = 90
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
METRICS = ("api_calls", "data_gb", "seats")
PROPOSED = Thresholds(approaching=(75, 90), growth_probability=0.7)


def config() -> Config:
    return parse(
        {
            "account": {"group_type": "company", "period_anchor": "anchor"},
            "metrics": {
                "api_calls": {"label": "API calls", "measure": "count", "event": "api_request"},
                "data_gb": {"label": "Data", "measure": "sum", "event": "data", "property": "gb"},
                "seats": {"label": "Seats", "measure": "people", "event": "api_request"},
            },
            "slack": {"channel": "C0SALES"},
        }
    )


@contextmanager
def stored(size: int) -> Iterator[Database]:
    """Accounts of all sizes with a weekly rhythm, and trends of their own over half a year."""
    rng, width = np.random.default_rng(size), series.KEEP_DAYS
    limits: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{Path(folder) / 'bench.db'}", lambda: AT)
        db.migrate()
        keys = [f"acct_{number:06}" for number in range(size)]
        for metric in METRICS:
            daily = 1 + 0.3 * (np.arange(width) % 7 < 5) + 0.2 * rng.random((size, width))
            daily *= np.exp(rng.normal(0, 0.005, (size, 1)) * np.arange(width)) * rng.lognormal(5, 1, (size, 1))
            length = 1 if metric == "seats" else 30
            limits[metric] = [f"{limit:.3f}" for limit in daily[:, -90:].mean(1) * length * rng.uniform(0.9, 4, size)]
            with db.transaction() as tx:
                series.save(tx, metric, keys, AT.date(), daily, np.full(size, AT.timestamp()), range(size))
        days = rng.integers(1, 32, size)
        with db.transaction() as tx:
            accounts.save(tx, [_account(row, key, int(days[row]), limits) for row, key in enumerate(keys)])
            state = ReadState(timezone="UTC", group_index=0, asked="", watermark=AT, filled_until=AT.date())
            memory.put(tx, READ_STATE, state.to_json())
        yield db
        db.close()


def _account(row: int, key: str, day: int, limits: dict[str, list[str]]) -> Account:
    return Account(key, key, anchor=str(day), limits={metric: of[row] for metric, of in limits.items()})


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Of the processor, and of the clock on the wall."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def detection(db: Database) -> float:
    """Of one evaluation, over the columns of the last day."""
    with db.read() as tx:
        past = load(tx, config())
    if past is None:
        raise ValueError("nothing is stored")
    (whole,) = past.parts(len(past.accounts))
    columns = whole.at(0)
    return seconds(lambda: scan(columns, Rules()))[0]


def main(sizes: Sequence[int]) -> None:
    with stored(64) as db:
        replay(db, config(), 1)  # the first run loads and warms up
    for size in sizes:
        with stored(size) as db:
            once = detection(db)
            cpu, wall = seconds(lambda: replay(db, config(), DAYS, PROPOSED))
            _, waited = seconds(lambda: replay(db, config(), DAYS, PROPOSED, most=SAMPLE))
        times = f"{cpu / once:5.1f} times as much for {DAYS + 1} days and two settings"
        clock = f"{wall:.1f} s on the clock; a sample of {SAMPLE:,}: {waited:.1f} s"
        sys.stdout.write(
            f"{size:>9,} accounts  detection once {once:6.2f} s  replay {cpu:7.2f} s: {times}  ({clock})\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main([int(given) for given in sys.argv[1:]] or SIZES)
