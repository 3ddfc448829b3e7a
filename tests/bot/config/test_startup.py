"""A first start is told everything that is wrong, wherever it is wrong."""

import shutil
from pathlib import Path

import pytest

from bot.config import startup
from bot.config.mistakes import ConfigError
from bot.config.settings import NEEDS, setting_names

EXAMPLE = Path(__file__).parents[3] / "headroom.toml"


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
    shutil.copy(EXAMPLE, tmp_path)
    return tmp_path / ".env"


def mistakes(env_file: Path, *needs: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        startup.read(*needs, env_file=env_file)
    return caught.value.mistakes


def test_what_is_right_is_handed_over(env_file: Path) -> None:
    env_file.write_text(f"HEADROOM_CONFIG={env_file.parent / 'headroom.toml'}\nPIPEDRIVE_API_TOKEN=abc\n")
    settings, config = startup.read("crm", env_file=env_file)
    assert config.crm.kind == "pipedrive"
    assert settings.crm["PIPEDRIVE_API_TOKEN"].get_secret_value() == "abc"


def test_settings_names_and_configuration_are_told_together(env_file: Path) -> None:
    file = env_file.parent / "headroom.toml"
    file.write_text(EXAMPLE.read_text(encoding="utf-8").replace('"count"', '"cout"'), encoding="utf-8")
    env_file.write_text(f"HEADROOM_CONFIG={file}\nPOSTHOG_PROJECT_ID=acme\n")
    found = mistakes(env_file, *NEEDS)
    assert found[0].startswith("POSTHOG_PROJECT_ID: ")
    assert 'Did you mean "count"?' in found[1]
    assert len(found) == 2


def test_missing_names_are_told_with_the_mistakes_of_the_file(env_file: Path) -> None:
    env_file.write_text(f"HEADROOM_CONFIG={env_file.parent / 'nowhere.toml'}\n")
    found = mistakes(env_file, "slack", "posthog", "crm")
    assert "nowhere.toml: is not there." in found[0]
    assert [line.split(":")[0] for line in found[1:]] == ["SLACK_BOT_TOKEN", "POSTHOG_PROJECT_ID", "POSTHOG_API_KEY"]


def test_the_crm_that_the_configuration_names_is_needed(env_file: Path) -> None:
    env_file.write_text(f"HEADROOM_CONFIG={env_file.parent / 'headroom.toml'}\n")
    assert [line.split(":")[0] for line in mistakes(env_file, "crm")] == ["PIPEDRIVE_API_TOKEN"]


def test_a_first_start_has_examples_that_work_and_overwrites_nothing(tmp_path: Path) -> None:
    written = startup.begin(tmp_path)
    assert [file.name for file in written] == ["headroom.toml", ".env"]
    assert {file.stat().st_mode & 0o777 for file in written} == {0o600}
    (tmp_path / ".env").write_text("PIPEDRIVE_API_TOKEN=abc\n", encoding="utf-8")
    assert startup.begin(tmp_path) == []
    assert (tmp_path / ".env").read_text(encoding="utf-8") == "PIPEDRIVE_API_TOKEN=abc\n"
