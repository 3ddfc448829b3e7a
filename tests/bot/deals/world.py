"""A store, a sandbox CRM and a worker for the tests of pushing deals; time passes only when a test says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import httpx

from bot import deals
from bot.config import Config
from bot.deals import fence
from bot.deals.grants import SealedGrants
from bot.deals.owners import Owners
from bot.deals.work import Tools
from bot.desk import Desk
from bot.model import Account, Card, Opportunity, Signal
from bot.outbox import Handler, Job, JobContext
from bot.outbox.worker import Pace, Worker
from bot.signal_json import to_json
from bot.slack.desk import Answer, Click
from bot.slack.words import CardLabels, sentence
from bot.store import Database, accounts, jobs, leases, opportunities
from bot.store.reps import Rep
from crm import adapter
from crm.base import Crm, Setup
from tests.bot.deals.vendors import Seen, Vendor
from tests.databases import MovedClock

DEADLINE = 0.3  # where a test is about slow answers; elsewhere a busy machine must not look like one
PATIENT = 10.0
LEASE = timedelta(seconds=60)
TABLES: dict[str, Any] = {
    "account": {"group_type": "company"},
    "metrics": {
        "api_calls": {"label": "API calls", "event": "api", "measure": "count", "window": "billing_period"},
    },
    "plans": {
        "starter": {"price": 99, "limits": {"api_calls": 100000}},
        "growth": {"price": 499, "limits": {"api_calls": 1000000}},
    },
    "slack": {"channel": "C0SALES"},
}
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


def config(kind: str, **crm: Any) -> Config:
    return Config.model_validate(
        {**TABLES, "crm": {"kind": kind, "currency": "EUR", "pipeline": "Upsell", "stage": "Usage signal", **crm}}
    )


def card_link(card: Card) -> str:
    return f"https://team.slack.example/archives/{card.channel}/p{card.ts.replace('.', '')}"


def ask_slack(user: str) -> Rep:
    emails = {"U0REP1": "rep.one@vendor.example", "U0REP2": "rep.two@vendor.example", "U0NEW": "new@vendor.example"}
    return Rep(user, emails.get(user), user.title(), "UTC", datetime(2026, 11, 1, tzinfo=UTC))


def http(transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """The application's client, perhaps over something that fails."""
    return httpx.Client(transport=transport, event_hooks={"request": [fence.check]})


@dataclass
class World:
    db: Database
    clock: MovedClock
    vendor: Vendor
    client: httpx.Client
    deadline: float = PATIENT
    crm: dict[str, Any] = field(default_factory=dict)  # further keys of [crm]
    _accounts: list[Account] = field(default_factory=list)
    _pushes: int = 0

    @property
    def config(self) -> Config:
        return config(self.vendor.kind, **self.crm)

    @property
    def desk(self) -> Desk:
        return Desk(self.db, self.config)

    def connected(self, client: httpx.Client | None = None) -> Crm:
        """As a new process has it: nothing is remembered but the store."""
        kind, fields = self.vendor.kind, tuple(self.config.crm.fields)
        setup = Setup("EUR", "Upsell", "Usage signal", fields=fields, deadline=self.deadline)
        grants = SealedGrants(self.db, kind, self.vendor.given.values())
        return adapter(kind).connect(client or self.client, self.vendor.given, setup, grants)

    def handlers(self, client: httpx.Client | None = None) -> Mapping[str, Handler]:
        """Those of a new process."""
        crm = self.connected(client)
        say = partial(sentence, labels=CardLabels.of(self.config, "UTC"))
        return deals.handlers(Tools(self.db, crm, self.config, Owners(self.db, crm, ask_slack), say, card_link))

    def opportunity(self, name: str, **changed: Any) -> int:
        number = len(self._accounts)
        domain = f"acme{number or ''}.example"  # an organisation may be found by it
        self._accounts.append(Account(f"acct_{number}", name, domain))
        with self.db.transaction() as tx:
            accounts.save(tx, self._accounts)
            made = opportunities.open_new(tx, self._accounts[-1].key, tx.now(), values(**changed))
        assert made is not None
        return made

    def push(self, opportunity: int, by: str = "U0REP2", **wish: Any) -> int:
        """The job of a click, whatever was clicked before."""
        self._pushes += 1
        with self.db.transaction() as tx:
            opportunities.set_deal_state(tx, opportunity, "pushing")
            payload = {"opportunity": opportunity, "by": by, **wish}
            job = jobs.enqueue(tx, deals.PUSH, payload, ukey=f"test:{self._pushes}", subject=f"deal:{opportunity}")
        assert job is not None
        return job

    def pushed(self, opportunity: int, by: str = "U0REP2", **wish: Any) -> int:
        """The same, and the worker does it."""
        job = self.push(opportunity, by, **wish)
        self.work()
        return job

    def amended(self, opportunity: int) -> int:
        """The job of an evaluation, done."""
        self._pushes += 1
        with self.db.transaction() as tx:
            payload, key = {"opportunity": opportunity}, f"test:{self._pushes}"
            job = jobs.enqueue(tx, deals.AMEND, payload, ukey=key, subject=f"deal:{opportunity}")
        self.work()
        assert job is not None
        return job

    def click(self, user: str = "U0REP2") -> Click:
        self._pushes += 1
        return Click(f"click-{self._pushes}", user)

    def clicked(self, answer: Answer) -> Answer:
        """The worker does what the click asked for."""
        self.work()
        return answer

    def work(self, handlers: Mapping[str, Handler] | None = None, threads: int = 1) -> None:
        worker = Worker(self.db, handlers or self.handlers(), Pace(threads, LEASE, 0.01), deals.buried)
        assert worker.run_until_idle(60)

    def recover(self, handlers: Mapping[str, Handler] | None = None, minutes: int = 20) -> None:
        """Work, let a minute pass, work again, until nothing is left to do."""
        handlers = handlers or self.handlers()
        for _ in range(minutes):
            self.work(handlers)
            if not self.waiting():
                return
            self.vendor.settled()
            self.clock.move(seconds=61)
        raise AssertionError([(job.state, job.error_class, job.last_error) for job in self.waiting()])

    def waiting(self) -> list[Job]:
        with self.db.read() as tx:
            return jobs.list_jobs(tx, states=("ready", "running"), kinds=deals.KINDS)

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
        (job,) = leases.claim(self.db, list(deals.KINDS), "test", 1, LEASE)
        return job, JobContext(self.db, job, LEASE, lambda _: None)

    def finish(self, job: Job, result: Any) -> None:
        with self.db.transaction() as tx:
            leases.finish(tx, job, result)

    def deal(self, name: str) -> Seen:
        """The only one of the only organisation of that name."""
        (organisation,) = self.vendor.organisations(name)
        (found,) = self.vendor.deals(organisation)
        return found

    def note(self, name: str) -> str:
        """The only one of that deal."""
        (note,) = self.vendor.notes(self.deal(name).id)
        return note

    def writes(self) -> list[str]:
        """Since the calls were forgotten."""
        told = [f"{call.method} {call.path}" for call in self.vendor.server.calls if call.method != "GET"]
        reads = ("POST /oauth/*", *self.vendor.reads.values())
        return [one for one in told if not any(fnmatchcase(one, read) for read in reads)]

    def assert_pushed_once(self, opportunity: int, name: str) -> None:
        """One organisation, one deal and one note, with the right owner and value, and the card says so."""
        deal, _ = self.deal(name), self.note(name)
        assert (deal.owner, deal.currency, deal.stage) == ("Rep Two", "EUR", "Usage signal")
        assert deal.value == 4800
        seen = self.see(opportunity)
        assert seen.deal is not None
        assert (seen.deal.id, seen.deal.owner_name, seen.deal_state) == (deal.id, "Rep Two", None)
        if self.config.crm.follow_up:
            (task,) = [task for task in self.vendor.tasks() if name in task.subject]
            assert (task.owner, task.on) == ("Rep Two", ("deal", deal.id))
