"""`headroom demo --serve`: everything is started, and a page on this machine shows it until Ctrl-C."""

import contextlib
import socket
import webbrowser
from collections.abc import Callable, Iterator

import uvicorn
from rich.console import Console

from bot.redaction import configure_logging
from sandbox.play.deeds import Deeds
from sandbox.play.passing import Passing
from sandbox.play.play import Play
from sandbox.play.web import Web

HOST, PORT = "127.0.0.1", 8790


def serve(console: Console, port: int = PORT) -> None:
    """Only this machine can see it."""
    configure_logging("ERROR")
    with console.status("Inventing four months of usage for 40 companies, and starting the bot ..."):
        page = playing(port)
        url, run = page.__enter__()
    with contextlib.ExitStack() as stack:
        stack.push(page)
        console.print(f"\n[bold]Headroom is at {url}[/]  (Ctrl-C ends it)", highlight=False)
        webbrowser.open(url)
        with contextlib.suppress(KeyboardInterrupt):
            run()


@contextlib.contextmanager
def playing(port: int = 0) -> Iterator[tuple[str, Callable[[], None]]]:
    """The page's address, and what serves it until the process is told to stop."""
    with socket.socket() as listening, Play() as play:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        passing = Passing(play)
        server = server_of(play, passing)
        try:
            yield f"http://{HOST}:{listening.getsockname()[1]}/", lambda: server.run(sockets=[listening])
        finally:
            passing.stop()


def server_of(play: Play, passing: Passing) -> uvicorn.Server:
    app = Web(Deeds(play, passing)).app()
    return uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=2))
