"""The page: everything is drawn on the server; a small script puts what changed into place and sends what is clicked.

No library for partial updates comes as a lean Python package of its own, and nothing fetched is committed: so that
script (static/play.js) is ours, and the page works without it too.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sandbox.play import slack_actions
from sandbox.play.deeds import Deeds
from sandbox.play.page import Page
from sandbox.play.view import View

log = logging.getLogger(__name__)
HERE = Path(__file__).parent
LOOK_SECONDS = 0.25  # how often the page learns of changes, at most
OURS = ("127.0.0.1", "localhost")
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Web:
    """One play behind one page."""

    def __init__(self, deeds: Deeds) -> None:
        self._deeds, self._page, self._ending = deeds, Page(deeds.play, deeds.passing), False

    def app(self) -> Starlette:
        routes = [
            Route("/", self._show),
            Route("/changes", self._changes),
            Route("/suggest", self._suggest),
            Route("/do/{deed:path}", self._do, methods=["POST"]),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ]
        guard = Middleware(TrustedHostMiddleware, allowed_hosts=list(OURS))  # no other site may rebind its name to us
        return Starlette(routes=routes, middleware=[guard], lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        self._ending = True

    async def _show(self, request: Request) -> Response:
        view = View.of(request.query_params)
        return HTMLResponse(await run_in_threadpool(self._page.html, view), headers=HEADERS)

    async def _do(self, request: Request) -> Response:
        """Do it, and show the page again."""
        if not _is_from_here(request):
            return Response("This came from another site.", 403)
        view = View.of(request.query_params)
        form = parse_qs((await request.body()).decode(), keep_blank_values=True)
        after = await run_in_threadpool(self._deeds.do, request.path_params["deed"], view, form)
        return RedirectResponse(f"/?{after.query()}", 303)

    async def _suggest(self, request: Request) -> Response:
        asked = request.query_params
        given = (asked.get("me", ""), asked.get("view", ""), asked.get("block", ""), asked.get("typed", ""))
        return JSONResponse(await run_in_threadpool(slack_actions.suggest, self._deeds.play, *given))

    async def _changes(self, request: Request) -> Response:
        return EventSourceResponse(self._told(request), ping=15)

    async def _told(self, request: Request) -> AsyncIterator[Mapping[str, Any]]:
        """A word whenever anything that the page shows has changed."""
        look: Callable[[], str] = self._page.fingerprint
        last = ""
        while not self._ending and not await request.is_disconnected():
            now = look()
            if now != last:
                last = now
                yield {"event": "changed", "data": now}
            await asyncio.sleep(LOOK_SECONDS)


def _is_from_here(request: Request) -> bool:
    origin = request.headers.get("origin")
    return origin in (None, "null") or urlsplit(origin or "").netloc == request.headers.get("host")
