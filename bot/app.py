"""The composition root: settings and configuration become a running application. Nobody else knows everyone."""

import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import httpx
from slack_sdk import WebClient

from bot import cardbook, deals, notices, scheduler
from bot.cardbook import CardBook
from bot.config import Config
from bot.config.mistakes import ConfigError
from bot.config.settings import Settings
from bot.deals import fence
from bot.deals.grants import SealedGrants
from bot.deals.owners import Owners
from bot.deals.webhook import webhook
from bot.deals.work import Tools as DealTools
from bot.desk import Desk
from bot.evaluation import READ_STATE, Evaluation, Evaluator, slots
from bot.evaluation.decisions import enqueue_card
from bot.following import Following
from bot.model import Clock, Signal
from bot.notices import NoticeBook
from bot.outbox import Handler
from bot.outbox.worker import Worker
from bot.posthog.client import Client
from bot.posthog.errors import PostHogError
from bot.posthog.reader import Progress
from bot.posthog.reading import Problem
from bot.posthog.state import ReadState
from bot.slack import people
from bot.slack.app import Access, SlackSide, web_client
from bot.slack.delivery import CardHandler, Channel, ReplyHandler
from bot.slack.managers import Managers
from bot.slack.notices import NoticeHandler
from bot.slack.room import Room, Tools
from bot.slack.threads import ThreadHandler
from bot.slack.words import CardLabels, sentence
from bot.store import Database, Transaction, holds, memory, opportunities, problems, retention
from bot.store.jobs import Job
from crm import adapter
from crm.base import Crm, CrmError, Setup

log = logging.getLogger(__name__)
KEEP = timedelta(days=30)
CRM_SECONDS = 10.0  # how long one call may last; PostHog's client sets its own limit


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Headroom:
    """One deployment. Its parts are made when they are first asked for: a command needs only some of them."""

    settings: Settings
    config: Config
    clock: Clock = utc_now
    tick_seconds: float = scheduler.TICK_SECONDS  # shorter where the clock is made to run

    @cached_property
    def db(self) -> Database:
        try:
            db = Database(self.settings.database_url.get_secret_value(), self.clock)
        except ValueError:  # its text would repeat the password
            raise ConfigError(["DATABASE_URL: is not an address. Look at its port and its slashes."]) from None
        db.migrate()
        return db

    @cached_property
    def http(self) -> httpx.Client:
        return httpx.Client(timeout=CRM_SECONDS, event_hooks={"request": [fence.check]})

    @cached_property
    def posthog(self) -> Client:
        self.settings.require("posthog")
        key, project = _told(self.settings.posthog_api_key), str(self.settings.posthog_project_id)
        return Client(self.http, self.settings.posthog_host, project, key, self.clock)

    @cached_property
    def slack(self) -> WebClient:
        self.settings.require("slack")
        return web_client(_told(self.settings.slack_bot_token), self.settings.slack_api_url)

    @cached_property
    def crm(self) -> Crm | None:
        """None where the configuration names no CRM."""
        crm = self.config.crm
        if crm.kind is None:
            return None
        self.settings.require(crm.kind)
        given = {name: value.get_secret_value() for name, value in self.settings.crm.items()}
        fields = tuple(crm.fields)
        setup = Setup(crm.currency, crm.pipeline, crm.stage, crm.key_field, crm.domain_field, fields, CRM_SECONDS)
        grants = SealedGrants(self.db, crm.kind, self._crm_secrets(crm.kind))
        return adapter(crm.kind).connect(self.http, given, setup, grants)

    def _crm_secrets(self, kind: str) -> list[str]:
        held, wanted = self.settings.crm, adapter(kind).settings
        return [held[one.name].get_secret_value() for one in wanted if one.secret and one.name in held]

    @cached_property
    def following(self) -> Following | None:
        """None where the configuration names no CRM."""
        kind, crm, url = self.config.crm.kind, self.crm, self.settings.headroom_public_url
        if kind is None or crm is None:
            return None
        hook = webhook(url, self._crm_secrets(kind)) if url else None
        return Following(self.db, crm, kind, self.config.crm.poll_interval, hook)

    @cached_property
    def desk(self) -> Desk:
        return Desk(self.db, self.config)

    @cached_property
    def managers(self) -> Managers:
        return Managers(self.slack, self.config.slack.managers)

    def labels(self) -> CardLabels:
        with self.db.read() as tx:
            known = ReadState.from_json(memory.get(tx, READ_STATE))
        return CardLabels.of(self.config, known.timezone or "UTC")

    def _say(self, signal: Signal) -> str:
        return sentence(signal, self.labels())

    def evaluate(
        self,
        at: datetime,
        *,
        dry_run: bool = False,
        progress: Progress = lambda *_: None,
        still_ours: slots.StillOurs = lambda _: None,
    ) -> Evaluation:
        """One evaluation. That PostHog could not be read is remembered as a problem until it can."""
        try:
            evaluator = Evaluator(self.db, self.posthog, self.config)
            found = evaluator.evaluate(at, dry_run=dry_run, progress=progress, still_ours=still_ours)
        except PostHogError as error:
            if not dry_run:
                self._report_reading([Problem("posthog_not_read", None, str(error))])
            raise
        if not dry_run:
            self._report_reading([])
        return found

    def _report_reading(self, trouble: list[Problem]) -> None:
        with self.db.transaction() as tx:
            problems.report(tx, "posthog_reading", trouble)

    def evaluate_slot(self) -> None:
        """The evaluation that is due now, if nobody has done it."""
        if self.following:
            self.following.before_evaluation()
        slots.run_slot(self.db, scheduler.slot(self.clock(), self.config.schedule.interval), self._evaluated)

    def _evaluated(self, still_ours: slots.StillOurs) -> dict[str, Any]:
        done = self.evaluate(self.clock(), still_ours=still_ours)
        summary = {
            "accounts": done.accounts,
            "posthog_calls": done.calls,
            "problems": len(done.problems) + len(done.faults),
        }
        log.info("evaluated: %s", summary)
        return summary

    def tick(self) -> None:
        """What time brings by itself: snoozed opportunities return, managers hear of faults, old bookkeeping goes."""
        with self.db.transaction() as tx:
            for identity, version in opportunities.wake(tx, self.clock()).items():
                enqueue_card(tx, identity, version)
            notices.tell_managers(tx, self.config.slack.managers)
            retention.purge(tx, self.clock() - KEEP)

    def worker(self) -> Worker:
        slack = self.config.slack
        book = CardBook(self.db)
        handlers: dict[str, Handler] = {
            "card": CardHandler(self.slack, book, Channel(slack.channel, self.labels, slack.save_channel)),
            "thread": ThreadHandler(self.slack, book, self.labels),
            "reply": ReplyHandler(self.slack),
            notices.KIND: NoticeHandler(self.slack, self.managers.members, NoticeBook(self.db)),
        }
        if self.crm is not None:
            ask, card_link = people.asker(self.slack, self.clock), people.card_link(self.slack)
            owners = Owners(self.db, self.crm, ask)
            handlers |= deals.handlers(DealTools(self.db, self.crm, self.config, owners, self._say, card_link))
        with self.db.transaction() as tx:
            for hold in holds.paused(tx):
                holds.resume(tx, hold.scope)  # whoever starts us may have replaced the key: it counts at once
        return Worker(self.db, handlers, buried=_buried)

    def slack_side(self) -> SlackSide:
        self.settings.require("slack", "slack_events")
        tools = Tools(self.desk, self.slack, self.managers, self.labels, self.clock)
        settings = self.settings
        access = Access(
            bot_token=_told(settings.slack_bot_token),
            app_token=_told(settings.slack_app_token) or None,
            signing_secret=_told(settings.slack_signing_secret) or None,
            api_url=settings.slack_api_url,
            host=settings.headroom_host,
            port=settings.headroom_port,
        )
        return SlackSide(access, Room(tools), self.db.ready, self.following.door if self.following else None)

    def refuse_what_blocks(self) -> None:
        """A CRM that would let deals be made twice is no CRM to start with. One that is away may come back."""
        try:
            found = self.crm.check() if self.crm else []
        except CrmError as error:
            log.warning("The CRM cannot be looked at: %s", error)
            return
        if blocking := [one for one in found if one.blocks]:
            raise ConfigError([f"crm: {one.what}: {one.fix or 'run headroom doctor'}" for one in blocking])

    def run(self, stopping: threading.Event, started: Callable[[SlackSide], None] = lambda _: None) -> None:
        """Slack, scheduler and worker, until the event is set; then running work is finished."""
        self.refuse_what_blocks()
        slack, worker = self.slack_side(), self.worker()
        _ = self.posthog  # refuses here, not at the first slot, where its settings are missing
        self._listen(slack)
        worker.start()
        duties = {"evaluate": self.evaluate_slot, "tick": self.tick}
        following = self.following
        if following:
            following.start()
            duties |= {"follow": following.poll_slot, "webhook": following.hook_slot}
        clock = scheduler.start(duties, self.tick_seconds)
        started(slack)
        stopping.wait()
        log.info("stopping")
        clock.shutdown(wait=False)
        slack.stop()
        if following:
            following.stop()
        worker.stop()

    def _listen(self, slack: SlackSide) -> None:
        try:
            slack.start()
        except OSError as error:
            where = f"{self.settings.headroom_host}, port {self.settings.headroom_port}"
            why = f"cannot listen at {where} ({error.strerror}). Choose others, or end what is there."
            raise ConfigError([f"HEADROOM_HOST, HEADROOM_PORT: {why}"]) from error

    def close(self) -> None:
        """Let go of every connection that was made. Nothing of this works afterwards."""
        for name in ("http", "db"):
            if name in self.__dict__:
                self.__dict__[name].close()


def stop_on_signals(stopping: threading.Event) -> None:
    """SIGTERM and Ctrl-C end the process in order."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())


def _buried(tx: Transaction, job: Job, why: str) -> None:
    if job.kind in deals.KINDS:
        deals.buried(tx, job, why)
    elif job.kind == "card":
        cardbook.buried(tx, job, why)


def _told(secret: Any) -> str:
    return secret.get_secret_value() if secret else ""
