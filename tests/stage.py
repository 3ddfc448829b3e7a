"""A small world and the bot in this process: a test tells a story, lets time pass, and looks at what became of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import select

from bot.app import Headroom
from bot.deals.follow import Poll
from bot.evaluation import Evaluation
from bot.model import LIVE, Opportunity
from bot.posthog.client import Client
from bot.slack import ids
from bot.store import Database, opportunities, problems
from bot.store.tables import metadata, opportunity
from sandbox.posthog.project import Event
from sandbox.posthog.stories import Sight, Story
from sandbox.slack import Message, View
from sandbox.slack.people import Ack
from sandbox.world import World
from tests.databases import MovedClock

REP, RIVAL, BOSS, REVOPS = "U0REP1", "U0REP2", "U0BOSS", "U0REVOPS"
LIMIT = 1000
_numbers = count(1)


def near(key: str = "acme", used: int = 880, **changes: Any) -> Story:
    """Three days before its billing month ends, at 88 % of its limit: one signal, and none of a forecast."""
    properties = {"api_calls_limit": LIMIT, **changes.pop("properties", {})}
    given = {"name": key.title(), "day": 28, "people": 3, **changes}
    return Story(key, about="", outcome="upsell", used=used, properties=properties, **given)


def quiet(key: str = "quiet") -> Story:
    return near(key, 200)


def storing(key: str = "acme", gigabytes: float = 47.5, *sights: Sight) -> Story:
    """Its storage is nearly full, as its plan has it."""
    properties = {"storage_gb": gigabytes}
    return Story(key, key.title(), "", "upsell", used=800, day=28, people=3, properties=properties, sights=sights)


@dataclass
class Stage:
    """The vendors, the bot with its own database, and a clock that moves when told."""

    world: World
    clock: MovedClock
    headroom: Headroom

    @property
    def db(self) -> Database:
        return self.headroom.db

    def evaluate(self, **later: float) -> Evaluation:
        """Evaluate, after so much time has passed, and post what is due."""
        self.clock.move(**later)
        found = self.headroom.evaluate(self.clock())
        self.work()
        return found

    def work(self) -> None:
        """All jobs that are due, as `headroom work --until-idle` does them."""
        assert self.headroom.worker().run_until_idle(30)
        assert self.world.slack.errors == self.world.pipedrive.errors == []

    def follow(self, **later: float) -> Poll:
        """Look at the CRM, after so much time has passed, and post what is due."""
        self.clock.move(**later)
        assert self.headroom.following is not None
        found = self.headroom.following.follow.poll()
        self.work()
        return found

    def calls(self, number: int, key: str = "acme", ago: timedelta = timedelta(seconds=1)) -> None:
        """So many more API calls of an account, a moment ago; PostHog gets them now."""
        moment = self.clock() - ago
        event = Event("api_request", f"p-{key}-1", moment, {}, {"company": key}, created_at=self.clock())
        self.world.posthog.project.capture([event] * number)

    def tell(self, key: str, **properties: Any) -> None:
        """What the billing system now says of an account."""
        self.world.posthog.project.set_group("company", key, properties)

    def cards(self) -> list[Message]:
        return self.world.slack.workspace.messages()

    def card(self) -> Message:
        """The only one there is."""
        (card,) = self.cards()
        return card

    def opportunity(self, account: str = "acme") -> Opportunity:
        """The latest of an account."""
        with self.db.read() as tx:
            found = opportunities.latest(tx, account)
        assert found is not None
        return found

    def opportunities(self) -> list[Opportunity]:
        """All that ever were, the oldest first."""
        with self.db.read() as tx:
            numbers = tx.scalars(select(opportunity.c.id).order_by(opportunity.c.id)).all()
            return [one for one in (opportunities.get(tx, number) for number in numbers) if one is not None]

    def state(self, account: str = "acme") -> str:
        return self.opportunity(account).state

    def problems(self) -> list[str]:
        with self.db.read() as tx:
            return [one.what for one in problems.listing(tx)]

    def rows(self, *left_out: str) -> Mapping[str, Any]:
        """Everything that is stored, by table."""
        with self.db.read() as tx:
            tables = [table for table in metadata.sorted_tables if table.name not in left_out]
            return {table.name: sorted(map(repr, tx.execute(table.select()))) for table in tables}

    def click(self, user: str, card: Message, action: str) -> Ack:
        ack = self.world.slack.people.click(user, card.ts, action)
        assert ack.ok, ack
        return ack

    def window(self, user: str, card: Message, action: str) -> View:
        self.click(user, card, action)
        return self.world.slack.people.latest_view(user)

    def submit(self, view: View, user: str, values: Mapping[str, Any]) -> dict[str, str]:
        """The mistakes that the window shows."""
        ack = self.world.slack.people.submit(view, user, dict(values))
        assert ack.ok, ack
        return view.errors

    def dismiss(self, user: str, card: Message, reason: str, note: str = "") -> None:
        view = self.window(user, card, ids.DISMISS)
        assert self.submit(view, user, {ids.REASON_BLOCK: reason, ids.NOTE_BLOCK: note}) == {}
        self.work()

    def ask(self, user: str, command: str, text: str) -> str:
        """A slash command's answer, all of its words."""
        ack = self.world.slack.people.command(user, command, text)
        assert ack.ok, ack
        return str(ack.body)

    def whispers(self, user: str) -> list[str]:
        return [message.text for message in self.world.slack.workspace.ephemerals if message.only_for == user]

    def records(self) -> tuple[int, int, int]:
        """Organisations, deals and notes at the CRM."""
        held = self.world.pipedrive.records
        return len(held.organizations), len(held.deals), len(held.notes)


@contextmanager
def stage(url: str, clock: MovedClock, *stories: Story, **environment: str) -> Iterator[Stage]:
    """The bot listens to Slack; evaluations and jobs run when the test says so."""
    with World(clock, stories) as world:
        headroom = world.headroom(DATABASE_URL=url, **environment)
        # The same client, but for its patience between the attempts at a PostHog that fails.
        headroom.posthog = Client(headroom.http, world.posthog.url, "1", "phx_sandbox", clock, sleep=lambda _: None)
        side = headroom.slack_side()
        side.start()
        world.slack.people.bot_url = f"http://127.0.0.1:{side.port}/slack/events"
        try:
            yield Stage(world, clock, headroom)
            assert world.slack.people.refused == []
        finally:
            side.stop()
            headroom.close()


def words(card: Message) -> str:
    """All that a card shows, its buttons too."""
    return f"{card.text} {card.blocks}"


def live(opportunity: Opportunity) -> bool:
    return opportunity.state in LIVE
