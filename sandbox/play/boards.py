"""The CRM as people see it, whichever it is: deals by stage, with what hangs on them, and what people do with them."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sandbox.pipedrive import PipedriveServer

PIPELINE = "Upsell"
OPEN, WON, LOST = "open", "won", "lost"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Deal:
    """One card of the board. Notes are plain text, a paragraph a line."""

    id: str
    title: str
    stage: str
    status: str
    value: str
    owner: str
    organisation: str
    closes_on: str
    notes: tuple[str, ...]
    tasks: tuple[str, ...]
    lost_reason: str = ""


class Board(Protocol):
    """One pipeline of one CRM. Deals are known by the vendor's id, as text."""

    def stages(self) -> Sequence[str]: ...
    def deals(self) -> Sequence[Deal]: ...
    def move(self, deal: str, stage: str) -> None: ...
    def win(self, deal: str) -> None: ...
    def lose(self, deal: str, reason: str) -> None: ...
    def reopen(self, deal: str) -> None: ...
    def edit(self, deal: str, title: str, value: float) -> None: ...
    def delete(self, deal: str) -> None: ...


class PipedriveBoard:
    def __init__(self, server: PipedriveServer) -> None:
        self._records, self._people = server.records, server.people

    def stages(self) -> list[str]:
        pipeline = next(row["id"] for row in self._records.pipelines if row["name"] == PIPELINE)
        return [row["name"] for row in self._records.stages if row["pipeline_id"] == pipeline]

    def deals(self) -> list[Deal]:
        return [self._deal(row) for row in list(self._records.deals.values()) if not row["is_deleted"]]

    def move(self, deal: str, stage: str) -> None:
        self._people.move(int(deal), stage)

    def win(self, deal: str) -> None:
        self._people.win(int(deal))

    def lose(self, deal: str, reason: str) -> None:
        self._people.lose(int(deal), reason)

    def reopen(self, deal: str) -> None:
        self._people.reopen(int(deal))

    def edit(self, deal: str, title: str, value: float) -> None:
        self._records.change_deal(self._records.deals[int(deal)], {"title": title, "value": value})

    def delete(self, deal: str) -> None:
        self._people.delete(int(deal))

    def _deal(self, row: Row) -> Deal:
        held = self._records
        stages = {stage["id"]: stage["name"] for stage in held.stages}
        owners = {user["id"]: user["name"] for user in held.users}
        notes = [note["content"] for note in held.notes.values() if note.get("deal_id") == row["id"]]
        tasks = [task.get("subject", "") for task in held.activities.values() if task.get("deal_id") == row["id"]]
        organisation = held.organizations.get(row["org_id"] or 0, {"name": ""})
        return Deal(
            id=str(row["id"]),
            title=row["title"],
            stage=stages[row["stage_id"]],
            status=row["status"],
            value=_money(row["value"], row["currency"]),
            owner=owners.get(row["owner_id"], ""),
            organisation=organisation["name"],
            closes_on=row["expected_close_date"] or "",
            notes=tuple(_words(note) for note in notes),
            tasks=tuple(tasks),
            lost_reason=row["lost_reason"] or "",
        )


def _money(value: Any, currency: Any) -> str:
    return f"{float(value or 0):,.0f} {currency or ''}".strip()


def _words(note: str) -> str:
    """A note's paragraphs as lines, without their markup."""
    lines = re.sub(r"</(?:p|li|h\d|tr|div)>|<br\s*/?>", "\n", note)
    return html.unescape(re.sub(r"<[^>]*>", "", lines)).strip()
