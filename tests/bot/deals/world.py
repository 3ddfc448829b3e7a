"""A store, a sandbox Pipedrive and a worker for the tests of pushing deals; time passes only when a test says so."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import httpx

from bot.config import Config
from bot.deals import KIND, PushDeal, buried
from bot.deals.grants import SealedGrants
from bot.model import Account, Card, Opportunity, Signal
from bot.outbox import Job, JobContext
from bot.outbox.worker import Pace, Worker
from bot.signal_json import to_json
from bot.slack.words import CardLabels, sentence
from bot.store import Database, accounts, jobs, leases, opportunities
from bot.store.reps import Rep
from crm import adapter
from crm.base import Setup
from sandbox.pipedrive import TOKEN, PipedriveServer
from tests.databases import MovedClock

DEADLINE = 0.3  # where a test is about slow answers; elsewhere a busy machine must not look like one
PATIENT = 10.0
LEASE = timedelta(seconds=60)
CONFIG = Config.model_validate(
    {
        "account": {"group_type": "company"},
        "metrics": {
            "api_calls": {"label": "API calls", "event": "api", "measure": "count", "window": "billing_period"},
        },
        "plans": {
            "starter": {"price": 99, "limits": {"api_calls": 100000}},
            "growth": {"price": 499, "limits": {"api_calls": 1000000}},
        },
        "slack": {"channel": "C0SALES"},
        "crm": {"kind": "pipedrive", "currency": "EUR", "pipeline": "Upsell", "stage": "Usage signal"},
    }
)
SIGNAL = Signal(
    kind="approaching_limit",
    metric="api_calls",
    strength=0.9,
    weight=30,
    level=90,
    used=92100.0,
    limit=100000.0,
    ratio=0.921,
    probability=0.97,
    crosses_on=date(2026, 11, 26),
    crosses_between=(date(2026, 11, 24), date(2026, 11, 29)),
    as_of=datetime(2026, 11, 21, 23, 58, tzinfo=UTC),
    evidence={"days": 21, "note": "text is left out"},
)


def values(**changed: Any) -> dict[str, Any]:
    return {
        "polarity": "upsell",
        "score": 83,
        "points": {"base": 8.0, "growth_trajectory": 31.5, "approaching_limit": 12.0, "overage_pattern": 0.0},
        "signals": [to_json(SIGNAL)],
        "plan": "starter",
        "recommended_plan": "growth",
        "delta_arr": Decimal(4800),
        "overage_cost": Decimal(310),
        "history": [1.0, 2.0],
        **changed,
    }


def card_link(card: Card) -> str:
    return f"https://team.slack.example/archives/{card.channel}/p{card.ts.replace('.', '')}"


def ask_slack(user: str) -> Rep:
    emails = {"U0REP1": "rep.one@vendor.example", "U0REP2": "rep.two@vendor.example", "U0NEW": "new@vendor.example"}
    return Rep(user, emails.get(user), user.title(), "UTC", datetime(2026, 11, 1, tzinfo=UTC))


@dataclass
class World:
    db: Database
    clock: MovedClock
    pipedrive: PipedriveServer
    client: httpx.Client
    deadline: float = PATIENT
    _accounts: list[Account] = field(default_factory=list)
    _pushes: int = 0

    def handler(self, client: httpx.Client | None = None) -> PushDeal:
        """As a new process has it: nothing is remembered but the store."""
        setup = Setup(currency="EUR", pipeline="Upsell", stage="Usage signal", deadline=self.deadline)
        given = {"PIPEDRIVE_URL": self.pipedrive.url, "PIPEDRIVE_API_TOKEN": TOKEN}
        grants = SealedGrants(self.db, "pipedrive", [TOKEN])
        crm = adapter("pipedrive").connect(client or self.client, given, setup, grants)
        say = partial(sentence, labels=CardLabels.of(CONFIG, "UTC"))
        return PushDeal(self.db, crm, CONFIG, ask_slack, say, card_link)

    def opportunity(self, name: str, **changed: Any) -> int:
        self._accounts.append(Account(f"acct_{len(self._accounts)}", name, "acme.example"))
        with self.db.transaction() as tx:
            accounts.save(tx, self._accounts)
            made = opportunities.open_new(tx, self._accounts[-1].key, tx.now(), values(**changed))
        assert made is not None
        return made

    def push(self, opportunity: int, by: str = "U0REP2") -> int:
        """What a click does, in one transaction."""
        self._pushes += 1
        with self.db.transaction() as tx:
            opportunities.set_deal_state(tx, opportunity, "pushing")
            payload = {"opportunity": opportunity, "by": by}
            job = jobs.enqueue(tx, KIND, payload, ukey=f"push:{self._pushes}", subject=f"deal:{opportunity}")
        assert job is not None
        return job

    def work(self, handler: PushDeal | None = None, threads: int = 1) -> None:
        worker = Worker(self.db, {KIND: handler or self.handler()}, Pace(threads, LEASE, 0.01), buried)
        assert worker.run_until_idle(20)

    def recover(self, handler: PushDeal | None = None, minutes: int = 20) -> None:
        """Work, let a minute pass, work again, until nothing is left to do."""
        handler = handler or self.handler()
        for _ in range(minutes):
            self.work(handler)
            if not self.waiting():
                return
            self.pipedrive.wait_until_quiet()
            self.clock.move(seconds=61)
        raise AssertionError([(job.state, job.error_class, job.last_error) for job in self.waiting()])

    def waiting(self) -> list[Job]:
        with self.db.read() as tx:
            return jobs.list_jobs(tx, states=("ready", "running"), kinds=(KIND,))

    def job(self, job_id: int) -> Job:
        with self.db.read() as tx:
            found = jobs.get(tx, job_id)
        assert found is not None
        return found

    def see(self, opportunity: int) -> Opportunity:
        with self.db.read() as tx:
            found = opportunities.get(tx, opportunity)
        assert found is not None
        return found

    def amend(self, opportunity: int, **changed: Any) -> None:
        with self.db.transaction() as tx:
            opportunities.amend(tx, tx.now(), {opportunity: (values(**changed), True)})

    def claim(self) -> tuple[Job, JobContext]:
        """As the worker does before it calls a handler."""
        (job,) = leases.claim(self.db, [KIND], "test", 1, LEASE)
        return job, JobContext(self.db, job, LEASE, lambda _: None)

    def finish(self, job: Job, result: Any) -> None:
        with self.db.transaction() as tx:
            leases.finish(tx, job, result)

    def records(self, name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
        """Organisations of that name, their deals, and the notes of those."""
        held = self.pipedrive.records
        organisations = [row for row in held.organizations.values() if row["name"] == name]
        ids = {row["id"] for row in organisations}
        deals = [row for row in held.deals.values() if row["org_id"] in ids]
        notes = [row for row in held.notes.values() if row["deal_id"] in {deal["id"] for deal in deals}]
        return organisations, deals, notes

    def assert_pushed_once(self, opportunity: int, name: str) -> None:
        organisations, deals, notes = self.records(name)
        assert (len(organisations), len(deals), len(notes)) == (1, 1, 1)
        (deal,) = deals
        assert (deal["owner_id"], deal["value"], deal["currency"], deal["stage_id"]) == (2, 4800, "EUR", 2)
        seen = self.see(opportunity)
        assert seen.deal is not None
        assert (seen.deal.id, seen.deal.owner_name, seen.deal_state) == (str(deal["id"]), "Rep Two", None)
