"""A PostHog project: its events, groups, persons and what it knows of its properties. Kept in ClickHouse."""
# ruff: noqa: S608 - names in this SQL are our own, values are quoted

import itertools
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bot.model import Clock
from sandbox.posthog import clickhouse
from sandbox.posthog.schema import PropertyType, Schema

NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Event:
    """One event as the product sent it. `created_at` is when it came in: later than `timestamp` for a late one."""

    event: str
    distinct_id: str
    timestamp: datetime
    properties: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)  # group type -> key
    created_at: datetime | None = None
    person_mode: str = "full"


class Project:
    """Data goes in by `capture`, `set_group` and `set_person`; queries read it through `schema`."""

    def __init__(self, clock: Clock, timezone: str = "UTC", group_types: Sequence[str] = ("company",)) -> None:
        self.clock = clock
        self.timezone = timezone
        self.group_types = list(group_types)
        self.property_types: dict[tuple[str, str], PropertyType] = {}
        self.seen_properties: dict[str, set[str]] = {}
        self.database = clickhouse.create_database()
        self._versions = itertools.count(1)

    def close(self) -> None:
        clickhouse.drop_database(self.database)

    def schema(self) -> Schema:
        return Schema(self.database, self.timezone, self.clock(), dict(self.property_types))

    def define_property(self, owner: str, name: str, kind: PropertyType) -> None:
        """`owner` is "event", "person" or "group_0" to "group_4": the property definition that PostHog types by."""
        self.property_types[owner, name] = kind

    def property_definitions(self, owner: str) -> dict[str, PropertyType]:
        """Every property ever seen on this owner, with its type: String unless one is defined."""
        seen: dict[str, PropertyType] = dict.fromkeys(self.seen_properties.get(owner, ()), "String")
        return seen | {name: kind for (of, name), kind in self.property_types.items() if of == owner}

    def saw(self, owner: str, properties: Iterable[str]) -> None:
        self.seen_properties.setdefault(owner, set()).update(properties)

    def capture(self, events: Iterable[Event]) -> None:
        self.insert("events", (self._event_row(event) for event in events))

    def set_group(self, group_type: str, key: str, properties: Mapping[str, Any]) -> None:
        self.set_groups(group_type, {key: properties})

    def set_groups(self, group_type: str, groups: Mapping[str, Mapping[str, Any]]) -> None:
        """A new version of each: the given properties are set, the others stay as they were."""
        index, known = self.group_types.index(group_type), self._known("groups", "key", group_type)
        self.saw(f"group_{index}", {name for properties in groups.values() for name in properties})
        now = _text(self.clock())
        stamps = {"index": index, "created_at": now, "updated_at": now}
        self.insert(
            "groups",
            (
                {**stamps, "key": key, "version": next(self._versions), "properties": _json(known.get(key, NONE), new)}
                for key, new in groups.items()
            ),
        )

    def set_person(self, distinct_id: str, properties: Mapping[str, Any]) -> None:
        self.set_persons({distinct_id: properties})

    def set_persons(self, persons: Mapping[str, Mapping[str, Any]]) -> None:
        """By distinct id; all properties of the person at once."""
        self.saw("person", {name for properties in persons.values() for name in properties})
        now = _text(self.clock())
        self.insert(
            "incoming_persons",
            (
                {"distinct_id": key, "at": now, "version": next(self._versions), "properties": _json(NONE, properties)}
                for key, properties in persons.items()
            ),
        )

    def insert(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """JSON lines through a file: ClickHouse reads them by the hundred thousand."""
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            lines.flush()
            if Path(lines.name).stat().st_size:
                clickhouse.run(self._insertion(table, lines.name))

    def _insertion(self, table: str, path: str) -> str:
        source = f"file('{path}', 'JSONEachRow', '{{}}')"
        if table == "incoming_persons":
            read = source.format("distinct_id String, at DateTime64(6), version UInt64, properties String")
            return (
                f"INSERT INTO {self.database}.persons (id, created_at, updated_at, version, properties) "
                f"SELECT reinterpretAsUUID(MD5(distinct_id)), at, at, version, properties FROM {read}"
            )
        columns = COLUMNS[table]
        names = ", ".join(f"`{part.split()[0]}`" for part in columns)
        read = source.format(", ".join(f"`{part.split()[0]}` {part.split(maxsplit=1)[1]}" for part in columns))
        return f"INSERT INTO {self.database}.{table} ({names}) SELECT {names} FROM {read}"

    def _known(self, table: str, key: str, group_type: str) -> dict[str, dict[str, Any]]:
        _, found = clickhouse.rows(
            f"SELECT {key}, argMax(properties, version) FROM {self.database}.{table} "
            f"WHERE index = {self.group_types.index(group_type)} GROUP BY {key}"
        )
        return {name: json.loads(properties) for name, properties in found}

    def _event_row(self, event: Event) -> dict[str, Any]:
        self.saw("event", event.properties)
        keys = {f"$group_{index}": event.groups.get(kind, "") for index, kind in enumerate(self.group_types)}
        return {
            "event": event.event,
            "distinct_id": event.distinct_id,
            "timestamp": _text(event.timestamp),
            "created_at": _text(event.created_at or event.timestamp),
            "properties": _json(NONE, event.properties),
            "person_mode": event.person_mode,
            **dict.fromkeys((f"$group_{index}" for index in range(5)), ""),
            **keys,
        }


COLUMNS = {
    "events": (
        "event String",
        "distinct_id String",
        "timestamp DateTime64(6)",
        "created_at DateTime64(6)",
        "properties String",
        "person_mode String",
        *(f"$group_{index} String" for index in range(5)),
    ),
    "groups": (
        "index UInt8",
        "key String",
        "created_at DateTime64(6)",
        "updated_at DateTime64(6)",
        "version UInt64",
        "properties String",
    ),
}


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _json(before: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    """NaN and infinity cannot be in JSON, so they are kept as text."""
    merged = {**before, **properties}
    clean = {
        key: str(value) if isinstance(value, float) and value - value != 0 else value for key, value in merged.items()
    }
    return json.dumps(clean, ensure_ascii=False)
