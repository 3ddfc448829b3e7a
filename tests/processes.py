"""Headroom's command line in processes of its own, which may be killed.

Importing everything takes longer than most tests, so these processes are forked from one that has done it; from there
on they run what `python -m bot` runs.
"""

import atexit
import gc
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[1]
PATIENCE = 60.0


class Process:
    """One command. Its output is in files, since it may write more than a pipe holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pid = 0
        self.code = 0
        self.started, self.ended = threading.Event(), threading.Event()

    def wait(self, seconds: float = PATIENCE) -> int:
        """The exit code; minus the signal, where one ended it."""
        assert self.ended.wait(seconds), f"still running:\n{self.out}{self.err}"
        return self.code

    def kill(self) -> None:
        """As a power cut would: nothing can be tidied up."""
        self._send(signal.SIGKILL)
        self.wait()

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    @property
    def runs(self) -> bool:
        return not self.ended.is_set()

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text(encoding="utf-8")

    def _send(self, number: int) -> None:
        if self.runs:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return  # it has just ended by itself


class Launcher:
    """`launcher.start("evaluate", "--json", env=world.environment())`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wire, theirs = socket.socketpair()
        self._processes: list[Process] = []
        command = [sys.executable, "-m", "tests.processes", str(theirs.fileno())]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._server = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[theirs.fileno()])
        theirs.close()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, *arguments: str, env: Mapping[str, str]) -> Process:
        """`headroom` with these arguments, this environment and an empty working folder."""
        process = Process(self._folder / str(len(self._processes)))
        process.folder.mkdir()
        self._processes.append(process)
        environment = {"PATH": os.environ["PATH"], **env}
        request = {"arguments": arguments, "environment": environment, "folder": str(process.folder)}
        self._wire.sendall(json.dumps(request).encode() + b"\n")
        assert process.started.wait(PATIENCE), "the launcher does not answer"
        return process

    def run(self, *arguments: str, env: Mapping[str, str]) -> Process:
        """The same, to its end."""
        process = self.start(*arguments, env=env)
        process.wait()
        return process

    def close(self) -> None:
        for process in self._processes:
            process.kill()
        self._wire.shutdown(socket.SHUT_RDWR)
        self._server.wait(PATIENCE)
        self._reader.join()
        self._wire.close()

    def _read(self) -> None:
        """The server tells of starts in the order of the requests, and of ends by process id."""
        starting = iter(self._processes)
        running: dict[int, Process] = {}
        with self._wire.makefile("r", encoding="utf-8") as lines:
            for told in map(json.loads, lines):
                if "status" in told:
                    process = running.pop(told["pid"])
                    process.code = os.waitstatus_to_exitcode(told["status"])
                    process.ended.set()
                else:
                    process = running[told["pid"]] = next(starting)
                    process.pid = told["pid"]
                    process.started.set()


def serve(wire: socket.socket) -> Mapping[str, Any] | None:
    """Fork for each request; returns the request in the child, and nothing when the tests are over."""
    waiting = b""
    while True:
        if select.select([wire], [], [], 0.01)[0]:
            received = wire.recv(65536)
            if not received:
                return None
            waiting += received
        while b"\n" in waiting:
            line, _, waiting = waiting.partition(b"\n")
            pid = os.fork()
            if pid == 0:
                return json.loads(line)  # type: ignore[no-any-return]
            _tell(wire, pid=pid)
        for pid, status in _ended():
            _tell(wire, pid=pid, status=status)


def _ended() -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        found.append((pid, status))


def _tell(wire: socket.socket, **news: int) -> None:
    wire.sendall(json.dumps(news).encode() + b"\n")


def become(request: Mapping[str, Any]) -> Sequence[str]:
    """Environment, folder and output as a shell would have set them; the arguments."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    for number, name in enumerate(("/dev/null", "out", "err")):
        file = os.open(name, os.O_RDWR | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    time.tzset()
    random.seed()
    return [str(argument) for argument in request["arguments"]]


def leave(code: object) -> NoReturn:
    """As the interpreter ends, with its threads awaited, but without freeing one by one what it has imported."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    from bot.__main__ import main

    gc.freeze()  # memory that is never written to is shared by all
    with socket.socket(fileno=int(sys.argv[1])) as its_wire:
        its_request = serve(its_wire)
    if its_request is not None:
        sys.argv = ["headroom", *become(its_request)]
        try:
            main()
        except SystemExit as end:
            leave(end.code)
        leave(None)
