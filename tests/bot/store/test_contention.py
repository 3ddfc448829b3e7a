"""Several writers of one SQLite file: each waits for its turn, and nobody's change is lost."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from bot.store import Database, memory

WRITERS, TIMES = 4, 25


def test_sqlite_loses_no_change_to_a_value_that_is_read_and_then_written(sqlite_template: Path, tmp_path: Path) -> None:
    """Each writer has its own connections, as processes have: BEGIN IMMEDIATE is what makes this hold."""
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}"

    def count(_: int) -> None:
        database = Database(url, lambda: datetime.now(UTC))
        for _ in range(TIMES):
            with database.transaction() as tx:
                memory.put(tx, "count", (memory.get(tx, "count") or 0) + 1)
        database.close()

    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(count, range(WRITERS)))
    database = Database(url, lambda: datetime.now(UTC))
    with database.read() as tx:
        assert memory.get(tx, "count") == WRITERS * TIMES
    database.close()
