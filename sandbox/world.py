"""A whole world for the bot: PostHog with its stories, Slack with its people, Pipedrive, all on this machine."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from bot import config
from bot.app import Headroom
from bot.config.settings import Settings
from bot.config.startup import EXAMPLE
from bot.model import Clock
from bot.slack.app import SlackSide
from sandbox.pipedrive import PipedriveServer
from sandbox.pipedrive.records import user
from sandbox.pipedrive.server import TOKEN
from sandbox.posthog import PostHog
from sandbox.posthog.stories import STORIES, Story
from sandbox.posthog.telling import tell
from sandbox.slack import SandboxSlack

TIMEZONE = "Europe/Berlin"
Found = TypeVar("Found")


class World:
    """`with World() as world:` the three vendors run; `world.environment()` points a bot at them."""

    def __init__(self, clock: Clock = lambda: datetime.now(UTC), stories: Iterable[Story] = STORIES) -> None:
        self.clock = clock
        self.stories = tuple(stories)
        self.posthog = PostHog(clock, timezone=TIMEZONE)
        self.slack = SandboxSlack(clock)
        self.pipedrive = PipedriveServer(clock)
        people = [one for one in self.slack.workspace.users.values() if one.team == self.slack.workspace.team]
        self.pipedrive.records.users = [user(n, one.name, one.email) for n, one in enumerate(people, 1)]
        self._stack = ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="headroom-")))

    def __enter__(self) -> Self:
        tell(self.posthog.project, self.clock(), self.stories)
        for server in (self.posthog, self.slack, self.pipedrive):
            self._stack.enter_context(server)
        return self

    def __exit__(self, *about: object) -> None:
        self._stack.close()

    def environment(self, **changes: str) -> dict[str, str]:
        """What a deployment would have in its environment; HTTP mode, on a free port."""
        workspace = self.slack.workspace
        return {
            "HEADROOM_CONFIG": str(EXAMPLE),
            "DATABASE_URL": f"sqlite:///{self._folder / 'headroom.db'}",
            "HEADROOM_PORT": "0",
            "SLACK_BOT_TOKEN": workspace.bot_token,
            "SLACK_SIGNING_SECRET": workspace.signing_secret,
            "SLACK_API_URL": self.slack.api_url,
            "POSTHOG_HOST": self.posthog.url,
            "POSTHOG_PROJECT_ID": self.posthog.project_id,
            "POSTHOG_API_KEY": "phx_sandbox",
            "PIPEDRIVE_API_TOKEN": TOKEN,
            "PIPEDRIVE_URL": self.pipedrive.url,
            **changes,
        }

    def headroom(self, **changes: str) -> Headroom:
        """The bot, unmodified, in this process."""
        settings = Settings.of(self.environment(**changes))
        return Headroom(settings, config.load(settings.headroom_config), self.clock)


class Running:
    """`with Running(headroom, world):` the bot is up, and Slack's clicks reach it."""

    def __init__(self, headroom: Headroom, world: World) -> None:
        self._headroom, self._world = headroom, world
        self._stopping, self._started = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="headroom")
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        if self._failure:
            raise self._failure
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._headroom.run(self._stopping, self._up)
        except BaseException as error:
            self._failure = error
            raise
        finally:
            self._started.set()

    def _up(self, side: SlackSide) -> None:
        self._world.slack.people.bot_url = f"http://127.0.0.1:{side.port}/slack/events"
        self._started.set()


def eventually(look: Callable[[], Found | None], seconds: float = 30.0) -> Found | None:
    """What `look` finds, as soon as it finds something; None when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found or time.monotonic() > deadline:
            return found or None
        time.sleep(0.05)
