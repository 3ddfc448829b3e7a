"""What Pipedrive's records look like, both ways: a row becomes a value, a value a row, a note HTML."""

import html
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from crm.base import Ambiguous, Amendment, DealDraft, DealRecord, Note, Organisation
from crm.pipedrive.api import Row

LONGEST_TEXT = 255  # of a varchar field, and of names and titles


@dataclass(frozen=True, slots=True)
class DealForm:
    """What it takes to read a deal: where the company lives, and the fields that hold our key.

    The first field is written; replicas that raced to make it may have left a second.
    """

    company: str
    key_fields: list[str]

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
                status=row["status"],
                organisation_id=None if row.get("org_id") is None else str(row["org_id"]),
                expected_close=date.fromisoformat(close) if (close := row.get("expected_close_date")) else None,
                editable=not (row.get("is_deleted") or row.get("is_archived")),
                lost_reason=row.get("lost_reason") or None,
                version=row.get("update_time"),
            )
        except KeyError as error:
            raise Ambiguous(f"Pipedrive shows a deal without {error}") from error


def draft_row(draft: DealDraft, key_field: str, currency: str) -> Row:
    row: Row = {
        "title": short(draft.title),
        "org_id": int(draft.organisation_id),
        "owner_id": int(draft.owner_id),
        "currency": currency,
        "expected_close_date": draft.expected_close.isoformat(),
        "custom_fields": {key_field: draft.key},
    }
    return row if draft.value is None else {**row, "value": _number(draft.value)}


def amendment_row(amendment: Amendment) -> Row:
    return {} if amendment.value is None else {"value": _number(amendment.value)}


def same(one: str, other: str) -> bool:
    """Names that people take for the same: case and runs of white space do not count."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def short(text: str) -> str:
    return text.strip()[:LONGEST_TEXT]


def oldest(rows: list[Row]) -> Organisation | None:
    row = min(rows, key=lambda row: int(row["id"]), default=None)
    return Organisation(str(row["id"]), row["name"]) if row else None


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def marker(key: str) -> str:
    return f"ref: {key}"


def note_html(note: Note) -> str:
    lines = [html.escape(line) for line in (*note.lines, marker(note.key))]
    if note.link:
        lines.insert(-1, f'<a href="{html.escape(note.link)}">{html.escape(note.link)}</a>')
    return "".join(f"<p>{line}</p>" for line in lines)


def note_lines(content: str) -> set[str]:
    """The lines that a person sees, however the CRM rewrote the tags."""
    return {html.unescape(text).strip() for text in re.split(r"<[^>]*>|\n", content)}
