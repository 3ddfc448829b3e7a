"""A small application behind the Slack room: opportunities in memory, one transaction at a time."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.config import Thresholds
from bot.model import LIVE, Account, AccountReport, Card, DealOwner, Opportunity, Standing, State
from bot.slack.desk import Answer, Click, ThresholdView


class SmallDesk:
    """Keeps what it is told, as Desk and CardBook; `replies` are the jobs that it would enqueue."""

    def __init__(self) -> None:
        self.opportunities: dict[int, Opportunity] = {}
        self.accounts: list[Account] = []
        self.owners: list[DealOwner] = []
        self.replies: list[dict[str, Any]] = []
        self.done: list[str] = []
        self.problems: dict[int, str] = {}
        self.current = ThresholdView(1, Thresholds())
        self.stall = 0.0  # seconds that the database takes
        self._answers: dict[str, Answer] = {}
        self._lock = threading.RLock()

    def add(self, one: Opportunity) -> Opportunity:
        self.opportunities[one.id] = one
        self.accounts.append(one.account)
        return one

    def claim(self, click: Click, opportunity: int) -> Answer:
        return self._once(click, lambda: self._claim(click.user, opportunity))

    def push(self, click: Click, opportunity: int) -> Answer:
        return self._once(click, lambda: self._change(f"push {opportunity}", opportunity, deal_state="pushing"))

    def use_deal(self, click: Click, opportunity: int, deal: str) -> Answer:
        return self._once(click, lambda: self._change(f"use {deal} for {opportunity}", opportunity, question=None))

    def new_deal(self, click: Click, opportunity: int) -> Answer:
        return self._once(click, lambda: self._change(f"new for {opportunity}", opportunity, question=None))

    def choose_owner(self, click: Click, opportunity: int, rep: str, owner: str) -> Answer:
        return self._once(click, lambda: self._change(f"{click.user}: {rep} is {owner}", opportunity, question=None))

    def deal_owners(self, text: str) -> list[DealOwner]:
        time.sleep(self.stall)
        return [one for one in self.owners if text.casefold() in f"{one.name} {one.email}".casefold()]

    def snooze(self, click: Click, opportunity: int, until: datetime) -> Answer:
        return self._once(click, lambda: self._move("snoozed", opportunity, snoozed_until=until))

    def dismiss(self, click: Click, opportunity: int, reason: str, note: str) -> Answer:
        why = f"{reason}:{note}" if note else reason
        return self._once(click, lambda: self._move("dismissed", opportunity, dismissed_reason=why))

    def set_thresholds(self, click: Click, version: int, values: Thresholds) -> Answer:
        def change() -> Answer:
            if version != self.current.version:
                levels = ", ".join(f"{level:g}" for level in self.current.values.approaching)
                return Answer(False, f"{{by}} set the levels to {levels} meanwhile.", self.current.changed_by)
            self.current = ThresholdView(version + 1, values, click.user, datetime.now(UTC))
            return Answer(True, "Saved.")

        return self._once(click, change)

    def details(self, opportunity: int) -> Opportunity | None:
        return self.opportunities.get(opportunity)

    opportunity = details

    def find_accounts(self, text: str) -> list[AccountReport]:
        wanted = text.casefold()
        found = [one for one in self.accounts if wanted in (one.name + str(one.domain) + one.key).casefold()]
        return [self._report(account) for account in found]

    def inbox(self, user: str, everyone: bool) -> list[Opportunity]:
        live = [one for one in self.opportunities.values() if one.state in LIVE]
        return live if everyone else [one for one in live if one.owner == user]

    def thresholds(self) -> ThresholdView:
        return self.current

    def card_shown(self, opportunity: int, card: Card) -> None:
        self.opportunities[opportunity] = replace(self.opportunities[opportunity], card=card)
        self.problems.pop(opportunity, None)

    def card_gone(self, opportunity: int) -> None:
        self.opportunities[opportunity] = replace(self.opportunities[opportunity], card=None)

    def card_lost(self, opportunity: int, ts: str) -> None:
        card = self.opportunities[opportunity].card
        if card and card.ts == ts:
            self.card_gone(opportunity)

    def card_problem(self, opportunity: int, why: str) -> None:
        self.problems[opportunity] = why

    def _once(self, click: Click, command: Any) -> Answer:
        time.sleep(self.stall)
        with self._lock:
            if click.delivery not in self._answers:
                answer = self._answers[click.delivery] = command()
                if answer.text and click.channel:
                    to = {"user": click.user, "channel": click.channel, "response_url": click.response_url}
                    self.replies.append({**to, "text": answer.text, "by": answer.by})
            return self._answers[click.delivery]

    def _claim(self, user: str, number: int) -> Answer:
        owner = self.opportunities[number].owner
        if owner:
            return Answer(False, "{by} was first.", owner)
        return self._change(f"claim {number} {user}", number, state="claimed", owner=user)

    def _move(self, state: State, number: int, **changes: Any) -> Answer:
        if self.opportunities[number].state not in ("open", "claimed"):
            return Answer(False, f"It is {self.opportunities[number].state} already.")
        return self._change(f"{state} {number}", number, state=state, **changes)

    def _change(self, what: str, number: int, **changes: Any) -> Answer:
        was = self.opportunities[number]
        self.opportunities[number] = replace(was, version=was.version + 1, **changes)
        self.done.append(what)
        return Answer(True)

    def explain_accounts(self, text: str) -> list[AccountReport]:
        return [replace(one, rules=("API calls: 80 % of the limit",)) for one in self.find_accounts(text)]

    def _report(self, account: Account) -> AccountReport:
        found = [one for one in self.opportunities.values() if one.account.key == account.key]
        standing = Standing("api_calls", "API calls", 92100, 100000, datetime.now(UTC), 0.97)
        unknown = Standing("seats", "Seats", 7, None, datetime.now(UTC), held_back="limit_unknown")
        reasons = ("too little history",) if not found else ()
        return AccountReport(account, (standing, unknown), found[0] if found else None, datetime.now(UTC), reasons)
