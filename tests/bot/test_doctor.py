"""Doctor looks at everything, whatever is broken, and says it to people and to scripts."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from bot import doctor
from bot.config import Config, ConfigError, load, parse
from bot.doctor.checks import Check
from bot.store import Database
from sandbox.server import Server

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
EXAMPLE = Path(__file__).parents[2] / "headroom.toml"


def config(**changes: object) -> Config:
    return parse(
        {
            "account": {"group_type": "company"},
            "metrics": {"calls": {"label": "Calls", "measure": "count", "event": "call"}},
            "slack": {"channel": "C0SALES"},
            **changes,
        }
    )


def test_one_broken_part_hides_no_other() -> None:
    def broken() -> Iterator[Check]:
        yield Check.ok("first", "half of it works")
        raise RuntimeError("cut off with Bearer s3cr3t\nand a second line")

    def misread() -> Iterator[Check]:
        raise ConfigError(["one", "two"])

    checks = list(doctor.examine({"first": broken, "second": misread, "third": lambda: [Check.ok("third", "fine")]}))
    assert [(check.name, check.status, check.what) for check in checks] == [
        ("first", "ok", "half of it works"),
        ("first", "fail", "cut off with Bearer ***"),
        ("second", "fail", "one"),
        ("second", "fail", "two"),
        ("third", "ok", "fine"),
    ]
    assert doctor.failed(checks)
    assert not doctor.failed(checks[-1:])


def test_a_mistake_that_stops_several_parts_is_told_once() -> None:
    def misread() -> Iterator[Check]:
        raise ConfigError(["one", "two"])

    checks = list(doctor.examine({"settings": misread, "slack": misread}))
    assert [(check.name, check.status) for check in checks] == [
        ("settings", "fail"),
        ("settings", "fail"),
        ("slack", "warn"),
    ]


def test_a_sound_configuration_is_said_to_be_sound() -> None:
    assert list(doctor.configuration(lambda: load(EXAMPLE))()) == [
        Check.ok("configuration", "4 metrics, 2 plans"),
        Check.warn(
            "configuration",
            "nothing limits the metric data_gb",
            "add it to a plan's limits, or set metrics.data_gb.limit_property",
        ),
    ]


def test_what_is_allowed_but_seldom_meant_is_said() -> None:
    plans = {"pro": {"price": 9, "limits": {"calls": 5}}}
    whats = [check.what for check in doctor.configuration(lambda: config(plans=plans))()]
    assert whats[1:] == [
        "plans are given, but no account's plan is known",
        "nobody may change the thresholds in Slack",
    ]


def test_missing_names_are_findings() -> None:
    (check,) = doctor.examine({"settings": doctor.settings(lambda: ["POSTHOG_API_KEY: is missing."])})
    assert check == Check.fail("settings", "POSTHOG_API_KEY: is missing.")
    (check,) = doctor.settings(list)()
    assert check.status == "ok"


def test_a_database_without_tables_and_with_them(database_url: str) -> None:
    database = Database(database_url, lambda: NOW)
    try:
        (empty,) = doctor.examine({"database": doctor.database(database)})
        database.migrate()
        (ready,) = doctor.examine({"database": doctor.database(database)})
    finally:
        database.close()
    assert (empty.status, ready.status) == ("warn", "ok")


def test_a_database_that_does_not_answer() -> None:
    database = Database("postgresql+psycopg://headroom:s3cr3t@127.0.0.1:1/headroom", lambda: NOW)
    (check,) = doctor.examine({"database": doctor.database(database)})
    database.close()
    assert check.status == "fail"
    assert "s3cr3t" not in check.what


@pytest.mark.parametrize(
    ("ahead", "status", "words"),
    [(0, "ok", "agrees"), (90, "warn", "ahead of"), (-90, "warn", "behind"), (400, "fail", "Slack refuses")],
)
def test_the_clock_is_compared_with_the_vendors(ahead: int, status: str, words: str) -> None:
    with Server() as vendor:
        probe = doctor.clock({"Vendor": vendor.url}, lambda: datetime.now(UTC) + timedelta(seconds=ahead))
        (check,) = probe()
    assert check.status == status
    assert words in check.what


def test_a_vendor_that_cannot_be_reached_tells_no_time() -> None:
    with Server() as gone:
        pass
    (check,) = doctor.clock({"Vendor": gone.url}, lambda: NOW)()
    assert (check.status, check.what) == ("warn", "Vendor told no time (ConnectError)")


@dataclass
class Told:
    what: str
    detail: str


def test_a_vendors_own_problems_become_checks() -> None:
    assert list(doctor.problems("posthog", lambda: [Told("unknown", "unknown event")], "fine")()) == [
        Check.fail("posthog", "unknown event")
    ]
    assert list(doctor.problems("posthog", list[Told], "fine")()) == [Check.ok("posthog", "fine")]


FOUND = [Check.ok("slack", "signed in to [bold]Acme"), Check.fail("crm", "no stage", "make it")]


def test_a_log_gets_plain_lines() -> None:
    console = Console(file=io.StringIO(), width=40)
    doctor.show(FOUND, console)
    assert console.file.getvalue() == (  # type: ignore[attr-defined]  # it is the StringIO above
        "ok    slack: signed in to [bold]Acme\nFAIL  crm: no stage -> make it\n"
    )


def test_a_terminal_gets_a_table() -> None:
    written = io.StringIO()
    doctor.show(FOUND, Console(file=written, force_terminal=True, width=100, color_system=None))
    assert "signed in to [bold]Acme" in written.getvalue()
    assert "make it" in written.getvalue()


def test_a_script_gets_json() -> None:
    told = json.loads(doctor.as_json(FOUND, NOW))
    assert told["ok"] is False
    assert told["checks"][1] == {"name": "crm", "status": "fail", "what": "no stage", "fix": "make it"}
