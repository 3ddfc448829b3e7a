"""A real browser, Debian's Chromium, before a real play: the sandbox, the bot's own process, the page."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from sandbox.play.serve import Served, playing

BEGINS = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
PATIENCE = 60_000.0  # milliseconds: CI's machine is shared
Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Missing in CI it is a failure; elsewhere a reason to skip."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        words = "no Chromium here: apt-get install chromium"
        pytest.fail(words) if os.environ.get("CI") else pytest.skip(words)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One play for each file; its tests go on where the one before them ended."""
    with playing(begins=BEGINS) as served:
        thread = threading.Thread(target=served.run, name="page")
        thread.start()
        try:
            yield served
        finally:
            served.end()
            thread.join()


@pytest.fixture
def visit(browser: Browser, served: Served) -> Iterator[Visit]:
    """`visit("tab=crm", width=360, dark=True)`: a page of its own, in which no script may fail."""
    failures: list[str] = []
    pages: list[Page] = []

    def open_page(query: str = "", width: int = 1400, dark: bool = False) -> Page:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("console", lambda said: failures.append(said.text) if said.type == "error" else None)
        pages.append(page)
        page.goto(f"{served.url}?{query}")
        return page

    yield open_page
    for page in pages:
        page.context.close()
    assert failures == []
