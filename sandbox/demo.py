"""`headroom demo`: the story without credentials. Usage becomes cards, a click becomes a deal, and you can watch."""

import html
import re
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta

from rich.console import Console
from rich.markup import escape

from bot.app import Headroom
from bot.redaction import configure_logging
from bot.slack import ids
from sandbox import terminal
from sandbox.posthog.project import Event
from sandbox.posthog.stories import STORIES, Story
from sandbox.slack import Message
from sandbox.slack.people import button_of
from sandbox.world import Found, Running, World, eventually

REP, RIVAL = "U0REP1", "U0REP2"
HERO = "acme"
MORE_CALLS, A_MOMENT = 9_100, timedelta(seconds=2)
SHOWN = 4  # cards in full; the others by their first line
PATIENCE = 120.0
CARDS = ("upsell", "save")


def play(console: Console) -> bool:
    """Play it; whether everything happened that should have."""
    configure_logging("ERROR")
    with ExitStack() as stack:
        with console.status(f"Inventing four months of usage for {len(STORIES)} companies ..."):
            world = stack.enter_context(World())
        headroom = world.headroom()
        stack.enter_context(Running(headroom, world))
        return _Demo(console, world, headroom).play()


class _Demo:
    def __init__(self, console: Console, world: World, headroom: Headroom) -> None:
        self.console, self.world, self.headroom = console, world, headroom
        self.slack, self.pipedrive = world.slack.workspace, world.pipedrive.records
        self.names = {user.id: user.name for user in self.slack.users.values()}
        self.failures: list[str] = []

    def play(self) -> bool:
        self._cards()
        card = self._card_of(HERO)
        if card is not None:
            self._claim(card)
            self._push(card)
            self._pass_the_limit(card)
        for failure in self.failures:
            self.console.print(f"[bold red]That did not happen:[/] {escape(failure)}")
        if not self.failures:
            self.console.print("\n[bold green]All of it happened.[/] Next: `headroom doctor` with your own keys.")
        return not self.failures

    def _cards(self) -> None:
        expected = [story for story in self.world.stories if story.outcome in CARDS]
        with self.console.status("Headroom reads PostHog and posts its cards to Slack ..."):
            eventually(lambda: len(self.slack.messages()) >= len(expected), PATIENCE)
        posted = self.slack.messages()
        self._step(f"#sales: {len(posted)} cards for {len(self.world.stories)} companies")
        missing = [story.name for story in expected if self._card_of(story.key) is None]
        self._expect(not missing, f"cards of {', '.join(missing)}")
        self._expect(len(posted) == len(expected), f"{len(expected)} cards and no more ({len(posted)} were posted)")
        hero = self._card_of(HERO)
        in_full = [hero] if hero else []
        in_full += [message for message in posted if message is not hero][: SHOWN - len(in_full)]
        for message in in_full:
            self._show(message)
        for message in posted:
            if message not in in_full:
                self.console.print(f"  [cyan]·[/] {escape(terminal.plain(message.text, self.names))}")

    def _claim(self, card: Message) -> None:
        self._step(f"@{self.names[REP]} clicks Claim, and @{self.names[RIVAL]} a moment later")
        people, seen = self.world.slack.people, button_of(card, ids.CLAIM)["value"]
        clicks = [people.click(user, card.ts, ids.CLAIM, seen) for user in (REP, RIVAL)]  # both saw the same card
        self._expect(all(click.ok for click in clicks), "both clicks acknowledged in time")
        told = self._wait("a friendly word for the second", lambda: next(iter(self.slack.ephemerals), None))
        if told:
            self._expect(told.only_for == RIVAL, f"the word is for {RIVAL}")
            self.console.print(f"  only @{self.names[RIVAL]} sees: {escape(terminal.plain(told.text, self.names))}")
        self._wait("the card saying who claimed it", lambda: f"<@{REP}>" in self._words(card))

    def _push(self, card: Message) -> None:
        self._step(f"@{self.names[REP]} clicks Push to CRM")
        self._expect(self.world.slack.people.click(REP, card.ts, ids.PUSH).ok, "the click acknowledged in time")
        self._wait("a deal with its note", lambda: self.pipedrive.deals and self.pipedrive.notes)
        self._wait("the card linking to the deal", lambda: "/deal/" in self._words(card))
        self._expect(len(self.pipedrive.deals) == 1, f"one deal ({len(self.pipedrive.deals)} exist)")
        owners = {user["id"]: user for user in self.pipedrive.users}
        for deal in self.pipedrive.deals.values():
            owner = owners[deal["owner_id"]]["email"]
            self._expect(owner == self.slack.users[REP].email, f"the deal owned by the rep who clicked, not {owner}")
            self.console.print(f"  deal {deal['id']}: [bold]{escape(deal['title'])}[/]")
            self.console.print(f"  {deal['value']:,} {deal['currency']} a year, owner {escape(owner)}")
        for note in self.pipedrive.notes.values():
            for line in _lines(note["content"]):
                self.console.print(f"    [dim]{escape(line)}[/]")
        self._show(card)

    def _pass_the_limit(self, card: Message) -> None:
        self._step("More calls come in and pass the limit: the rep hears of it in the card's thread")
        now = self.world.clock()
        call = Event("api_request", f"p-{HERO}-1", now - A_MOMENT, {}, {"company": HERO}, created_at=now)
        self.world.posthog.project.capture([call] * MORE_CALLS)
        with self.console.status("Headroom reads PostHog once more ..."):
            self.headroom.evaluate(self.world.clock())
            told = self._wait("a word in the thread", lambda: next(iter(self.slack.replies(card.ts)), None))
        if told:
            self._expect(f"<@{REP}>" in told.text, "the word is for the rep who claimed it")
            self.console.print(f"  {escape(terminal.plain(told.text, self.names))}")

    def _card_of(self, account: str) -> Message | None:
        """By the account's name, as the card's first line tells it."""
        story: Story = next(story for story in self.world.stories if story.key == account)
        opening = _letters(story.name)[:40]
        return next((one for one in self.slack.messages() if _letters(one.text).startswith(opening)), None)

    def _words(self, card: Message) -> str:
        return str(self.slack.find_message(card.ts).blocks)

    def _show(self, message: Message) -> None:
        now = self.slack.find_message(message.ts)
        terminal.show(self.console, now.text, now.blocks, self.names)

    def _step(self, words: str) -> None:
        self.console.print(f"\n[bold]{escape(words)}[/]")

    def _expect(self, happened: bool, what: str) -> None:
        if not happened:
            self.failures.append(what)

    def _wait(self, what: str, look: Callable[[], Found | None]) -> Found | None:
        found = eventually(look, PATIENCE)
        self._expect(bool(found), what)
        return found


def _letters(text: str) -> str:
    """What is left of a name whatever was escaped or stripped from it."""
    return "".join(character for character in html.unescape(text) if character.isalnum())


def _lines(note: str) -> list[str]:
    """The note's paragraphs without their markup."""
    return [html.unescape(re.sub(r"<[^>]*>", "", line)) for line in re.findall(r"<p>(.*?)</p>", note)]
