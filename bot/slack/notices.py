"""Faults in the data on their way to the managers, each of whom gets a direct message."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from slack_sdk import WebClient

from bot.outbox import AuthFailed, Job, JobContext
from bot.slack.failures import ScopeMissing, calling
from bot.slack.ids import NOTICE_EVENT
from bot.slack.limits import fit_blocks
from bot.slack.posting import Marker, content, found, post
from bot.slack.text import Mrkdwn, clean, escape
from bot.slack.words import count, render

WHAT_TO_DO = Mrkdwn(
    "Until this is mended, cards may be missing or wrong. Compare what PostHog holds with headroom.toml; what is mended"
    " closes by itself at the next evaluation. `headroom doctor` lists all that is open. You hear of each fault once."
)


class NoticeBook(Protocol):
    def pass_on(self, notice: Mapping[str, Any], people: Iterable[str]) -> None:
        """The same notice to each of these people, unless they get it already."""


class NoticeHandler:
    """Job "notice": payload {"to": user or user group, "round", "faults": [{"account", "name", "detail"}], "number"}.

    Slack cannot write to a user group, so each of its members gets a job.
    """

    def __init__(self, client: WebClient, members: Callable[[str], frozenset[str]], book: NoticeBook) -> None:
        self._client, self._members, self._book = client, members, book

    def __call__(self, job: Job, context: JobContext) -> dict[str, Any]:
        to = str(job.payload["to"])
        try:
            if not to.startswith("S"):
                return self._write(to, job, context)
            people = sorted(calling("usergroups.users.list", None, lambda: self._members(to)))
        except ScopeMissing as missing:  # cards need none of these scopes: they are not held back with it
            raise AuthFailed(f"slack:{job.kind}", str(missing)) from missing
        self._book.pass_on(job.payload, people)
        return {"passed on to": len(people)}

    def _write(self, user: str, job: Job, context: JobContext) -> dict[str, Any]:
        marker = Marker(NOTICE_EVENT, str(job.payload["round"]))
        if (there := found(self._client, context, marker)) is not None:
            return {"found": there.ts}
        opened = calling("conversations.open", None, lambda: self._client.conversations_open(users=[user]))
        lines = told(job.payload)
        message = content(fit_blocks(render("said.json.j2", lines=lines)), lines[0], marker)
        return {"posted": post(self._client, context, str(opened["channel"]["id"]), message).ts}


def told(notice: Mapping[str, Any]) -> list[Mrkdwn]:
    """What was found, the first few of it, and what to do."""
    faults, number = notice["faults"], int(notice["number"])
    listed = [f"• {_about(fault)}{escape(fault['detail'])}" for fault in faults]
    if number > len(faults):
        listed.append(f"… and {number - len(faults):,} more")
    return [Mrkdwn(f"Headroom found {count(number, 'fault')} in the data"), Mrkdwn("\n".join(listed)), WHAT_TO_DO]


def _about(fault: Mapping[str, Any]) -> str:
    """Whom it concerns; nothing where that is everybody."""
    name = next((one for one in (fault.get("name"), fault.get("account")) if one and clean(one)), None)
    return f"{escape(name, 80)}: " if name else ""
