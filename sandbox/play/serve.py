"""`headroom demo --serve`: everything is started, and a page on this machine shows it until Ctrl-C."""

import contextlib
import socket
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import uvicorn
from rich.console import Console

from bot.redaction import configure_logging
from sandbox.play import cast
from sandbox.play.deeds import Deeds
from sandbox.play.passing import Passing
from sandbox.play.play import Play
from sandbox.play.web import Web

HOST, PORT = "127.0.0.1", 8790


@dataclass(frozen=True, slots=True)
class Served:
    """A play that a browser can open; `run` returns when `end` is called, or at Ctrl-C."""

    play: Play
    passing: Passing
    url: str
    _server: uvicorn.Server
    _listening: socket.socket

    def run(self) -> None:
        self._server.run(sockets=[self._listening])

    def end(self) -> None:
        self._server.should_exit = True


def serve(console: Console, port: int = PORT) -> None:
    """Only this machine can see it."""
    configure_logging("ERROR")
    with contextlib.ExitStack() as stack:
        with console.status(f"Inventing four months of usage for {cast.SIZE} companies, and starting the bot ..."):
            served = stack.enter_context(playing(port))
        console.print(f"\n[bold]Headroom is at {served.url}[/]  (Ctrl-C ends it)", highlight=False)
        _open(served.url)
        with contextlib.suppress(KeyboardInterrupt):
            served.run()


def _open(url: str) -> None:
    """Where there is a browser with a window: one of text would take the terminal."""
    with contextlib.suppress(webbrowser.Error):
        browser = webbrowser.get()
        if type(browser) is not webbrowser.GenericBrowser:
            browser.open(url)


@contextlib.contextmanager
def playing(port: int = 0, begins: datetime | None = None, size: int = cast.SIZE) -> Iterator[Served]:
    """Port 0: any that is free. It begins now, unless another moment is given."""
    with socket.socket() as listening, Play(begins, size=size) as play:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        play.clock.set(play.clock())
        passing = Passing(play)
        app = Web(Deeds(play, passing)).app()
        config = uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=2)
        url = f"http://{HOST}:{listening.getsockname()[1]}/"
        try:
            yield Served(play, passing, url, uvicorn.Server(config), listening)
        finally:
            passing.stop()
