"""What we last wrote to a deal: where something else stands now, people changed it, and it is theirs from then on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, Self

from crm.base import DealRecord, FieldValue

VALUE = ""  # the deal's own value among the fields: none of them can be called so
Contents = Mapping[str, FieldValue]


def contents(value: Decimal | None, fields: Contents) -> dict[str, FieldValue]:
    """A deal's value and fields in one; no value and a value of nothing are the same to a CRM."""
    return {**fields, VALUE: value} if value else dict(fields)


def contents_of(record: DealRecord) -> dict[str, FieldValue]:
    return contents(record.value, record.fields)


@dataclass(frozen=True, slots=True)
class Written:
    """By field, in a form that can be compared and stored. An adopted deal is theirs as a whole."""

    last: Mapping[str, str] = field(default_factory=dict)
    under_way: Mapping[str, str] = field(default_factory=dict)  # by an amendment that may or may not have been applied
    theirs: frozenset[str] = frozenset()
    adopted: bool = False

    @classmethod
    def of(cls, given: Contents) -> Self:
        return cls(_told(given))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(_flat(stored), _flat(stored.get("under_way") or {}), frozenset(stored["theirs"]), stored["adopted"])

    def to_json(self) -> dict[str, Any]:
        under_way = _nested(self.under_way) if self.under_way else None
        theirs = sorted(self.theirs)
        return {**_nested(self.last), "under_way": under_way, "theirs": theirs, "adopted": self.adopted}

    def seen(self, present: Contents, among: Iterable[str]) -> Self:
        """The same after a look at the deal: what differs `among` these fields from what we wrote belongs to people."""
        now = _told(present)
        applied = {name: text for name, text in self.under_way.items() if now.get(name) == text}
        last = {**self.last, **applied}
        changed = {name for name in among if now.get(name) != last.get(name)}
        return replace(self, last=last, theirs=self.theirs | changed)

    def may_change(self, present: Contents, wanted: Contents) -> dict[str, FieldValue]:
        """What is wanted, differs from what stands there, and is ours to change."""
        now, then = _told(present), _told(wanted)
        ours = () if self.adopted else wanted.keys() - self.theirs
        return {name: wanted[name] for name in sorted(ours) if then[name] != now.get(name)}

    def before(self, change: Contents) -> Self:
        return replace(self, under_way=_told(change))

    def after(self, change: Contents, answer: Contents) -> Self:
        """A CRM may round or cut what it is given: what it answered is what we wrote."""
        kept = {name: answer.get(name, value) for name, value in change.items()}
        return replace(self, last={**self.last, **_told(kept)}, under_way={})


def _told(given: Contents) -> dict[str, str]:
    return {name: _text(value) for name, value in given.items()}


def _text(value: FieldValue) -> str:
    """4800, 4800.0 and 4800.00 are the same amount; an option is the same in whatever case the CRM writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value.isoformat() if isinstance(value, date) else " ".join(value.split()).casefold()


def _nested(flat: Mapping[str, str]) -> dict[str, Any]:
    return {"value": flat.get(VALUE), "fields": {name: text for name, text in flat.items() if name != VALUE}}


def _flat(nested: Mapping[str, Any]) -> dict[str, str]:
    value = nested.get("value")
    return {**nested.get("fields", {}), **({} if value is None else {VALUE: value})}
