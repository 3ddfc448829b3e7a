"""POST .../query/: checks the request, keeps answers for six hours, refuses what is too heavy, and runs the rest."""

import hashlib
import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.model import Clock
from sandbox.posthog import clickhouse
from sandbox.posthog.errors import fault_body, invalid, refuse
from sandbox.posthog.heavy import Heavy
from sandbox.posthog.hogql import DEFAULT_ROWS, Compiled, compile_query
from sandbox.posthog.project import Project
from sandbox.server import Refusal, Response

KEPT = timedelta(hours=6)
EXPOSED = {
    "ILLEGAL_TYPE_OF_ARGUMENT", "NOT_AN_AGGREGATE", "TYPE_MISMATCH", "ILLEGAL_AGGREGATION", "NO_COMMON_TYPE",
    "UNKNOWN_IDENTIFIER", "NUMBER_OF_ARGUMENTS_DOESNT_MATCH", "CANNOT_PARSE_TEXT", "CANNOT_PARSE_DATETIME",
    "TOO_FEW_ARGUMENTS_FOR_FUNCTION", "TOO_MANY_ARGUMENTS_FOR_FUNCTION", "SYNTAX_ERROR", "AMBIGUOUS_IDENTIFIER",
}  # fmt: skip


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _HogQLQuery(_Strict):
    kind: Literal["HogQLQuery"]
    query: str
    values: dict[str, Any] = Field(default_factory=dict)
    modifiers: dict[str, Any] | None = None
    name: str | None = None
    explain: bool | None = None
    tags: dict[str, Any] | None = None


class _QueryRequest(_Strict):
    query: _HogQLQuery
    refresh: Literal[
        "blocking", "async", "lazy_async", "async_except_on_cache_miss", "force_blocking", "force_async", "force_cache"
    ] = "blocking"
    name: str | None = None
    client_query_id: str | None = None
    filters_override: dict[str, Any] | None = None
    variables_override: dict[str, Any] | None = None


@dataclass
class Answers:
    """What has been asked lately. `heavy` may be set to make PostHog tire early."""

    project: Project
    clock: Clock
    heavy: Heavy | None = None
    _kept: dict[str, tuple[datetime, dict[str, Any]]] = field(default_factory=dict)
    _later: dict[str, Response] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, body: bytes) -> Response:
        asked = _read(body)
        key = hashlib.md5(asked.query.model_dump_json(exclude={"name"}).encode(), usedforsecurity=False).hexdigest()
        if not asked.refresh.startswith("force_") or asked.refresh == "force_cache":
            kept = self._kept.get(key)
            if kept is not None and self.clock() - kept[0] < KEPT:
                return Response(200, {**kept[1], "is_cached": True})
            if asked.refresh == "force_cache":
                return Response(200, {"cache_key": key, "query_status": None, "results": None, "is_cached": False})
        if "async" in asked.refresh:
            return self._start(asked.query, key, asked.client_query_id or str(uuid.uuid4()))
        return Response(200, self._fresh(asked.query, key, self.heavy))

    def poll(self, identity: str) -> Response:
        with self._lock:
            found = self._later.get(identity)
        if found is None:
            raise refuse(404, "invalid_request", "not_found", f"Query {identity} not found for team 1")
        return found

    def _start(self, query: _HogQLQuery, key: str, identity: str) -> Response:
        """Asynchronous queries have ten minutes: nothing is too heavy for them here."""
        status = {"id": identity, "team_id": 1, "complete": False, "error": False, "query_async": True}
        try:
            done = {**status, "complete": True, "results": self._fresh(query, key, None)}
            later = Response(200, {"query_status": done})
        except Refusal as refusal:
            detail = refusal.response.body["detail"]
            later = Response(
                400, {"query_status": {**status, "complete": True, "error": True, "error_message": detail}}
            )
        with self._lock:
            self._later[identity] = later
        return Response(202, {"query_status": status})

    def _fresh(self, query: _HogQLQuery, key: str, heavy: Heavy | None) -> dict[str, Any]:
        compiled = compile_query(query.query, query.values, self.project.schema())
        if heavy is not None and (status := heavy.refusal(compiled.tree, query.values, self.project.schema())):
            raise Refusal(status, fault_body(status))
        try:
            types, results = clickhouse.rows(compiled.sql)
        except clickhouse.ClickHouseError as error:
            raise _from_clickhouse(error) from error
        answer = self._body(query, compiled, types, results, key)
        with self._lock:
            self._kept[key] = (self.clock(), answer)
        return answer

    def _body(
        self, query: _HogQLQuery, compiled: Compiled, types: list[list[str]], results: list[list[Any]], key: str
    ) -> dict[str, Any]:
        columns = compiled.columns if len(compiled.columns) == len(types) else [name for name, _ in types]  # had a star
        more = None if compiled.own_limit else len(results) > DEFAULT_ROWS
        now = self.clock()
        return {
            "results": results if compiled.own_limit else results[:DEFAULT_ROWS],
            "columns": columns,
            "types": [[name, kind] for name, (_, kind) in zip(columns, types, strict=True)],
            "hasMore": more,
            "limit": None if compiled.own_limit else DEFAULT_ROWS,
            "offset": None if compiled.own_limit else 0,
            "hogql": query.query,
            "clickhouse": compiled.sql,
            "query": query.query,
            "timings": [],
            "modifiers": query.modifiers or {},
            "error": None,
            "is_cached": False,
            "cache_key": key,
            "last_refresh": _iso(now),
            "cache_target_age": _iso(now + KEPT),
            "next_allowed_client_refresh": _iso(now),
            "timezone": self.project.timezone,
            "query_status": None,
        }


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _read(body: bytes) -> _QueryRequest:
    try:
        return _QueryRequest.model_validate(json.loads(body))
    except json.JSONDecodeError as error:
        raise refuse(400, "validation_error", "parse_error", f"JSON parse error - {error}") from error
    except ValidationError as error:
        raise invalid("; ".join(_mistakes(error)), "invalid_input") from error


def _mistakes(error: ValidationError) -> Iterator[str]:
    for mistake in error.errors():
        yield f"{'.'.join(str(part) for part in mistake['loc'])}: {mistake['msg']}"


def _from_clickhouse(error: clickhouse.ClickHouseError) -> Refusal:
    if error.name in EXPOSED:
        return invalid(error.detail, error.name.lower())
    return refuse(500, "server_error", "error", "ClickHouse error while executing query.")
