"""How Pipedrive pages its lists and words its refusals."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import httpx

from crm.api import Answer, Api, retry_after
from crm.base import Ambiguous, CrmError, NotFound, Throttled

Row = dict[str, Any]
MOST_IDS = 100  # of one call


class PipedriveApi(Api):
    """The calls of both versions."""

    name = "Pipedrive"

    def pages(self, path: str, **params: Any) -> Iterator[Row]:
        """Every row of a v2 list, to its end."""
        cursor: dict[str, str] = {}
        while True:
            body = self.call("GET", path, {**params, "limit": 500, **cursor})
            rows = body.get("data") or ()
            yield from rows["items"] if isinstance(rows, dict) else rows
            following = (body.get("additional_data") or {}).get("next_cursor")
            if not following or following == cursor.get("cursor"):
                return
            cursor = {"cursor": following}

    def by_id(self, path: str, ids: Sequence[str]) -> Iterator[Row]:
        """Those of a v2 list that it still has."""
        for start in range(0, len(ids), MOST_IDS):
            chosen = ",".join(str(int(one)) for one in ids[start : start + MOST_IDS])
            yield from self.pages(path, ids=chosen)

    def numbered_pages(self, path: str, **params: Any) -> Iterator[Row]:
        """Every row of a v1 list, to its end."""
        start: int | None = 0
        while start is not None:
            body = self.call("GET", path, {**params, "start": start, "limit": 500})
            yield from body.get("data") or ()
            paging = (body.get("additional_data") or {}).get("pagination") or {}
            following = paging.get("next_start") if paging.get("more_items_in_collection") else None
            start = following if following is not None and following > start else None

    def write(self, method: str, path: str, body: Row) -> Row:
        """The record that was written."""
        record = self.call(method, path, body=body).get("data")
        if not isinstance(record, dict) or "id" not in record:
            raise Ambiguous(f"{self.name} answered without the record that it wrote")
        return record

    def remove(self, path: str) -> None:
        """What is gone already is no error."""
        with suppress(NotFound):
            self.call("DELETE", path)

    def is_success(self, body: dict[str, Any]) -> bool:
        return body.get("success") is True

    def refusal(self, method: str, answer: Answer) -> CrmError:
        if answer.status == 403 and answer.is_html:
            # Cloudflare's page for those who go on calling after a 429
            # https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
            return Throttled(f"{self.name} shuts us out for calling too often", retry_after(answer.headers, 60.0))
        return super().refusal(method, answer)

    def message(self, body: dict[str, Any]) -> str | None:
        said = [str(body[part]) for part in ("error", "message", "error_info") if body.get(part)]
        errors = body.get("errors")  # of webhooks, by the field
        said += [f"{name}: {error}" for name, error in errors.items()] if isinstance(errors, dict) else []
        return ". ".join(dict.fromkeys(said)) or None

    def invalid_field(self, body: dict[str, Any]) -> str | None:
        return str(body["field_code"]) if body.get("field_code") else None

    def wait_seconds(self, headers: httpx.Headers) -> float:
        """The unit of x-ratelimit-reset is not documented; the burst window is 2 s, the budget's is a day."""
        longest = 3600.0 if headers.get("x-daily-requests-left") == "0" else 10.0
        return retry_after(headers, min(longest, _number(headers.get("x-ratelimit-reset"), 2.0)))


def _number(text: str | None, default: float) -> float:
    try:
        return max(0.0, float(text or default))
    except ValueError:
        return default
