"""What Zoho's records look like, both ways: a row becomes a value, a value a row, a note plain text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from crm.base import Ambiguous, Amendment, DealDraft, DealRecord, FieldValue, Note, Organisation, Task
from crm.text import domain_of, marker, number
from crm.zoho.api import Row
from crm.zoho.fields import LONGEST_TEXT, Field
from crm.zoho.places import Place, Places

LOST_REASON = "Reason_For_Loss__s"
READ = ("id", "Deal_Name", "Owner", "Amount", "Stage", "Pipeline", "Account_Name", "Closing_Date", "Modified_Time")
LONGEST_TITLE, LONGEST_NAME = 120, 200  # of a note, and of an account
LONGEST_NOTE = 65_535
NOT_MARKUP = str.maketrans("<>", "\u2039\u203a")  # whether a note is shown as text or as HTML is not documented


@dataclass(frozen=True, slots=True)
class DealForm:
    """What it takes to read and to fill a deal. `fields` are those of the configuration, by the names that stand
    there; `known` the API names of all fields that deals have; `link` the address of a deal without its id."""

    link: str
    currency: str | None  # None: the company has but one
    key: str
    fields: Mapping[str, Field]
    known: frozenset[str]
    places: Places
    longest_title: int

    @property
    def columns(self) -> list[str]:
        """What to ask for."""
        wanted = (*READ, LOST_REASON, self.key, *(field.code for field in self.fields.values()))
        return [name for name in dict.fromkeys(wanted) if name == "id" or name in self.known]

    def read(self, row: Row) -> DealRecord:
        try:
            status = self.places.outcome(row.get("Pipeline"), str(row["Stage"]))
            return DealRecord(
                id=str(row["id"]),
                title=row["Deal_Name"],
                url=f"{self.link}{row['id']}",
                key=row.get(self.key) or None,
                owner_id=_id_of(row.get("Owner")),
                value=None if row.get("Amount") is None else Decimal(str(row["Amount"])),
                status=status,
                organisation_id=_id_of(row.get("Account_Name")),
                expected_close=date.fromisoformat(close) if (close := row.get("Closing_Date")) else None,
                lost_reason=row.get(LOST_REASON) or None if status == "lost" else None,
                fields=self._values(row),
                version=row.get("Modified_Time"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Ambiguous(f"Zoho shows a deal that cannot be read ({error!r})") from error

    def new(self, draft: DealDraft, fields: Row, place: Place) -> Row:
        """`fields` are the draft's, by their API names."""
        row: Row = {
            "Deal_Name": short(draft.title, self.longest_title),
            "Account_Name": {"id": draft.organisation_id},
            "Owner": {"id": draft.owner_id},
            "Closing_Date": draft.expected_close.isoformat(),
            **place.row(),
            **({"Currency": self.currency} if self.currency else {}),
            **({} if draft.value is None else {"Amount": number(draft.value)}),
            **fields,
            self.key: draft.key,
        }
        return row

    def changed(self, amendment: Amendment, fields: Row) -> Row:
        """Nothing but what is to change; the currency stays what people chose."""
        row = {**fields, **({self.key: amendment.key} if amendment.key else {})}
        return row if amendment.value is None else {**row, "Amount": number(amendment.value)}

    def _values(self, row: Row) -> dict[str, FieldValue]:
        values = ((name, field.read(row.get(field.code))) for name, field in self.fields.items())
        return {name: value for name, value in values if value is not None}


def _id_of(lookup: Row | None) -> str | None:
    return str(lookup["id"]) if lookup else None


def short(text: str, longest: int = LONGEST_TEXT) -> str:
    return text.strip()[:longest]


def organisation(row: Row, domain_field: str) -> Organisation:
    return Organisation(str(row["id"]), row["Account_Name"], domain_of(row.get(domain_field)))


def oldest(rows: Iterable[Row], domain_field: str) -> Organisation | None:
    row = min(rows, key=lambda row: int(row["id"]), default=None)
    return organisation(row, domain_field) if row else None


def note_row(note: Note) -> Row:
    """The first line is its title, unless it is too long for one; the last line is our mark."""
    title, *lines = [line.translate(NOT_MARKUP) for line in note.lines] or ["Headroom"]
    if len(title) > LONGEST_TITLE or "\n" in title:
        lines.insert(0, title)
    end = [note.link] if note.link else []
    last = "\n".join(["", *end, marker(note.key)]) if lines else "\n".join([*end, marker(note.key)])
    text = "\n".join(lines)[: LONGEST_NOTE - len(last)]
    return {"Note_Title": short(" ".join(title.split()), LONGEST_TITLE), "Note_Content": text + last}


def task_row(task: Task, parent: str, module: Literal["Deals", "Accounts"]) -> Row:
    return {
        "Subject": short(task.subject),
        "Due_Date": task.due.isoformat(),
        "Owner": {"id": task.owner_id},
        "What_Id": {"id": parent},
        "$se_module": module,
        "Description": marker(task.key),
    }


def has_mark(text: str | None, key: str) -> bool:
    return marker(key) in {line.strip() for line in (text or "").splitlines()}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def is_same_moment(one: str | None, other: str) -> bool:
    """However each is written; the zone depends on who asks."""
    try:
        return one is not None and moment(one) == moment(other)
    except (TypeError, ValueError):
        return one == other
