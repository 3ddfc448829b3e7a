"""What people install: templates, migrations and the command are inside, and everything is pinned."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("bot", "crm", "detectors", "sandbox")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINNED = re.compile(r"^([a-z0-9.-]+)==[^\s;]+( ; [^\\]+)? \\$")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, since building leaves files behind, and without asking any index for anything."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for room in ROOMS:
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(built), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = built.glob("*.whl")
    return wheel


def test_every_file_of_every_room_is_inside(wheel: Path) -> None:
    shipped = set(ZipFile(wheel).namelist())
    files = {
        file.relative_to(ROOT).as_posix()
        for room in ROOMS
        for file in (ROOT / room).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert files - shipped == set()
    assert any(name.endswith(".j2") for name in shipped)
    assert "bot/store/migrations/script.py.mako" in shipped


def test_the_command_is_inside(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        (points,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "headroom = bot.__main__:main" in archive.read(points).decode()
        assert "bot/__main__.py" in archive.namelist()


def test_the_tables_can_be_made_from_what_is_installed(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    ZipFile(wheel).extractall(installed)
    program = (
        "from datetime import UTC, datetime; import bot.store\n"
        f"assert bot.store.__file__.startswith({str(installed)!r})\n"
        "database = bot.store.Database('sqlite:///headroom.db', lambda: datetime.now(UTC))\n"
        "database.migrate(); assert database.ready()"
    )
    program = f"import sys; sys.path.insert(0, {str(installed)!r})\n{program}"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def pinned(file: Path) -> set[str]:
    return {match[1] for line in file.read_text(encoding="utf-8").splitlines() if (match := PINNED.match(line))}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ;]", requirement)[0] for requirement in requirements}


@pytest.mark.parametrize("list_name", ["development", "production"])
def test_every_pin_carries_hashes_and_names_no_place(list_name: str) -> None:
    file = ROOT / "requirements" / f"{list_name}.txt"
    for line in file.read_text(encoding="utf-8").splitlines():
        assert PINNED.match(line) or re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?|#[^:/]*:?[^:/]*", line), line


def test_what_is_declared_is_pinned() -> None:
    extras = PROJECT["optional-dependencies"]
    production = names([*PROJECT["dependencies"], *extras["postgres"]])
    everything = production.union(*(names(extra) for extra in extras.values()))
    assert production - pinned(ROOT / "requirements" / "production.txt") == set()
    assert everything - pinned(ROOT / "requirements" / "development.txt") == set()
