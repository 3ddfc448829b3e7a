"""One clock for two processes: the sandbox turns it, the bot follows. Between them stands a small file."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path


class SharedClock:
    """Runs as the machine's clock does, so much ahead of it; or stands still while somebody steps through the days."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __call__(self) -> datetime:
        told = json.loads(self._file.read_text(encoding="ascii"))
        if told["stands"] is not None:
            return datetime.fromisoformat(told["stands"])
        return datetime.now(UTC) + timedelta(seconds=told["ahead"])

    def set(self, at: datetime) -> None:
        """It is this moment now, and time goes on from here."""
        self._tell(ahead=(at - datetime.now(UTC)).total_seconds(), stands=None)

    def stand(self, at: datetime) -> None:
        """It is this moment until somebody says otherwise."""
        self._tell(ahead=0.0, stands=at.astimezone(UTC).isoformat())

    def _tell(self, ahead: float, stands: str | None) -> None:
        """In one step: the other process never reads half of it."""
        written = self._file.with_suffix(".new")
        written.write_text(json.dumps({"ahead": ahead, "stands": stands}), encoding="ascii")
        written.replace(self._file)
