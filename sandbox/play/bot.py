"""The bot's own process: `headroom run` as it is, but for the clock, which is the sandbox's."""

import os
import sys
import threading
from pathlib import Path

from bot.app import Headroom, stop_on_signals
from bot.config import startup
from bot.redaction import configure_logging
from sandbox.play.clock import SharedClock

TICK_SECONDS = 0.25  # the sandbox's day may last less than a second


def main(clock_file: Path) -> None:
    """Settings come from the environment, as anywhere."""
    stopping = threading.Event()
    stop_on_signals(stopping)
    threading.Thread(target=_watch, args=(os.getppid(), stopping), daemon=True, name="parent").start()
    configure_logging("INFO")
    settings, configuration = startup.read("slack", "slack_events", "posthog", "crm")
    Headroom(settings, configuration, SharedClock(clock_file), TICK_SECONDS).run(stopping)


def _watch(parent: int, stopping: threading.Event) -> None:
    """Whose sandbox has been killed has nothing left to do."""
    while not stopping.wait(1.0):
        if os.getppid() != parent:
            stopping.set()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
