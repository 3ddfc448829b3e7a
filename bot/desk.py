"""What people may do with an opportunity: each command is one short transaction, with its jobs inside."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from bot import lookup, pushes
from bot.config import Config, Crm, Thresholds
from bot.evaluation.decisions import enqueue_card
from bot.model import LIVE, AccountReport, DealOwner, Opportunity
from bot.slack.desk import Answer, Click, ThresholdView
from bot.slack.status import RESTS
from bot.store import Database, Transaction, deal_owners, inbox, jobs, opportunities, thresholds
from bot.why import why

SOURCE = "slack"
REPLY_PRIORITY = 10
GONE = "This opportunity is not there any more."


@dataclass(frozen=True, slots=True)
class Desk:
    """Commands and look-ups behind Slack's buttons. A command delivered twice has one effect and one answer."""

    db: Database
    config: Config

    def claim(self, click: Click, opportunity: int) -> Answer:
        return self._once(click, "claim", lambda tx: _claim(tx, click.user, opportunity, self.config.crm))

    def push(self, click: Click, opportunity: int) -> Answer:
        return self._once(click, "push", lambda tx: _push(tx, click.user, opportunity, self.config.crm))

    def use_deal(self, click: Click, opportunity: int, deal: str) -> Answer:
        def use(tx: Transaction, now: Opportunity) -> Answer:
            return pushes.use_deal(tx, self.config.crm, click.user, now, deal)

        return self._once(click, "use_deal", lambda tx: _theirs(tx, click.user, opportunity, click.user, use))

    def new_deal(self, click: Click, opportunity: int) -> Answer:
        def make(tx: Transaction, now: Opportunity) -> Answer:
            return pushes.new_deal(tx, self.config.crm, click.user, now)

        return self._once(click, "new_deal", lambda tx: _theirs(tx, click.user, opportunity, click.user, make))

    def choose_owner(self, click: Click, opportunity: int, rep: str, owner: str) -> Answer:
        def choose(tx: Transaction, now: Opportunity) -> Answer:
            return pushes.choose_owner(tx, self.config.crm, now, rep, owner)

        return self._once(click, "choose_owner", lambda tx: _theirs(tx, click.user, opportunity, rep, choose))

    def snooze(self, click: Click, opportunity: int, until: datetime) -> Answer:
        return self._once(click, "snooze", lambda tx: _snooze(tx, click.user, opportunity, until))

    def dismiss(self, click: Click, opportunity: int, reason: str, note: str) -> Answer:
        return self._once(click, "dismiss", lambda tx: _dismiss(tx, click.user, opportunity, reason, note))

    def set_thresholds(self, click: Click, version: int, values: Thresholds) -> Answer:
        return self._once(click, "set_thresholds", lambda tx: _set_thresholds(tx, click.user, version, values))

    def details(self, opportunity: int) -> Opportunity | None:
        with self.db.read() as tx:
            return opportunities.get(tx, opportunity)

    def find_accounts(self, text: str) -> list[AccountReport]:
        with self.db.read() as tx:
            return lookup.find(tx, self.config, text)

    def explain_accounts(self, text: str) -> list[AccountReport]:
        with self.db.read() as tx:
            found = lookup.find(tx, self.config, text)
            if len(found) != 1:
                return found
            return [replace(found[0], rules=why(tx, self.config, found[0].account).in_short())]

    def inbox(self, user: str, everyone: bool) -> list[Opportunity]:
        with self.db.read() as tx:
            return opportunities.listing(tx, None if everyone else user)

    def thresholds(self) -> ThresholdView:
        with self.db.read() as tx:
            last = thresholds.current(tx)
        if last is None:
            return ThresholdView(0, self.config.thresholds.defaults, exceptions=self.config.thresholds.exceptions)
        return ThresholdView(last.version, last.values, last.who, last.at, self.config.thresholds.exceptions)

    def deal_owners(self, text: str) -> list[DealOwner]:
        with self.db.read() as tx:
            return deal_owners.search(tx, text)

    def _once(self, click: Click, action: str, act: Callable[[Transaction], Answer]) -> Answer:
        """Act unless this delivery was answered already; what there is to say goes out with the same commit."""
        with self.db.transaction() as tx:
            known = inbox.first_time(tx, SOURCE, click.delivery, click.user, action)
            if known is not None:
                return Answer(**known)
            answer = act(tx)
            inbox.remember(tx, SOURCE, click.delivery, asdict(answer))
            if answer.text and click.channel:
                _reply(tx, click, answer)
            return answer


def _set_thresholds(tx: Transaction, user: str, version: int, values: Thresholds) -> Answer:
    try:
        thresholds.change(tx, user, version, values)
    except thresholds.ConflictError as conflict:
        now = conflict.current
        told = f" to {_told(now.values)}" if now else ""
        return Answer(
            False, f"{{by}} changed the thresholds meanwhile{told}. Open the form again.", now.who if now else None
        )
    return Answer(True, "Saved. The new thresholds count from the next evaluation.")


def _told(values: Thresholds) -> str:
    levels = ", ".join(f"{level:g}" for level in values.approaching)
    return f"levels {levels} %, growth {values.growth_probability:.0%}"


def _claim(tx: Transaction, user: str, identity: int, crm: Crm) -> Answer:
    version = opportunities.claim(tx, identity, user)
    if version is None:
        return _too_late(tx, user, identity)
    pushes.enqueue_task(tx, crm, identity, version)
    enqueue_card(tx, identity, version)
    return Answer(True)


def _theirs(
    tx: Transaction, user: str, identity: int, owner: str, act: Callable[[Transaction, Opportunity], Answer]
) -> Answer:
    """Act on what is live and has this owner, whoever the user is."""
    now = opportunities.get(tx, identity)
    if now is None or now.state not in LIVE or now.owner != owner:
        return _too_late(tx, user, identity)
    return act(tx, now)


def _push(tx: Transaction, user: str, identity: int, crm: Crm) -> Answer:
    """Pushing what nobody has claimed claims it: the deal is created in the name of the one who clicked."""
    if crm.kind is None:
        return Answer(False, "No CRM is configured.")
    now = opportunities.get(tx, identity)
    if now is None or now.state not in LIVE or now.owner not in (None, user):
        return _too_late(tx, user, identity)
    if now.deal_state == "pushing":
        return Answer(True, "It is on its way already.")
    if (
        now.state != "claimed"
        and opportunities.move(
            tx,
            identity,
            "claimed",
            who=user,
            what="claimed",
            given=opportunities.free_or_of(user),
            owner=user,
            snoozed_until=None,
        )
        is None
    ):
        return _too_late(tx, user, identity)
    version = opportunities.touch(tx, identity, deal_state="pushing", question=None)
    pushes.enqueue_push(tx, crm, identity, version, user)
    if now.state != "claimed" or now.question:
        pushes.enqueue_task(tx, crm, identity, version)
    enqueue_card(tx, identity, version)
    return Answer(True)


def _snooze(tx: Transaction, user: str, identity: int, until: datetime) -> Answer:
    if until <= tx.now():
        return Answer(False, "That moment has passed already. Choose a later one.")
    mine = opportunities.free_or_of(user)
    return _moved(
        tx,
        user,
        identity,
        opportunities.move(tx, identity, "snoozed", who=user, what="snoozed", given=mine, snoozed_until=until),
    )


def _dismiss(tx: Transaction, user: str, identity: int, reason: str, note: str) -> Answer:
    mine = opportunities.free_or_of(user)
    why = f"{reason}: {note}" if note else reason
    return _moved(
        tx,
        user,
        identity,
        opportunities.move(tx, identity, "dismissed", who=user, what="dismissed", given=mine, dismissed_reason=why),
    )


def _moved(tx: Transaction, user: str, identity: int, version: int | None) -> Answer:
    if version is None:
        return _too_late(tx, user, identity)
    enqueue_card(tx, identity, version)
    return Answer(True)


def _too_late(tx: Transaction, user: str, identity: int) -> Answer:
    """A friendly word for who came second, and a fresh card: theirs may be an old one."""
    now = opportunities.get(tx, identity)
    if now is None:
        return Answer(False, GONE)
    enqueue_card(tx, identity, opportunities.touch(tx, identity))
    if now.state not in LIVE:
        rest = RESTS[now.state]
        return Answer(False, f"This one {rest.told}" + (f": {rest.why}." if rest.why else "."))
    if now.owner == user:
        return Answer(True, "It is yours already.")
    return Answer(False, "{by} has this one.", now.owner)


def _reply(tx: Transaction, click: Click, answer: Answer) -> None:
    payload = {
        "user": click.user,
        "channel": click.channel,
        "response_url": click.response_url,
        "text": answer.text,
        "by": answer.by,
    }
    jobs.enqueue(
        tx, "reply", payload, ukey=f"reply:{click.delivery}", subject=f"reply:{click.delivery}", priority=REPLY_PRIORITY
    )
