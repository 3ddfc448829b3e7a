"""Socket Mode's server side: WebSocket links, envelopes out, acknowledgements back."""

import itertools
import json
import secrets
import socket
import threading
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, TextMessage
from wsproto.events import Request as Handshake

from sandbox.server import Refusal, Request, Response


class Links:
    """The open links of one app; each envelope goes to any one of them."""

    def __init__(self) -> None:
        self._tickets: set[str] = set()
        self._links: list[Link] = []
        self._lock = threading.Lock()
        self._turns = itertools.count()

    def new_ticket(self) -> str:
        ticket = secrets.token_hex(8)
        self._tickets.add(ticket)
        return ticket

    @property
    def number(self) -> int:
        return len(self._links)

    def accept(self, request: Request) -> Response:
        """Take over the connection of a client that holds a ticket; each ticket opens once."""
        if request.params["ticket"] not in self._tickets:
            raise Refusal(404, {"ok": False, "error": "link_disabled"})
        self._tickets.discard(request.params["ticket"])
        return Response(101, upgrade=lambda connection: self._serve(request, connection))

    def send(self, kind: str, payload: dict[str, Any], timeout: float) -> tuple[bool, Any]:
        """Whether one of the clients acknowledged in time, and what it answered."""
        with self._lock:
            link = self._links[next(self._turns) % len(self._links)]
        return link.deliver(kind, payload, timeout)

    def disconnect(self, reason: str = "refresh_requested") -> None:
        """What Slack does every few hours: ask the clients to come back on a new link, and end the old one."""
        with self._lock:
            ended, self._links = self._links, []
        for link in ended:
            link.send({"type": "disconnect", "reason": reason})
            link.close()

    def close(self) -> None:
        for link in list(self._links):
            link.close()

    def _serve(self, request: Request, connection: socket.socket) -> None:
        link = Link(connection, request)
        with self._lock:
            self._links.append(link)
        try:
            link.send({"type": "hello", "num_connections": self.number, "connection_info": {"app_id": "A0HEADROOM"}})
            link.read()
        finally:
            with self._lock:
                self._links = [one for one in self._links if one is not link]


class Link:
    """One WebSocket: what is written is framed by wsproto, what is read wakes who waits for it."""

    def __init__(self, connection: socket.socket, request: Request) -> None:
        self._socket = connection
        self._lock = threading.Lock()
        self._protocol = WSConnection(ConnectionType.SERVER)
        headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
        self._protocol.initiate_upgrade_connection(headers, request.path)
        self._waiting: dict[str, threading.Event] = {}
        self._answers: dict[str, Any] = {}
        self._write(next(AcceptConnection() for event in self._protocol.events() if isinstance(event, Handshake)))

    def send(self, message: dict[str, Any]) -> None:
        self._write(TextMessage(data=json.dumps(message)))

    def deliver(self, kind: str, payload: dict[str, Any], timeout: float) -> tuple[bool, Any]:
        envelope, done = secrets.token_hex(12), threading.Event()
        self._waiting[envelope] = done
        body = {"type": kind, "envelope_id": envelope, "payload": payload, "accepts_response_payload": True}
        self.send(body)
        return done.wait(timeout), self._answers.pop(envelope, None)

    def read(self) -> None:
        """Until the client goes."""
        while data := self._receive():
            self._protocol.receive_data(data)
            for event in self._protocol.events():
                self._handle(event)

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # gone already

    def _handle(self, event: Event) -> None:
        if isinstance(event, Ping):
            self._write(event.response())
        elif isinstance(event, CloseConnection):
            self._write(event.response())
            self.close()
        elif isinstance(event, TextMessage):
            self._acknowledged(json.loads(event.data))

    def _acknowledged(self, message: dict[str, Any]) -> None:
        envelope = message.get("envelope_id", "")
        if envelope in self._waiting:
            self._answers[envelope] = message.get("payload")
            self._waiting.pop(envelope).set()

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except OSError:
            return b""

    def _write(self, event: Event) -> None:
        with self._lock:
            self._socket.sendall(self._protocol.send(event))
