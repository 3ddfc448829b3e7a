"""The one ClickHouse of this process (chdb allows one session), shared by every sandbox project under a lock."""

import itertools
import json
import re
import threading
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from chdb.session import Session

SETTINGS = {
    "session_timezone": "'UTC'",
    "transform_null_in": "1",  # as PostHog sets it
    "cast_string_to_date_time_mode": "'best_effort'",
    "date_time_output_format": "'iso'",
    "output_format_json_quote_64bit_integers": "0",
    "output_format_json_quote_denormals": "0",  # NaN and infinity come as null
    "max_query_size": "4194304",
    "max_threads": "2",
}
_lock = threading.RLock()
_numbers = itertools.count(1)
_session: Session | None = None


class ClickHouseError(Exception):
    """The query failed inside ClickHouse; `name` is its error code's name, like ILLEGAL_TYPE_OF_ARGUMENT."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = re.search(r"\(([A-Z_0-9]+)\)\s*$", text.strip())
        self.name = found.group(1) if found else "UNKNOWN"
        without_code = re.sub(r"^Code: \d+\. DB::Exception: ", "", text.strip())
        self.detail = re.split(r"(?: In scope SELECT|: While|\. \([A-Z_]+\))", without_code)[0]


def run(sql: str) -> str:
    """The answer as JSONCompact; empty for statements without one."""
    with _lock:
        try:
            return str(_open().query(sql, "JSONCompact"))  # type: ignore[no-untyped-call] # chdb ships no types
        except RuntimeError as error:
            raise ClickHouseError(str(error)) from error


def rows(sql: str) -> tuple[list[list[str]], list[list[Any]]]:
    """([name, type] of each column, rows). Moments become datetimes of their column's zone, written in ISO."""
    answer = json.loads(run(sql))
    types = [[column["name"], column["type"]] for column in answer["meta"]]
    data: list[list[Any]] = answer["data"]
    for index, (_, kind) in enumerate(types):
        if found := re.search(r"DateTime(?:64)?\((?:\d, )?'([^']+)'\)|DateTime", kind):
            zone = ZoneInfo(found.group(1) or "UTC")
            for row in data:
                row[index] = _localised(row[index], zone)
    return types, data


def create_database() -> str:
    """An empty database with PostHog's tables; its name."""
    with _lock:
        database = f"project_{next(_numbers)}"
        run(f"CREATE DATABASE {database} ENGINE = Atomic")
        for table in TABLES:
            run(table.format(database=database))
        return database


def drop_database(database: str) -> None:
    run(f"DROP DATABASE IF EXISTS {database}")


def _open() -> Session:
    global _session
    if _session is None:
        _session = Session()  # type: ignore[no-untyped-call] # chdb ships no types
        for setting, value in SETTINGS.items():
            _session.query(f"SET {setting} = {value}")  # type: ignore[no-untyped-call] # chdb ships no types
    return _session


def _localised(value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, list):
        return [_localised(item, zone) for item in value]
    if isinstance(value, str) and value.endswith("Z"):
        moment = datetime.fromisoformat(value).astimezone(zone if str(zone) != "UTC" else UTC)
        return moment.isoformat().replace("+00:00", "Z") if moment.tzinfo is UTC else moment.isoformat()
    return value


TABLES = (
    """CREATE TABLE {database}.events (
        uuid UUID ALIAS reinterpretAsUUID(MD5(concat(event, distinct_id, toString(timestamp), properties))),
        event LowCardinality(String),
        properties String,
        timestamp DateTime64(6, 'UTC'),
        created_at DateTime64(6, 'UTC') DEFAULT timestamp,
        distinct_id String,
        person_id UUID DEFAULT reinterpretAsUUID(MD5(distinct_id)),
        person_mode LowCardinality(String) DEFAULT 'full',
        `$session_id` String ALIAS JSONExtractString(properties, '$session_id'),
        `$group_0` String, `$group_1` String, `$group_2` String, `$group_3` String, `$group_4` String
    ) ENGINE = MergeTree ORDER BY (toDate(timestamp), event, cityHash64(distinct_id))""",
    """CREATE TABLE {database}.groups (
        `index` UInt8, key String, created_at DateTime64(6, 'UTC'), updated_at DateTime64(6, 'UTC'),
        version UInt64, properties String
    ) ENGINE = MergeTree ORDER BY (`index`, key)""",
    """CREATE TABLE {database}.persons (
        id UUID, created_at DateTime64(6, 'UTC'), updated_at DateTime64(6, 'UTC'),
        version UInt64, properties String, is_identified UInt8 DEFAULT 1
    ) ENGINE = MergeTree ORDER BY id""",
)
