"""The bot as a process that may be killed, as a power cut would, and started again."""

import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path

PATIENCE = 60.0


class BotProcess:
    """`environment` is all that the bot is told; its log is kept in `folder`."""

    def __init__(self, folder: Path, clock_file: Path, environment: Mapping[str, str]) -> None:
        self.port = _free_port()
        self.log = folder / "bot.log"
        self._command = [sys.executable, "-m", "sandbox.play.bot", str(clock_file)]
        self._folder = folder
        self._environment = {
            **environment,
            "HEADROOM_PORT": str(self.port),
            "HEADROOM_PUBLIC_URL": f"http://127.0.0.1:{self.port}",  # the CRM tells of changed deals at once
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/slack/events"

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Returns when the bot says that it is ready; raises what its log says if it ends instead."""
        if self.is_alive:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self._command, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if not self.is_alive or time.monotonic() > deadline:
                raise RuntimeError(f"the bot did not start:\n{self.log.read_text(encoding='utf-8', errors='replace')}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up, nothing is finished."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """SIGTERM: running work is finished first."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
