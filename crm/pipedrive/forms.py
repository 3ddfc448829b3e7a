"""What Pipedrive's records look like, both ways: a row becomes a value, a value a row, a note HTML."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal

from crm.base import Ambiguous, Amendment, DealDraft, DealRecord, FieldValue, Note, Organisation, Task
from crm.pipedrive.api import Row
from crm.pipedrive.fields import LONGEST_TEXT, Field
from crm.text import domain_of, marker, number


@dataclass(frozen=True, slots=True)
class DealForm:
    """What it takes to read and to fill a deal: where the company lives, the fields that hold our key, and those of
    the configuration, by the names that stand there.

    The first key field is written; replicas that raced to make it may have left a second.
    """

    company: str
    currency: str
    key_fields: list[str]
    fields: Mapping[str, Field]

    def read(self, row: Row) -> DealRecord:
        try:
            held = row.get("custom_fields") or {}
            return DealRecord(
                id=str(row["id"]),
                title=row["title"],
                url=f"https://{self.company}.pipedrive.com/deal/{row['id']}",
                key=next((held[code] for code in self.key_fields if held.get(code)), None),
                owner_id=str(row["owner_id"]),
                value=None if row.get("value") is None else Decimal(str(row["value"])),
                status=_status(row),
                organisation_id=None if row.get("org_id") is None else str(row["org_id"]),
                expected_close=date.fromisoformat(close) if (close := row.get("expected_close_date")) else None,
                editable=not (row.get("is_deleted") or row.get("is_archived") or row["status"] == "deleted"),
                lost_reason=row.get("lost_reason") or None,
                fields=self._values(held),
                version=row.get("update_time"),
            )
        except (KeyError, ValueError) as error:
            raise Ambiguous(f"Pipedrive shows a deal that cannot be read ({error!r})") from error

    def new(self, draft: DealDraft, fields: Row) -> Row:
        """`fields` are the draft's, by their codes."""
        row: Row = {
            "title": short(draft.title),
            "org_id": int(draft.organisation_id),
            "owner_id": int(draft.owner_id),
            "currency": self.currency,
            "expected_close_date": draft.expected_close.isoformat(),
            "custom_fields": {self.key_fields[0]: draft.key, **fields},
        }
        return row if draft.value is None else {**row, "value": number(draft.value)}

    def changed(self, amendment: Amendment, fields: Row) -> Row:
        """Nothing but what is to change; the currency stays what people chose."""
        custom = {**({self.key_fields[0]: amendment.key} if amendment.key else {}), **fields}
        row: Row = {"custom_fields": custom} if custom else {}
        return row if amendment.value is None else {**row, "value": number(amendment.value)}

    def _values(self, held: Row) -> dict[str, FieldValue]:
        values = ((name, field.read(held.get(field.code))) for name, field in self.fields.items())
        return {name: value for name, value in values if value is not None}


def _status(row: Row) -> Literal["open", "won", "lost"]:
    """A deleted deal was not decided, as far as we know."""
    status = row["status"]
    return "won" if status == "won" else "lost" if status == "lost" else "open"


def task_row(task: Task, kind: str) -> Row:
    return {
        "subject": short(task.subject),
        "type": kind,
        "owner_id": int(task.owner_id),
        "due_date": task.due.isoformat(),
        "note": f"<p>{html.escape(marker(task.key))}</p>",
    }


def short(text: str) -> str:
    return text.strip()[:LONGEST_TEXT]


def organisation(row: Row, domain_field: str | None = None) -> Organisation:
    """The domain from its own field where there is one, else from the web site."""
    held = (row.get("custom_fields") or {}).get(domain_field) if domain_field else None
    return Organisation(str(row["id"]), row["name"], held or domain_of(row.get("website")))


def oldest(rows: list[Row]) -> Organisation | None:
    row = min(rows, key=lambda row: int(row["id"]), default=None)
    return Organisation(str(row["id"]), row["name"]) if row else None


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def note_html(note: Note) -> str:
    lines = [html.escape(line) for line in (*note.lines, marker(note.key))]
    if note.link:
        lines.insert(-1, f'<a href="{html.escape(note.link)}">{html.escape(note.link)}</a>')
    return "".join(f"<p>{line}</p>" for line in lines)


def note_lines(content: str | None) -> set[str]:
    """The lines that a person sees, however the CRM rewrote the tags."""
    return {html.unescape(text).strip() for text in re.split(r"<[^>]*>|\n", content or "")}
