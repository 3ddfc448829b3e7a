"""One play: the vendors, the bot's process, the clock that all of them share, and who is told of changes."""

import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from bot.config.startup import EXAMPLE
from bot.store import Database
from sandbox.play import cast
from sandbox.play.boards import Board, PipedriveBoard, ZohoBoard
from sandbox.play.clock import SharedClock
from sandbox.play.process import BotProcess
from sandbox.play.traffic import Traffic
from sandbox.server import Server
from sandbox.world import TIMEZONE, World
from sandbox.zoho import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, ZohoServer

CrmKind = Literal["pipedrive", "zoho"]
CRMS: tuple[CrmKind, ...] = ("pipedrive", "zoho")
KEPT_CALLS = {"Slack": 3000, "PostHog": 60}  # for the log; an answer of PostHog holds every account
BURST = 100_000  # the vendor's rolling two seconds never pass while the clock stands


class Play:
    """`with Play() as play:` everything runs. `crm` may be another one from the next `choose_crm` on."""

    def __init__(self, begins: datetime | None = None, crm: CrmKind = "pipedrive", size: int = cast.SIZE) -> None:
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="headroom-play-")))
        self._clock_file = self.folder / "clock.json"
        self.clock = SharedClock(self._clock_file)
        self.clock.set(begins or datetime.now(UTC))
        self.began = self.clock()
        companies = cast.stories(size)
        self._zone = ZoneInfo(TIMEZONE)
        self.world = World(self.clock, companies)
        self.zoho = ZohoServer(self.clock)
        self.traffic = Traffic(self.world.posthog.project, cast.parts(companies), self.began, self.began)
        self.crm: CrmKind = crm
        self.troubles: dict[str, str] = {}  # the fault that is switched on, by vendor
        self.notices: dict[str, tuple[str, ...]] = {}  # what Slack itself tells a person
        self.actions = 0  # what was done from the page, so that other pages learn of it
        self._prepare()
        self.bot = self._bot()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.world)
        self._stack.enter_context(self.zoho)
        self.start_bot()
        return self

    def __exit__(self, *about: object) -> None:
        self.bot.stop()
        self._stack.close()

    @property
    def vendors(self) -> dict[str, Server]:
        """The servers that the bot talks to, by the name that people know."""
        crm: Server = self.zoho if self.crm == "zoho" else self.world.pipedrive
        return {"Slack": self.world.slack, "PostHog": self.world.posthog, self.crm.title(): crm}

    @property
    def board(self) -> Board:
        return ZohoBoard(self.zoho) if self.crm == "zoho" else PipedriveBoard(self.world.pipedrive)

    def database(self) -> Database:
        """To look into what the bot stores; let go of it afterwards."""
        return Database(self._environment()["DATABASE_URL"], self.clock)

    def start_bot(self) -> None:
        self.bot.start()
        self.world.slack.people.bot_url = self.bot.url

    def choose_crm(self, crm: CrmKind) -> None:
        """The bot starts anew, with the other CRM configured and nothing remembered."""
        self.bot.stop()
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
        """What somebody who sets the CRMs up does once."""
        pipedrive, zoho = self.world.pipedrive, self.zoho
        pipedrive.limits.burst, pipedrive.limits.budget = BURST, 10**9
        self.world.posthog.limits.per_minute = 10**6
        for name, server in self.vendors.items():
            server.kept_calls = KEPT_CALLS.get(name, 3000)
        zoho.records.users = [
            {"id": f"5725767000000{row['id']:06}", "full_name": row["name"], "email": row["email"], "status": "active"}
            for row in pipedrive.records.users
        ]
        zoho.records.definitions.add("Deals", "Headroom key", unique={"casesensitive": "true"})

    def _environment(self) -> dict[str, str]:
        config = self.folder / f"{self.crm}.toml"
        config.write_text(
            EXAMPLE.read_text(encoding="utf-8").replace('kind = "pipedrive"', f'kind = "{self.crm}"'), encoding="utf-8"
        )
        return self.world.environment(
            HEADROOM_CONFIG=str(config),
            DATABASE_URL=f"sqlite:///{self.folder / self.crm}.db",
            ZOHO_CLIENT_ID=CLIENT_ID,
            ZOHO_CLIENT_SECRET=CLIENT_SECRET,
            ZOHO_REFRESH_TOKEN=REFRESH_TOKEN,
            ZOHO_ACCOUNTS_URL=self.zoho.url,
        )

    def _bot(self) -> BotProcess:
        return BotProcess(self.folder, self._clock_file, self._environment())
