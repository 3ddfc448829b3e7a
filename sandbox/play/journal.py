"""What happened: every call between the bot and the vendors, and every click on its way to the bot, in order."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.model import Opportunity
from bot.store import opportunities
from sandbox.play.play import Play
from sandbox.server import Call
from sandbox.slack.people import Sent

LONGEST = 6000  # characters of a body


@dataclass(frozen=True, slots=True)
class Entry:
    """One call: who asked whom for what, and what came back."""

    number: int
    at: datetime
    who: str
    what: str
    status: str
    asked: str
    answered: str

    @property
    def is_bad(self) -> bool:
        return not self.status.startswith("2") or '"ok": false' in self.answered[:200]


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of everything there is; `messages` by the rep whom they mention or who alone sees them."""

    cards: int
    clicks: int
    deals: int
    messages: Mapping[str, int]


def entries(play: Play, about: re.Pattern[str] | None = None, most: int = 100) -> list[Entry]:
    """The latest first; with `about` only those that say something of the kind."""
    found: list[Entry] = []
    for _, make in sorted(_all(play), key=lambda one: -one[0]):
        entry = make()
        if about is None or any(map(about.search, (entry.what, entry.asked, entry.answered))):
            found.append(_short(entry))
        if len(found) == most:
            break
    return found


def cases(play: Play) -> list[Opportunity]:
    """The latest opportunity of each account that has had one."""
    database = play.database()
    try:
        with database.read() as tx:
            found = [opportunities.latest(tx, account) for account in play.traffic.parts]
    finally:
        database.close()
    return [case for case in found if case is not None]


def words_of(case: Opportunity) -> re.Pattern[str]:
    """By what a call can be seen to be about this opportunity."""
    known = [case.key, json.dumps(case.account.name, ensure_ascii=False)[1:-1], *([case.card.ts] if case.card else [])]
    words = [re.escape(one) for one in known]
    if case.deal:
        words.append(rf"""(?:deals/|"deal_id": ){re.escape(case.deal.id)}(?!\d)""")
    return re.compile("|".join(words), re.IGNORECASE)


def counts(play: Play) -> Counts:
    workspace, people = play.world.slack.workspace, play.world.slack.people
    posted = [one for channel in list(workspace.channels.values()) for one in list(channel.messages.values())]
    cards = [one for one in posted if (one.metadata or {}).get("event_type") == "headroom_card"]
    reps: Counter[str] = Counter()
    for message in [*posted, *list(workspace.ephemerals)]:
        with_user = workspace.channels[message.channel].with_user
        addressed = {message.only_for, with_user} - {None}
        addressed |= {user for user in workspace.users if f"<@{user}>" in message.text}
        reps.update(str(user) for user in addressed)
    clicks = sum(one.ack.delivery.payload.get("type") == "block_actions" for one in people.sent)
    return Counts(len(cards), clicks, len(play.board.deals()), dict(reps))


def _all(play: Play) -> Iterator[tuple[int, Any]]:
    for name, server in play.vendors.items():
        for call in server.calls:
            yield call.number, lambda name=name, call=call: _of_call(name, call)
    for sent in list(play.world.slack.people.sent):
        yield sent.number, lambda sent=sent: _of_click(sent)


def _of_call(name: str, call: Call) -> Entry:
    status = "no answer" if call.status is None else str(call.status)
    asked = _pretty(call.request.body.decode(errors="replace"))
    if call.request.query:
        asked = f"{json.dumps(dict(call.request.query), ensure_ascii=False)}\n{asked}".strip()
    answered = call.response if isinstance(call.response, str) else _dumped(call.response)
    return Entry(call.number, call.at, f"bot → {name}", f"{call.method} {call.path}", status, asked, answered)


def _of_click(sent: Sent) -> Entry:
    delivery, ack = sent.ack.delivery, sent.ack
    payload = delivery.payload
    kind = str(payload.get("type") or payload.get("command") or delivery.kind)
    what = (
        f"{kind} {payload['actions'][0]['action_id']}" if "actions" in payload else f"{kind} {payload.get('text', '')}"
    )
    status = "no answer" if ack.status is None else str(ack.status)
    words = f"{what.strip()} by {delivery.user.name}"
    return Entry(sent.number, sent.at, "Slack → bot", words, status, _dumped(payload), _dumped(ack.body))


def _pretty(body: str) -> str:
    try:
        return _dumped(json.loads(body)) if body else ""
    except ValueError:
        return body


def _dumped(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, indent=1) if body is not None else ""


def _short(entry: Entry) -> Entry:
    asked, answered = (
        text if len(text) <= LONGEST else f"{text[:LONGEST]} …" for text in (entry.asked, entry.answered)
    )
    return Entry(entry.number, entry.at, entry.who, entry.what, entry.status, asked, answered)
