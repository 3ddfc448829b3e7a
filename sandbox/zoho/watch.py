"""Notifications: channels that run out within a week, and the telling of what happened to records.

https://www.zoho.com/crm/developer/docs/api/v8/notifications/overview.html
"""

import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from sandbox.server import Request, Response
from sandbox.zoho.answers import ROOT, Refused, Route, Row, each, failure, page, success
from sandbox.zoho.records import Records, stamp
from sandbox.zoho.strictness import moment

LONGEST, USUAL = timedelta(days=7), timedelta(hours=1)
LONGEST_TOKEN, LONGEST_URL = 50, 255
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PATIENCE = 10.0  # seconds that a receiver has to answer
OPERATIONS = {"insert": "create", "update": "edit", "delete": "delete"}
KNOWN = {"channel_id", "events", "notify_url", "token", "channel_expiry", "notify_on_related_action"}


@dataclass(slots=True)
class Watch:
    """Only this machine is ever called, and once: whether the real one tries again is not documented."""

    records: Records
    held: dict[str, Row] = field(default_factory=dict)  # channels by id
    _due: "queue.Queue[tuple[str, bytes] | None]" = field(default_factory=queue.Queue)
    _worker: threading.Thread | None = None

    def routes(self) -> Iterator[Route]:
        path, area = f"{ROOT}/actions/watch", "notifications"
        yield Route("GET", path, area, "READ", self._list, ("page", "per_page", "channel_id", "module"))
        yield Route("POST", path, area, "CREATE", lambda request: each(request, "watch", self._add, 201))
        yield Route("PUT", path, area, "UPDATE", lambda request: each(request, "watch", self._renew))
        yield Route("DELETE", path, area, "DELETE", self._delete, ("channel_ids",))

    def living(self) -> list[Row]:
        now = self.records.clock()
        return [row for row in self.held.values() if datetime.fromisoformat(row["channel_expiry"]) > now]

    def tell(self, module: str, operation: str, ids: list[str]) -> None:
        """Everybody whose channel has not run out."""
        for channel in self.living():
            wanted = {f"{module}.all", f"{module}.{OPERATIONS[operation]}"} & set(channel["events"])
            if wanted and urlsplit(channel["notify_url"]).hostname in LOOPBACK:
                self._enqueue(channel["notify_url"], self.message(channel, module, operation, ids))

    def message(self, channel: Row, module: str, operation: str, ids: list[str]) -> bytes:
        """May tell of many records at once."""
        told = {
            "server_time": int(self.records.clock().timestamp() * 1000), "query_params": {}, "module": module,
            "resource_uri": f"https://www.zohoapis.com/crm/v8/{module}", "ids": ids, "affected_fields": [],
            "operation": operation, "channel_id": channel["channel_id"], "token": channel.get("token"),
        }  # fmt: skip
        return json.dumps(told).encode()

    def stop(self) -> None:
        if self._worker:
            self._due.put(None)
            self._worker.join()

    def _list(self, request: Request) -> Response:
        return page(request, self.living(), "watch", tokens=False)

    def _add(self, row: Row) -> Row:
        return self._subscribed(row, "Successfully subscribed for actions-watch of the given module")

    def _renew(self, row: Row) -> Row:
        if str(row.get("channel_id")) not in {channel["channel_id"] for channel in self.living()}:
            raise Refused("NOT_SUBSCRIBED", "not subscribed to actions-watch", {"channel_id": row.get("channel_id")})
        return self._subscribed(row, "Successfully updated the subscribe details")

    def _subscribed(self, row: Row, message: str) -> Row:
        for name in ("channel_id", "events", "notify_url"):
            if not row.get(name):
                raise Refused("MANDATORY_NOT_FOUND", "required field not found", {"api_name": name})
        self._check(row)
        channel = {**row, "channel_id": str(row["channel_id"]), "channel_expiry": stamp(self._expiry(row))}
        self.held[channel["channel_id"]] = channel
        event = {
            "channel_expiry": channel["channel_expiry"],
            "channel_id": channel["channel_id"],
            "resource_name": "Deals",
        }
        return success(message, {"events": [event]})

    def _check(self, row: Row) -> None:
        wrong = sorted(set(row) - KNOWN)
        url = urlsplit(str(row["notify_url"]))
        if len(str(row.get("token") or "")) > LONGEST_TOKEN:
            wrong.append("token")
        if len(str(row["notify_url"])) > LONGEST_URL or (url.scheme != "https" and url.hostname not in LOOPBACK):
            wrong.append("notify_url")
        if not str(row["channel_id"]).isdigit() or int(row["channel_id"]) >= 2**63:
            wrong.append("channel_id")
        if not isinstance(row["events"], list) or not all("." in str(one) for one in row["events"]):
            wrong.append("events")
        if wrong:
            raise Refused("INVALID_DATA", "invalid data", {"api_name": wrong[0]})

    def _expiry(self, row: Row) -> datetime:
        """An hour unless asked; what is more than a week becomes a week."""
        now = self.records.clock()
        if row.get("channel_expiry") is None:
            return now + USUAL
        asked = moment(str(row["channel_expiry"]))
        if asked is None or asked <= now:
            raise Refused(
                "INVALID_DATA", "invalid data", {"api_name": "channel_expiry", "expected_data_type": "datetime"}
            )
        return min(asked, now + LONGEST)

    def _delete(self, request: Request) -> Response:
        ids = request.query.get("channel_ids", "").split(",")
        if ids == [""]:
            raise failure(
                400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", {"param": "channel_ids"}
            )
        known = [one for one in ids if self.held.pop(one, None)]
        if not known:
            raise failure(400, "INVALID_DATA", "not subscribed", {"param_name": "channel_ids"})
        message = "Successfully un-subscribed from actions-watch"
        return Response(200, {"watch": [success(message, {"channel_id": one}) for one in known]})

    def _enqueue(self, url: str, body: bytes) -> None:
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, daemon=True)
            self._worker.start()
        self._due.put((url, body))

    def _work(self) -> None:
        while due := self._due.get():
            self._send(*due)

    def _send(self, url: str, body: bytes) -> None:
        address = urlsplit(url)
        connection = HTTPConnection(str(address.hostname), address.port, timeout=PATIENCE)
        try:
            connection.request("POST", address.path or "/", body, {"Content-Type": "application/json"})
            connection.getresponse().read()
        except (OSError, HTTPException):
            return  # nobody there: the message is lost
        finally:
            connection.close()
