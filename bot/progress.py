"""A bar for each step of a long command, where a person watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


@contextmanager
def bars(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Takes a step, how much of it is done, and of how much; nothing is shown where the output may go to a file."""
    if not console.is_terminal:
        yield lambda *_: None
        return
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as shown:
        known: dict[str, TaskID] = {}

        def reached(step: str, done: int, of: int) -> None:
            if step not in known:
                known[step] = shown.add_task(escape(step))
            shown.update(known[step], completed=done, total=of)

        yield reached
