"""Where listeners do their work: the desk within a deadline, Slack only after the acknowledgement."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

from slack_sdk import WebClient

from bot.model import Clock
from bot.slack.desk import Answer, Click, Desk
from bot.slack.managers import Managers
from bot.slack.replies import Reply, send_reply, spoken
from bot.slack.text import Mrkdwn, escape
from bot.slack.web import THREADS
from bot.slack.words import CardLabels

log = logging.getLogger(__name__)
Result = TypeVar("Result")
DESK_SECONDS = 2.0  # from the arrival of a request; Slack shows an error after three
LABEL_SECONDS = 0.5
SLOW = "That is taking longer than it should. Look again in a minute, and click once more if nothing has changed."
FAILED = "That did not work, and nothing was changed. Please try again."


class Unavailable(Exception):  # noqa: N818 - it is said to a person, as it stands
    """The desk did not answer in time, or failed; the message is for the person who clicked."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the listeners work with. `labels` is asked each time: the project's time zone is learnt on the way."""

    desk: Desk
    client: WebClient
    managers: Managers
    labels: Callable[[], CardLabels]
    clock: Clock


_arrived: ContextVar[float | None] = ContextVar("arrived", default=None)


class Listeners(ThreadPoolExecutor):
    """Bolt's threads, one for each request that the web server holds. Each knows when its request arrived."""

    def __init__(self) -> None:
        super().__init__(THREADS, "slack-listener")

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        context = copy_context()
        context.run(_arrived.set, time.monotonic())
        return super().submit(context.run, fn, *args, **kwargs)


class Room:
    """Two pools of threads: a stalled database cannot hold up an acknowledgement, a stalled Slack cannot either."""

    def __init__(self, tools: Tools) -> None:
        self.desk, self.client, self.managers = tools.desk, tools.client, tools.managers
        self.clock, self._read_labels = tools.clock, tools.labels
        self._known_labels: CardLabels | None = None
        self._at_desk = ThreadPoolExecutor(THREADS, "slack-desk")
        self._after = ThreadPoolExecutor(8, "slack-after")
        self._names: dict[str, str] = {}

    def labels(self) -> CardLabels:
        """As they are, or as they were last while the database is slow."""
        try:
            self._known_labels = self.ask(self._read_labels, LABEL_SECONDS)
        except Unavailable:
            if self._known_labels is None:
                raise
        return self._known_labels

    def ask(self, call: Callable[[], Result], seconds: float = DESK_SECONDS) -> Result:
        """The desk's answer, or Unavailable with words for the person. A late command still counts.

        A request waits for all its questions together no longer than DESK_SECONDS, its own wait for a thread included.
        """
        future, arrived = self._at_desk.submit(call), _arrived.get()
        left = seconds if arrived is None else min(seconds, arrived + DESK_SECONDS - time.monotonic())
        try:
            return future.result(max(left, 0.0))
        except TimeoutError as error:
            log.warning("The desk did not answer in time")
            raise Unavailable(SLOW) from error
        except Exception as error:  # whatever it was, a person waits for an answer
            log.error("The desk failed: %s", type(error).__name__, exc_info=error)
            raise Unavailable(FAILED) from error

    def afterwards(self, task: Callable[[], object], click: Click | None = None) -> None:
        """Work for after the acknowledgement; the person hears when it fails.

        Never raises: Bolt takes an acknowledgement back when the listener raises right after it.
        """
        try:
            self._after.submit(self._quietly, task, click)
        except RuntimeError:  # shutting down
            log.warning("Left out, because the application is stopping")

    def whisper(self, click: Click, text: str) -> None:
        """Tell one person, as well as it can be done now. What must not be lost goes through a "reply" job."""
        if click.channel:
            reply = Reply(click.channel, click.user, spoken(text), click.response_url)
            self.afterwards(lambda: send_reply(self.client, reply))

    def remember(self, user: str, name: str | None) -> None:
        """Names as they come by: errors in a modal are plain text, where a mention cannot be shown."""
        if name:
            self._names[user] = name

    def plainly(self, answer: Answer) -> str:
        """An answer for plain text."""
        by = self._names.get(answer.by or "", answer.by or "someone")
        return (answer.text or FAILED).replace("{by}", by)

    def _quietly(self, task: Callable[[], object], click: Click | None) -> None:
        try:
            task()
        except Exception as error:  # the edge of a thread: nobody else would hear of it
            log.error("After the acknowledgement: %s", type(error).__name__, exc_info=error)
            if click:
                self.whisper(click, str(error) if isinstance(error, Unavailable) else FAILED)

    def close(self) -> None:
        self._after.shutdown(wait=True, cancel_futures=True)
        self.managers.close()
        self._at_desk.shutdown(wait=True)


def safely(text: str) -> Mrkdwn:
    return escape(text, 1000)
