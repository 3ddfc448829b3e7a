"""Names, values, marks and domains as people see them, whatever the CRM."""

from decimal import Decimal
from urllib.parse import urlsplit

from crm.base import FieldValue


def same(one: str, other: str) -> bool:
    """Names that people take for the same: case and runs of white space do not count."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def number(value: Decimal) -> int | float:
    """As JSON has it."""
    return int(value) if value == value.to_integral_value() else float(value)


def told(value: FieldValue) -> str:
    """A value in an error, short enough to be read."""
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}... ({len(text)} characters)"


def marker(key: str) -> str:
    """The line by which a note or a task is found again."""
    return f"ref: {key}"


def domain_of(website: str | None) -> str | None:
    """The domain of a web site, however people wrote it down; None where there is none in it."""
    if not website or not website.strip():
        return None
    text = website.strip().casefold()
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname
    except ValueError:
        return None
    return host.removeprefix("www.") if host else None
