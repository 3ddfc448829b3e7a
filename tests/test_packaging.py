"""What `pip install .` brings: the command's templates, migrations and examples, and all rooms but the tests."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ("bot", "crm", "detectors", "sandbox")
BESIDES = ("pyproject.toml", "README.md", "LICENSE", "headroom.toml", ".env.example")


def test_a_wheel_holds_everything_that_is_read_at_run_time(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for room in SOURCES:
        shutil.copytree(ROOT / room, tree / room, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in BESIDES:
        shutil.copy(ROOT / name, tree)
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*wheel, "--wheel-dir", str(tmp_path), str(tree)], check=True)
    (built,) = tmp_path.glob("headroom-*.whl")
    with zipfile.ZipFile(built) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    wanted = {
        str(file.relative_to(ROOT))
        for room in SOURCES
        for file in (ROOT / room).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert wanted - held.keys() == set()
    assert held["bot/config/example.toml"] == (ROOT / "headroom.toml").read_bytes()
    assert held["bot/config/example.env"] == (ROOT / ".env.example").read_bytes()
    assert not any(name.startswith("tests/") for name in held)
