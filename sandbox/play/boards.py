"""The CRM as people see it, whichever it is: deals by stage, with what hangs on them, and what people do with them."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sandbox.pipedrive import PipedriveServer
from sandbox.zoho import ZohoServer

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


class ZohoBoard:
    def __init__(self, server: ZohoServer) -> None:
        self._records, self._people = server.records, server.people

    def stages(self) -> list[str]:
        maps = self._records.pipelines.named(PIPELINE)["maps"]
        return [stage["actual_value"] for stage in maps if stage["forecast_type"] == "Open"]

    def deals(self) -> list[Deal]:
        return [self._deal(row) for row in list(self._records.rows["Deals"].values())]

    def move(self, deal: str, stage: str) -> None:
        self._people.move(deal, stage)

    def win(self, deal: str) -> None:
        self._people.win(deal)

    def lose(self, deal: str, reason: str) -> None:
        self._people.lose(deal, reason)

    def reopen(self, deal: str) -> None:
        self._people.reopen(deal)

    def edit(self, deal: str, title: str, value: float) -> None:
        self._people.rename(deal, title)
        self._people.edit(deal, "Amount", value)

    def delete(self, deal: str) -> None:
        self._people.delete(deal)

    def _deal(self, row: Row) -> Deal:
        held = self._records.rows
        kinds = {
            stage["actual_value"]: stage["forecast_type"]
            for stage in self._records.pipelines.named(row["Pipeline"])["maps"]
        }
        owners = {user["id"]: user["full_name"] for user in self._records.users}
        notes = [note for note in held["Notes"].values() if note["Parent_Id"]["id"] == row["id"]]
        tasks = [
            task["Subject"] for task in held["Tasks"].values() if (task.get("What_Id") or {}).get("id") == row["id"]
        ]
        organisation = held["Accounts"].get((row.get("Account_Name") or {}).get("id", ""), {"Account_Name": ""})
        return Deal(
            id=row["id"],
            title=row["Deal_Name"],
            stage=row["Stage"],
            status={"Closed Won": WON, "Closed Lost": LOST}.get(kinds[row["Stage"]], OPEN),
            value=_money(row.get("Amount"), row.get("Currency")),
            owner=owners.get((row.get("Owner") or {}).get("id", ""), ""),
            organisation=organisation["Account_Name"],
            closes_on=row.get("Closing_Date") or "",
            notes=tuple(f"{note.get('Note_Title') or ''}\n{_words(note['Note_Content'])}".strip() for note in notes),
            tasks=tuple(tasks),
            lost_reason=row.get("Reason_For_Loss__s") or "",
        )


def _money(value: Any, currency: Any) -> str:
    return f"{float(value or 0):,.0f} {currency or ''}".strip()


def _words(note: str) -> str:
    """A note's paragraphs as lines, without their markup."""
    lines = re.sub(r"</(?:p|li|h\d|tr|div)>|<br\s*/?>", "\n", note)
    return html.unescape(re.sub(r"<[^>]*>", "", lines)).strip()
