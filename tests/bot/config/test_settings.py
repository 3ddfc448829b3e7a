"""Settings: where they come from, what is refused, and that no secret is ever repeated."""

import os
import re
from pathlib import Path

import pytest
from dotenv import dotenv_values

import crm
from bot.config.mistakes import ConfigError
from bot.config.settings import NEEDS, Settings, setting_names

SECRET = "s3cr3t-canary"


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.removesuffix("_FILE") in setting_names():
            monkeypatch.delenv(name)


def loaded(tmp_path: Path, **names: str) -> Settings:
    env = tmp_path / ".env"
    env.write_text("".join(f"{name}='{value}'\n" for name, value in names.items()), encoding="utf-8")
    return Settings.load(env)


def mistakes(tmp_path: Path, **names: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, **names)
    return caught.value.mistakes


def test_nothing_set_gives_the_defaults(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path / "none")
    assert settings.database_url.get_secret_value() == "sqlite:///headroom.db"
    assert (settings.slack_api_url, settings.posthog_host) == ("https://slack.com/api/", "https://us.posthog.com")
    assert (settings.headroom_host, settings.headroom_port) == ("127.0.0.1", 3000)
    assert settings.slack_bot_token is None
    assert not settings.socket_mode


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOG_PROJECT_ID", "2")
    monkeypatch.setenv("HEADROOM_PORT", "")
    settings = loaded(tmp_path, POSTHOG_PROJECT_ID="1", HEADROOM_PORT="4000")
    assert settings.posthog_project_id == 2
    assert settings.headroom_port == 4000, "an empty value counts as not set"


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("xoxb-1-2\n", encoding="utf-8")
    settings = loaded(tmp_path, SLACK_BOT_TOKEN_FILE=str(file))
    assert settings.slack_bot_token is not None
    assert settings.slack_bot_token.get_secret_value() == "xoxb-1-2"


def test_a_secret_given_twice_or_not_readable_is_named(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"xoxb-{SECRET}", encoding="utf-8")
    found = mistakes(
        tmp_path,
        SLACK_BOT_TOKEN=f"xoxb-{SECRET}",
        SLACK_BOT_TOKEN_FILE=str(file),
        POSTHOG_API_KEY_FILE=str(tmp_path / "nowhere"),
    )
    assert found[0] == "SLACK_BOT_TOKEN: is given twice, also as SLACK_BOT_TOKEN_FILE. Keep one."
    assert found[1].startswith("POSTHOG_API_KEY_FILE: ")
    assert found[1].endswith("nowhere cannot be read (FileNotFoundError).")
    assert SECRET not in str(found)


def test_a_file_of_settings_that_is_no_text_is_named(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_bytes(b"SLACK_BOT_TOKEN=xoxb-\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read as UTF-8"):
        Settings.load(env)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SLACK_BOT_TOKEN", f"xapp-{SECRET}", "begins with xoxb-"),
        ("SLACK_APP_TOKEN", f"xoxb-{SECRET}", "begins with xapp-"),
        ("SLACK_SIGNING_SECRET", f"xoxb-{SECRET}", "holds a token"),
        ("POSTHOG_API_KEY", f"phc_{SECRET}", "can only write"),
        ("PIPEDRIVE_API_TOKEN", f"{SECRET} two", "has a space"),
        ("PIPEDRIVE_API_TOKEN", f"“{SECRET}”", "a character that no key has"),
        ("DATABASE_URL", f"mysql://u:{SECRET}@h/d", "mysql:// is not supported"),
        ("DATABASE_URL", SECRET, "is not an address"),
        ("POSTHOG_HOST", f"https://u:{SECRET}@posthog.example.com", "user name or password"),
        ("POSTHOG_HOST", "http://posthog.example.com", "unencrypted"),
        ("POSTHOG_HOST", "http://127.0.0.1.example.com", "unencrypted"),
        ("POSTHOG_HOST", "https://eu.i.posthog.com", "Write https://eu.posthog.com."),
        ("POSTHOG_HOST", "us.posthog.com", "Write it as https://host."),
        ("POSTHOG_HOST", "https://us.posthog.com/?x=1", "has a ? or #"),
        ("POSTHOG_HOST", "https://us.posthog.com:port", "is not an address"),
        ("SLACK_API_URL", "file:///etc/passwd", "is not an address"),
        ("PIPEDRIVE_URL", "https://169.254.169.254/latest", "link-local"),
        ("POSTHOG_PROJECT_ID", "acme", "'acme' is not a number"),
        ("HEADROOM_PORT", "65536", "is not a port"),
        ("HEADROOM_PORT", "http", "is not a port"),
    ],
)
def test_what_cannot_work_is_refused_without_repeating_a_secret(
    tmp_path: Path, name: str, value: str, words: str
) -> None:
    found = mistakes(tmp_path, **{name: value})
    assert len(found) == 1
    assert found[0].startswith(f"{name}: ")
    assert words in found[0]
    assert SECRET not in found[0]


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    found = mistakes(tmp_path, HEADROOM_PORT="x", POSTHOG_PROJECT_ID="y", SLACK_BOT_TOKEN_FILE="/nowhere")
    assert {line.split(":")[0] for line in found} == {"HEADROOM_PORT", "POSTHOG_PROJECT_ID", "SLACK_BOT_TOKEN_FILE"}


def test_the_cause_of_a_refusal_carries_no_secret(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, SLACK_BOT_TOKEN=SECRET)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "host", ["http://127.0.0.1:8000/", "http://localhost:8000", "http://[::1]:8000", "https://h/ph/"]
)
def test_this_machine_needs_no_encryption(tmp_path: Path, host: str) -> None:
    assert loaded(tmp_path, POSTHOG_HOST=host).posthog_host == host.rstrip("/")
    assert loaded(tmp_path, SLACK_API_URL=host).slack_api_url == host.rstrip("/") + "/"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_understood_in_its_usual_spellings(tmp_path: Path, scheme: str) -> None:
    url = loaded(tmp_path, DATABASE_URL=f"{scheme}://u:p@h/d").database_url
    assert url.get_secret_value() == "postgresql+psycopg://u:p@h/d"


def test_what_a_command_lacks_is_listed_with_where_to_get_it(tmp_path: Path) -> None:
    settings = loaded(tmp_path, POSTHOG_PROJECT_ID="1", SLACK_SIGNING_SECRET="0123abcd")
    settings.require("slack_events")
    with pytest.raises(ConfigError) as caught:
        settings.require("slack", "slack_events", "posthog", "pipedrive")
    assert [line.split(":")[0] for line in caught.value.mistakes] == [
        "SLACK_BOT_TOKEN",
        "POSTHOG_API_KEY",
        "PIPEDRIVE_API_TOKEN",
    ]
    assert all("found at" in line for line in caught.value.mistakes)


def test_needs_are_names_of_settings() -> None:
    assert {name.lower() for need in NEEDS.values() for names in need for name in names} <= set(Settings.model_fields)


def test_no_secret_is_shown(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SLACK_BOT_TOKEN=f"xoxb-{SECRET}", DATABASE_URL=f"postgres://u:{SECRET}@h/d")
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_the_example_names_every_setting_and_is_right() -> None:
    example = Path(__file__).parents[3] / ".env.example"
    names = set(re.findall(r"^#? ?([A-Z_]+)=", example.read_text(encoding="utf-8"), re.MULTILINE))
    assert names <= setting_names()
    of_crms = [{setting.name for setting in crm.adapter(kind).settings} for kind in crm.kinds()]
    assert setting_names() - names <= set().union(*of_crms)
    assert all(wanted <= names for wanted in of_crms if wanted & names), "a CRM that is named is named whole"
    assert set(dotenv_values(example)) <= names
    assert Settings.load(example).slack_bot_token is None
