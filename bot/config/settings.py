"""Secrets and addresses from the environment, `.env` and secret files: read once, typed, refused loudly."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, ValidationError

from bot.config import crm_settings
from bot.config.mistakes import ConfigError, mistakes
from bot.config.settings_values import (
    api_key,
    app_token,
    bot_token,
    database,
    one_line,
    port,
    project_id,
    signing_secret,
    vendor_url,
)

Secret = Annotated[SecretStr, BeforeValidator(one_line)]
Url = Annotated[str, AfterValidator(vendor_url)]

# What a command may need, and where each piece is found. Several names in one line: any of them will do.
NEEDS: Mapping[str, Mapping[tuple[str, ...], str]] = {
    "slack": {("SLACK_BOT_TOKEN",): "api.slack.com/apps, your app, OAuth & Permissions, Bot User OAuth Token (xoxb-)"},
    "slack_events": {
        ("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"): "api.slack.com/apps, your app, Basic Information: "
        "an app-level token (xapp-) for Socket Mode, or the signing secret for HTTP"
    },
    "posthog": {
        ("POSTHOG_PROJECT_ID",): "PostHog, Settings, Project: the number in the address, /project/12345",
        ("POSTHOG_API_KEY",): "PostHog, Settings: a project secret key (phs_) or a personal API key (phx_)",
    },
}


class Settings(BaseModel):
    """One field for each name of the environment, in small letters."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    headroom_config: Path = Path("headroom.toml")
    headroom_host: str = "127.0.0.1"
    headroom_port: Annotated[int, BeforeValidator(port)] = 3000
    headroom_public_url: Url | None = None
    database_url: Annotated[SecretStr, AfterValidator(database)] = SecretStr("sqlite:///headroom.db")
    slack_bot_token: Annotated[Secret, AfterValidator(bot_token)] | None = None
    slack_app_token: Annotated[Secret, AfterValidator(app_token)] | None = None
    slack_signing_secret: Annotated[Secret, AfterValidator(signing_secret)] | None = None
    slack_api_url: Annotated[Url, AfterValidator(lambda url: url + "/")] = "https://slack.com/api/"
    posthog_host: Url = "https://us.posthog.com"
    posthog_project_id: Annotated[int, BeforeValidator(project_id)] | None = None
    posthog_api_key: Annotated[Secret, AfterValidator(api_key)] | None = None
    crm: Mapping[str, SecretStr] = {}  # what the CRM adapters want, by the names of the environment

    @classmethod
    def load(cls, env_file: str | Path = ".env") -> Self:
        """Read the environment, which wins over the file; raises ConfigError with every mistake."""
        return cls.of(_given(Path(env_file)))

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """The settings in an environment, by names in whatever case; raises ConfigError with every mistake."""
        given, wrong = _with_secret_files({name.lower(): value for name, value in environment.items()})
        held, wrong_of_crm = crm_settings.read(given)
        wrong += wrong_of_crm
        try:
            settings = cls.model_validate({**given, "crm": held})
        except ValidationError as error:
            wrong += [f"{str(place[0]).upper()}: {words}" for place, words in mistakes(error, cls)]
            raise ConfigError(wrong) from None  # the cause would print what was given, secrets included
        if wrong:
            raise ConfigError(wrong)
        return settings

    @property
    def socket_mode(self) -> bool:
        return self.slack_app_token is not None

    def missing(self, *needs: str) -> list[str]:
        """A line for each name that these needs ("slack", "posthog", a kind of CRM) lack, with where to get it."""
        return [line for need in needs for line in self._lacks(need)]

    def _lacks(self, need: str) -> list[str]:
        if need not in NEEDS:
            return crm_settings.missing(need, self.crm)
        return [
            f"{' or '.join(names)}: is missing. Set it in the environment or .env; found at {where}."
            for names, where in NEEDS[need].items()
            if not any(getattr(self, name.lower()) for name in names)
        ]

    def require(self, *needs: str) -> None:
        """Refuse to go on without these needs."""
        if lines := self.missing(*needs):
            raise ConfigError(lines)

    @classmethod
    def config_file(cls, env_file: str | Path = ".env") -> Path:
        """Where headroom.toml is, even where other settings are wrong."""
        return Path(_given(Path(env_file)).get("headroom_config", cls.model_fields["headroom_config"].default))


def setting_names() -> set[str]:
    """Every name that is read from the environment; each secret's NAME_FILE apart."""
    ours = {name.upper() for name in Settings.model_fields if name != "crm"}
    return ours | {setting.name for setting in crm_settings.wanted()}


def _given(env_file: Path) -> dict[str, str]:
    """All that is set and not empty, by name in small letters."""
    try:
        of_file = dotenv_values(env_file, interpolate=False) if env_file.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{env_file}: cannot be read as UTF-8 text ({type(error).__name__})."]) from None
    return {name.lower(): value for source in (of_file, os.environ) for name, value in source.items() if value}


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_is_secret(part) for part in getattr(annotation, "__args__", ()))


def _with_secret_files(given: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The content of NAME_FILE stands for NAME, as container platforms hand secrets over."""
    found, wrong = dict(given), []
    ours = [name for name, field in Settings.model_fields.items() if _is_secret(field.annotation) and name != "crm"]
    for name in (*ours, *(setting.name.lower() for setting in crm_settings.wanted() if setting.secret)):
        file = given.get(f"{name}_file")
        if file is None:
            continue
        if name in given:
            wrong.append(f"{name.upper()}: is given twice, also as {name.upper()}_FILE. Keep one.")
            continue
        try:
            found[name] = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            wrong.append(f"{name.upper()}_FILE: {file} cannot be read ({type(error).__name__}).")
    return found, wrong
