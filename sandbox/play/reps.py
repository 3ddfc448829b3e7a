"""The reps and the customers while many days pass: the same ones do the same on the same day of every play."""

import random
from collections.abc import Callable
from datetime import datetime

from bot.model import LIVE, Opportunity
from bot.slack import ids
from sandbox.play.boards import OPEN, Deal
from sandbox.play.journal import cases
from sandbox.play.play import Play
from sandbox.slack import Ack

REPS = ("U0REP1", "U0REP2")
CLAIMS, PUSHES, SNOOZES, DISMISSES = 0.4, 0.5, 0.08, 0.05  # how likely on a day
MOVES, WINS, LOSES = 0.25, 0.12, 0.05
BIGGER = 10  # times the allowance, on the larger plan
REASON = "wrong_time"


class Reps:
    """`settle` waits until the bot has done what it was asked: deals get their numbers in the order of the pushes."""

    def __init__(self, play: Play, settle: Callable[[], None]) -> None:
        self._play, self._settle = play, settle
        self._billed_tomorrow: list[str] = []

    def work(self, now: datetime) -> None:
        """One morning. Whatever somebody decides depends on the account and the day alone."""
        for account in self._billed_tomorrow:
            change_plan(self._play, account, "growth")
        self._billed_tomorrow.clear()
        deals = {deal.id: deal for deal in self._play.board.deals()}
        for case in sorted(cases(self._play), key=lambda one: one.account.key):
            dice = random.Random(f"{case.account.key} {now:%Y-%m-%d}")  # noqa: S311 - a story, not a secret
            if case.card is None:
                continue
            if case.state == "open":
                self._open(case, dice)
            elif case.state == "claimed" and case.owner:
                self._claimed(case, deals.get(case.deal.id) if case.deal else None, dice)

    def _open(self, case: Opportunity, dice: random.Random) -> None:
        roll, rep = dice.random(), dice.choice(REPS)
        if roll < CLAIMS:
            self._click(rep, case, ids.CLAIM)
        elif roll < CLAIMS + SNOOZES:
            self._form(rep, case, ids.SNOOZE, {ids.UNTIL_BLOCK: "3_days"})
        elif roll < CLAIMS + SNOOZES + DISMISSES:
            self._form(rep, case, ids.DISMISS, {ids.REASON_BLOCK: REASON, ids.NOTE_BLOCK: "Not this quarter."})

    def _claimed(self, case: Opportunity, deal: Deal | None, dice: random.Random) -> None:
        roll, rep, board = dice.random(), str(case.owner), self._play.board
        if case.deal is None:
            if roll < PUSHES and case.deal_state is None:
                self._click(rep, case, ids.PUSH)
                self._settle()
        elif deal and deal.status == OPEN:
            stages = board.stages()
            if roll < WINS:
                board.win(deal.id)
                self._billed_tomorrow.append(case.account.key)
            elif roll < WINS + LOSES:
                board.lose(deal.id, "No budget this year")
            elif roll < WINS + LOSES + MOVES and deal.stage != stages[-1]:
                board.move(deal.id, stages[stages.index(deal.stage) + 1])

    def are_heard(self) -> bool:
        """Whether the bot knows how every deal has ended."""
        ended = {deal.id for deal in self._play.board.deals() if deal.status != OPEN}
        return not any(case.deal and case.deal.id in ended and case.state in LIVE for case in cases(self._play))

    def _click(self, rep: str, case: Opportunity, action: str) -> None:
        self._try(lambda: self._play.world.slack.people.click(rep, _card(case), action))

    def _form(self, rep: str, case: Opportunity, action: str, values: dict[str, str]) -> None:
        people = self._play.world.slack.people
        if self._try(lambda: people.click(rep, _card(case), action)):
            modal = people.latest_view(rep)
            self._try(lambda: people.submit(modal, rep, values))
            people.close(modal, rep)

    def _try(self, do: Callable[[], Ack]) -> bool:
        """Whether it worked: a card that has just changed may lack the button, and the bot may be down."""
        try:
            return do().ok
        except (StopIteration, AssertionError):
            return False


def _card(case: Opportunity) -> str:
    return case.card.ts if case.card else ""


def change_plan(play: Play, account: str, plan: str) -> None:
    """The billing system writes the plan, and the allowance that was agreed with it, into PostHog."""
    limit = play.traffic.parts[account].story.properties.get("api_calls_limit")
    properties: dict[str, object] = {"plan": plan}
    if limit is not None:
        properties["api_calls_limit"] = int(limit) * (BIGGER if plan == "growth" else 1)
    play.world.posthog.project.set_group("company", account, properties)
