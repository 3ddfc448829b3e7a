"""The shape of the code: arrows between rooms, one home for each library, and what every file owes its reader."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = {  # room -> the rooms that it may know, itself apart
    "detectors": (),
    "crm": (),
    "bot": ("detectors", "crm"),
    "sandbox": ("bot", "detectors", "crm"),
}
INNER_ROOMS = {  # inside bot/: room -> what else of bot/ it may know
    "bot.config": ("crm",),
    "bot.evaluation": (
        "bot.config",
        "bot.model",
        "bot.periods",
        "bot.posthog",
        "bot.signal_json",
        "bot.store",
        "detectors",
    ),
    "bot.replay": (
        "bot.config",
        "bot.evaluation",
        "bot.model",
        "bot.periods",
        "bot.posthog.reading",
        "bot.posthog.state",
        "bot.signal_json",
        "bot.slack.text",  # text from outside, for a terminal
        "bot.store",
        "detectors",
    ),
    "bot.deals": (
        "bot.config",
        "bot.evaluation.deal_news",
        "bot.evaluation.decisions",
        "bot.model",
        "bot.outbox",
        "bot.slack.text",  # figures and dates as on the card
        "bot.slack.words",
        "bot.store",
        "crm",
    ),
    "bot.posthog": ("bot.config", "bot.model", "bot.periods"),
    "bot.store": ("bot.config", "bot.model", "bot.signal_json"),
    "bot.outbox": ("bot.model", "bot.redaction", "bot.store"),
    "bot.slack": (
        "bot.doctor.checks",
        "bot.config",
        "bot.model",
        "bot.outbox",
        "bot.redaction",
        "bot.signal_json",
        "bot.store",
    ),
}
HOMES = {  # library -> the only places that import it
    "slack_bolt": ("bot.slack", "bot.app"),
    "slack_sdk": ("bot.slack", "bot.app"),
    "jinja2": ("bot.slack", "sandbox.play"),
    "sqlalchemy": ("bot.store",),
    "alembic": ("bot.store",),
    "psycopg": ("bot.store",),
    "cryptography": ("bot.store",),
    "httpx": ("bot.posthog", "crm", "bot.app", "bot.doctor"),
    "apscheduler": ("bot.scheduler",),
    "dotenv": ("bot.config.settings",),
    "chdb": ("sandbox.posthog",),
    "hogql_parser": ("sandbox.posthog",),
    "wsproto": ("sandbox.slack",),
    "pygal": ("sandbox.play",),
    "sse_starlette": ("sandbox.play",),
    "starlette": ("sandbox.play",),
    "uvicorn": ("sandbox.play",),
}
PURE = {"detectors": {"numpy"}, "crm": {"httpx"}}  # room -> the only libraries in it
EDGES = {  # file -> why anything at all may be caught there
    "bot/doctor/__init__.py": "one broken part must not hide the others",
    "bot/deals/hints.py": "whatever a hint leads to, the next one and the poll come",
    "bot/outbox/attempt.py": "one job's mistake must not stop the others",
    "bot/outbox/worker.py": "the worker outlives a database that is away",
    "bot/slack/managers.py": "whatever went wrong, it is not a yes",
    "bot/slack/room.py": "a person waits for an answer",
    "bot/evaluation/slots.py": "a database that is away for a moment is asked again",
    "sandbox/server.py": "answered like a crash, and shown to the test",
}
PACKAGES = {  # library -> the package that brings it, where the names differ
    "chdb": "chdb-core-lite",
    "dotenv": "python-dotenv",
    "markupsafe": "jinja2",
    "pydantic_core": "pydantic",
    "slack_sdk": "slack-bolt",
}
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "core", "lib", "shared"}
FILES = sorted(file.relative_to(ROOT) for room in ROOMS for file in (ROOT / room).rglob("*.py"))
WRITTEN_BY_HAND = [file for file in FILES if "versions" not in file.parts]  # a migration is as long as its tables
OURS = tuple(ROOMS)
STDLIB = frozenset(sys.stdlib_module_names)


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(text(file))


@cache
def text(file: Path) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


@cache
def imports(file: Path) -> frozenset[str]:
    """Every module that the file names; `from bot import life` counts as bot.evaluation.life."""
    names: set[str] = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            is_room = node.module in (*ROOMS, *INNER_ROOMS)
            names |= {f"{node.module}.{alias.name}" for alias in node.names} if is_room else {str(node.module)}
    return frozenset(names)


def module(file: Path) -> str:
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


def within(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def all_imports() -> Iterator[tuple[Path, str]]:
    return ((file, name) for file in FILES for name in sorted(imports(file)))


def all_nodes() -> Iterator[tuple[Path, ast.AST]]:
    return ((file, node) for file in FILES for node in ast.walk(tree(file)))


def test_arrows_between_rooms_are_never_turned() -> None:
    turned = [
        f"{file} imports {name}"
        for file, name in all_imports()
        if within(name, OURS) and not within(name, (file.parts[0], *ROOMS[file.parts[0]]))
    ]
    assert turned == []


def test_rooms_inside_the_application_know_only_what_they_need() -> None:
    unneeded = [
        f"{file} imports {name}"
        for file, name in all_imports()
        for room, known in INNER_ROOMS.items()
        if within(module(file), (room,)) and within(name, OURS) and not within(name, (room, *known))
    ]
    assert unneeded == []


def test_each_library_has_one_home() -> None:
    astray = [
        f"{file} imports {name}, which lives in {HOMES[name.split('.')[0]]}"
        for file, name in all_imports()
        if not within(module(file), HOMES.get(name.split(".")[0], OURS))
    ]
    assert astray == []


def test_pure_rooms_stay_pure() -> None:
    impure = [
        f"{file} imports {name}"
        for file, name in all_imports()
        if (pure := PURE.get(file.parts[0])) and name.split(".")[0] not in pure | STDLIB | {file.parts[0]}
    ]
    assert impure == []


def test_imports_are_written_in_full() -> None:
    assert [
        f"{file}:{node.lineno}" for file, node in all_nodes() if isinstance(node, ast.ImportFrom) and node.level
    ] == []


def test_the_environment_is_read_in_one_place() -> None:
    elsewhere = [
        f"{file}:{node.lineno}"
        for file, node in all_nodes()
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv")
        and module(file) != "bot.config.settings"
    ]
    assert elsewhere == []
    assert not [file for file in FILES if "os" in imports(file) and "from os import" in text(file)]


def test_anything_at_all_is_caught_only_at_an_edge_and_with_its_reason() -> None:
    caught = [
        (file, node.lineno) for file, node in all_nodes() if isinstance(node, ast.ExceptHandler) and _is_blind(node)
    ]
    assert [f"{file}:{line}" for file, line in caught if str(file) not in EDGES] == []
    assert [f"{file}:{line}" for file, line in caught if "#" not in text(file).splitlines()[line - 1]] == []
    assert set(EDGES) - {str(file) for file, _ in caught} == set(), "an edge no more"


def _is_blind(handler: ast.ExceptHandler) -> bool:
    if isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None:
        return False  # looked at, and passed on
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException")) for kind in kinds
    )


def test_every_file_says_first_what_it_is_for() -> None:
    assert [str(file) for file in FILES if text(file) and not ast.get_docstring(tree(file))] == []


def test_names_say_something() -> None:
    assert [str(file) for file in FILES if EMPTY_NAMES & {*file.parts[:-1], file.stem}] == []


def test_files_and_functions_stay_small() -> None:
    assert [str(file) for file in WRITTEN_BY_HAND if len(text(file).splitlines()) > 300] == []
    long = [
        f"{file}:{node.lineno} {node.name}"
        for file, node in all_nodes()
        if isinstance(node, ast.FunctionDef) and file in WRITTEN_BY_HAND and _lines(node) > 60
    ]
    assert long == []


def _lines(node: ast.FunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_every_detector_and_every_crm_has_its_test() -> None:
    detectors = [file.stem for file in FILES if file.match("detectors/*.py") and _defines(file, "detect")]
    crms = {file.parts[1].removesuffix(".py") for file in FILES if file.parts[0] == "crm"} - {
        "__init__",
        "base",
        "api",
        "oauth",
        "text",
    }
    assert detectors
    assert crms
    expected = [Path("tests/detectors", f"test_{name}.py") for name in detectors]
    expected += [Path("tests/crm", f"test_{name}.py") for name in crms]
    assert [str(file) for file in expected if not (ROOT / file).is_file()] == []


def _defines(file: Path, function: str) -> bool:
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in tree(file).body)


def test_every_library_that_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    always = project["dependencies"]
    declared = {
        "detectors": always,
        "crm": always,
        "bot": always + extras["postgres"],
        "sandbox": always + extras["sandbox"] + extras["play"],
    }
    undeclared = [
        f"{file} imports {name}"
        for file, name in all_imports()
        if (top := name.split(".")[0]) not in STDLIB | set(ROOMS)
        and PACKAGES.get(top, top).replace("_", "-") not in " ".join(declared[file.parts[0]])
    ]
    assert undeclared == []
