"""One play: the vendors, the bot's process, the clock that all of them share, and who is told of changes."""

import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from bot.config.startup import EXAMPLE
from bot.store import Database
from sandbox.play import cast
from sandbox.play.boards import Board
from sandbox.play.clock import SharedClock
from sandbox.play.crms import crms
from sandbox.play.process import BotProcess
from sandbox.play.traffic import Traffic
from sandbox.server import Server
from sandbox.world import TIMEZONE, World

KEPT_CALLS = {"Slack": 3000, "PostHog": 60}  # for the log; an answer of PostHog holds every account


class Play:
    """`with Play() as play:` everything runs, but for the clock, which stands until it is set.

    Two plays that begin at the same moment, and in which the same is done, end the same way.
    """

    def __init__(self, begins: datetime | None = None, crm: str = "pipedrive", size: int = cast.SIZE) -> None:
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="headroom-play-")))
        self._clock_file = self.folder / "clock.json"
        self.clock = SharedClock(self._clock_file)
        self.clock.stand(begins or datetime.now(UTC))
        self.began = self.clock()
        companies = cast.stories(size)
        self._zone = ZoneInfo(TIMEZONE)
        self.world = World(self.clock, companies)
        self.crms = crms(self.world)
        self.traffic = Traffic(self.world.posthog.project, cast.parts(companies), self.began, self.began)
        self.crm = crm
        self.troubles: dict[str, str] = {}  # the fault that is switched on, by vendor
        self.notices: dict[str, tuple[str, ...]] = {}  # what Slack itself tells a person
        self.actions = 0  # what was done from the page, so that other pages learn of it
        self._prepare()
        self.bot = self._bot()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.world)
        for crm in self.crms.values():
            if crm.server is not self.world.pipedrive:  # which the world has started
                self._stack.enter_context(crm.server)
        self.start_bot()
        return self

    def __exit__(self, *about: object) -> None:
        self.bot.stop()
        self._stack.close()

    @property
    def vendors(self) -> dict[str, Server]:
        """The servers that the bot talks to, by the name that people know."""
        crm = self.crms[self.crm]
        return {"Slack": self.world.slack, "PostHog": self.world.posthog, crm.name: crm.server}

    @property
    def board(self) -> Board:
        return self.crms[self.crm].board

    def database(self) -> Database:
        """To look into what the bot stores; let go of it afterwards."""
        return Database(self._environment()["DATABASE_URL"], self.clock)

    def start_bot(self) -> None:
        self.bot.start()
        self.world.slack.people.bot_url = self.bot.url

    def choose_crm(self, crm: str) -> None:
        """The bot starts anew with the other CRM configured, nothing remembered, and an empty Slack."""
        self.bot.stop()
        workspace = self.world.slack.workspace
        with workspace.lock:
            for channel in workspace.channels.values():
                channel.messages.clear()
            workspace.ephemerals.clear()
        self.crm = crm
        self.bot = self._bot()
        self.start_bot()

    def now(self) -> datetime:
        return self.clock()

    def local(self, moment: datetime) -> str:
        """As the reps read it."""
        return f"{moment.astimezone(self._zone):%a %-d %b %Y, %H:%M}"

    def clock_time(self, moment: datetime) -> str:
        return f"{moment.astimezone(self._zone):%-d %b %H:%M:%S}"

    def catch_up(self) -> None:
        """The companies have been at work since anybody last looked."""
        if self.clock() - self.traffic.until > timedelta(hours=1):
            self.traffic.pass_until(self.clock())

    def _prepare(self) -> None:
        """The page can look at the log, and a standing clock lets no minute of a vendor's pass."""
        self.world.posthog.limits.per_minute = 10**6
        for name, server in {**self.vendors, **{crm.name: crm.server for crm in self.crms.values()}}.items():
            server.kept_calls = KEPT_CALLS.get(name, 3000)

    def _environment(self) -> dict[str, str]:
        config, example = self.folder / f"{self.crm}.toml", EXAMPLE.read_text(encoding="utf-8")
        config.write_text(example.replace('kind = "pipedrive"', f'kind = "{self.crm}"'), encoding="utf-8")
        database = f"sqlite:///{self.folder / self.crm}.db"
        settings = self.crms[self.crm].settings
        return self.world.environment(HEADROOM_CONFIG=str(config), DATABASE_URL=database, **settings)

    def _bot(self) -> BotProcess:
        return BotProcess(self.folder, self._clock_file, self._environment())
