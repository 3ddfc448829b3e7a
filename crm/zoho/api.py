"""How Zoho words its answers: a status for each record, refusals by their codes, lists by pages."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import httpx

from crm.api import Answer, Api, retry_after
from crm.base import (
    Ambiguous,
    AuthFailed,
    Changed,
    CrmError,
    Invalid,
    NotApplied,
    NotFound,
    PermissionDenied,
    Throttled,
)
from crm.zoho.scopes import scope_for

ROOT = "/crm/v8"
PAGE = 200  # the most rows of a list
MOST_IDS = 100  # of one call
MOST_ROWS = 2000  # of one query
Row = dict[str, Any]

CHANGED = {"ALREADY_MODIFIED"}
DENIED = {"NO_PERMISSION", "AUTHORIZATION_FAILED", "FEATURE_NOT_SUPPORTED", "NOT_ALLOWED", "CANNOT_DELETE"}
GONE = {"RECORD_NOT_FOUND", "NOT_FOUND", "NO_RECORDS_FOUND", "INVALID_RECORD", "RECORD_DELETED"}
PASSING = {"RECORD_LOCKED", "CANNOT_PROCESS"}  # somebody else is at it
THROTTLED = {"TOO_MANY_REQUESTS", "RATE_LIMIT_EXCEEDED"}
WRONG_ADDRESS = {"INVALID_URL_PATTERN", "INVALID_MODULE"}
EXPIRED_TOKEN = "INVALID_TOKEN"  # noqa: S105 - a code of Zoho's
SHORT_WAIT = 30.0  # seconds: there is no Retry-After, and calls under way end within that


class Duplicate(Invalid):
    """Another record holds the value of a unique field: `id` is that record's."""

    def __init__(self, message: str, field: str | None, identity: str) -> None:
        super().__init__(message, field)
        self.id = identity


class OutOfScope(PermissionDenied):
    """The access token is good, but not for this."""


class ZohoApi(Api):
    """The calls of version 8."""

    name = "Zoho"

    def call(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Row:
        """The JSON object of a good answer; an empty one where Zoho says that there is nothing."""
        try:
            return super().call(method, ROOT + path, params, body, headers)
        except OutOfScope as error:
            scope = scope_for(path)
            raise PermissionDenied(f"Our access to {self.name} lacks the scope {scope}") from error

    def pages(self, path: str, under: str = "data", **params: Any) -> Iterator[Row]:
        """Every row of a list, to its end: by page tokens where Zoho gives them, which its longer lists demand."""
        number, at = 1, {"page": "1"}
        while True:
            body = self.call("GET", path, {**params, "per_page": str(PAGE), **at})
            rows, info = body.get(under) or (), body.get("info") or {}
            yield from rows
            number += 1
            token = info.get("next_page_token")
            following = {"page_token": str(token)} if token else {"page": str(number)}
            if not rows or not info.get("more_records") or following == at:
                return
            at = following

    def by_id(self, path: str, ids: Sequence[str], fields: str) -> Iterator[Row]:
        """Those that the list still has; what is no id of Zoho's is not there."""
        known = [one for one in ids if is_id(one)]
        for start in range(0, len(known), MOST_IDS):
            chosen = ",".join(known[start : start + MOST_IDS])
            yield from self.call("GET", path, {"ids": chosen, "fields": fields}).get("data") or ()

    def one(self, path: str, identity: str, fields: str) -> Row:
        rows = self.call("GET", f"{path}/{checked_id(identity)}", {"fields": fields}).get("data")
        if not rows:
            raise NotFound(f"{self.name} does not have it, or not any more")
        return dict(rows[0])

    def query(self, select: str) -> list[Row]:
        """One page of a query. It is sent by POST, yet it changes nothing."""
        try:
            return list(self.call("POST", "/coql", body={"select_query": select}).get("data") or ())
        except Ambiguous as error:
            raise NotApplied(str(error)) from error

    def write(
        self, method: str, path: str, row: Row, under: str = "data", headers: Mapping[str, str] | None = None
    ) -> Row:
        """What Zoho tells of the one record that it wrote: its id, and when."""
        return self.done(method, self.call(method, path, body={under: [row]}, headers=headers), under)

    def remove(self, path: str, identity: str) -> None:
        """What is gone already is no error."""
        with suppress(NotFound):
            self.done("DELETE", self.call("DELETE", f"{path}/{checked_id(identity)}"))

    def done(self, method: str, body: Row, under: str = "data") -> Row:
        """The details of the one thing that was asked for. Good and bad ones may come with the same status."""
        rows = body.get(under)
        if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], dict):
            raise self.unclear(method, "answered without a word of the record")
        row = rows[0]
        if row.get("status") == "success" and isinstance(row.get("details"), dict):
            return dict(row["details"])
        error = self.trouble(method, row)
        raise error or self.unclear(method, f"says of the record: {said(row)}")

    def judged(self, method: str, answer: Answer) -> Row:
        if answer.status in (204, 304):
            return {}
        return super().judged(method, answer)

    def is_refused_token(self, answer: Answer) -> bool:
        return answer.status == 401 and refused_row(answer.fields()).get("code") in (EXPIRED_TOKEN, None)

    def refusal(self, method: str, answer: Answer) -> CrmError:
        row = refused_row(answer.fields())
        if row.get("code") in THROTTLED or answer.status == 429:
            after = retry_after(answer.headers, SHORT_WAIT)
            return Throttled(f"{self.name} asks for fewer calls: {self.redacted(said(row))}", after)
        return self.trouble(method, row) or super().refusal(method, answer)

    def trouble(self, method: str, row: Row) -> CrmError | None:
        """What one record's refusal, or the whole call's, means; None where its code tells nothing.

        https://www.zoho.com/crm/developer/docs/api/v8/status-codes.html
        """
        code, what, field = row.get("code"), self.redacted(said(row)), field_of(row)
        identity = duplicate_of(row)
        if code == "DUPLICATE_DATA" and identity:
            return Duplicate(f"{self.name} has another record with this {field or 'value'}", field, identity)
        if code == "OAUTH_SCOPE_MISMATCH":
            return OutOfScope(f"{self.name} does not allow this: {what}")
        if code in (EXPIRED_TOKEN, "AUTHENTICATION_FAILURE"):
            return AuthFailed(f"{self.name} does not accept our access token: {what}")
        if code == "INTERNAL_ERROR":
            return self.unclear(method, f"failed: {what}")
        if code in WRONG_ADDRESS:
            return Invalid(f"{self.name} does not know this address: {what}")
        if code in CHANGED:
            return Changed(f"Somebody changed the record in {self.name} meanwhile")
        if code in PASSING:
            return NotApplied(f"{self.name} has the record locked: {what}")
        if code in DENIED:
            return PermissionDenied(f"{self.name} does not allow this: {what}")
        if code in GONE or (code == "INVALID_DATA" and field in (None, "id") and is_about_the_id(row)):
            return NotFound(f"{self.name} does not have it: {what}")
        if code is None or "status" not in row:
            return None
        return Invalid(f"{self.name} refuses it: {what}" + (f" ({field})" if field else ""), field)

    def message(self, body: Row) -> str | None:
        return said(refused_row(body)) or super().message(body)

    def wait_seconds(self, headers: httpx.Headers) -> float:
        return retry_after(headers, SHORT_WAIT)


def refused_row(body: Row) -> Row:
    """The refusal: the answer itself, or the first refused record in it."""
    if "code" in body:
        return body
    for rows in body.values():
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and row.get("status") == "error":
                return row
    return {}


def said(row: Row) -> str:
    return str(row.get("message") or row.get("code") or "")


def field_of(row: Row) -> str | None:
    """The field that a refusal is about, by its API name."""
    details = row.get("details")
    if not isinstance(details, dict):
        return None
    name = details.get("api_name") or (details.get("dependee") or {}).get("api_name")
    if not name and (path := details.get("json_path")):
        name = str(path).rpartition(".")[2]  # $.data[0].Name
    return str(name) if name else None


def duplicate_of(row: Row) -> str | None:
    details = row.get("details")
    if not isinstance(details, dict):
        return None
    held = details.get("duplicate_record")
    identity = details.get("id") or (held.get("id") if isinstance(held, dict) else None)
    return str(identity) if identity else None


def is_about_the_id(row: Row) -> bool:
    return "id" in said(row).replace(".", " ").split() or "record" in said(row).split()


def is_id(text: str) -> bool:
    """Ids are numbers of up to 19 digits, written as text."""
    return text.isascii() and text.isdecimal() and len(text) <= 19


def checked_id(text: str) -> str:
    if not is_id(text):
        raise NotFound("Zoho does not have it: that is no id of Zoho's")
    return text
