"""Everything that `headroom doctor` looks at, put together from what each part can say of itself."""

from collections.abc import Iterable, Mapping
from functools import cache

from bot import config, doctor
from bot.app import Headroom, utc_now
from bot.config import Config
from bot.config.settings import Settings
from bot.doctor import deals, following
from bot.doctor.checks import Check, Probe
from bot.posthog.check import RARE
from bot.posthog.check import check as check_posthog
from bot.slack import health
from bot.store import Database


def all_probes(*, fix: bool = False, test_push: bool = False) -> Mapping[str, Probe]:
    """By name; each stands for itself, so that one that is broken hides no other.

    `fix` makes what the CRM lacks, `test_push` makes a deal there for trial.
    """

    @cache
    def settings() -> Settings:
        return Settings.load()

    @cache
    def read() -> Config:
        return config.load(Settings.config_file())

    @cache
    def headroom() -> Headroom:
        return Headroom(settings(), read())

    @cache
    def store() -> Database:
        """As it is: looking changes nothing, not even the tables."""
        return Database(settings().database_url.get_secret_value(), utc_now)

    def missing() -> list[str]:
        crm = read().crm.kind
        return settings().missing("slack", "slack_events", "posthog", *([crm] if crm else []))

    def crm_probe() -> Iterable[Check]:
        crm = headroom().crm
        return () if crm is None else deals.checks(crm, read(), fix=fix)

    def trial() -> Iterable[Check]:
        crm = headroom().crm
        if crm is None:
            return [Check.warn(deals.PUSH, "no CRM is configured", "set [crm].kind")]
        return deals.trial(crm, read(), utc_now())

    return {
        "configuration": doctor.configuration(read),
        "settings": doctor.settings(missing),
        "database": lambda: doctor.database(store())(),
        "problems": lambda: doctor.open_problems(store())(),
        "clock": lambda: doctor.clock(_addresses(settings()), utc_now)(),
        "slack": lambda: health.check(headroom().slack, read().slack, _app_token(settings())),
        "posthog": lambda: doctor.problems(
            "posthog",
            lambda: check_posthog(headroom().posthog, read()),
            "the key, the project and every name are fine",
            mild={RARE},
        )(),
        "crm": crm_probe,
        "open deals": lambda: following.checks(store(), read()),
        **({deals.PUSH: trial} if test_push else {}),
    }


def _addresses(settings: Settings) -> dict[str, str]:
    return {"Slack": settings.slack_api_url, "PostHog": settings.posthog_host}


def _app_token(settings: Settings) -> str | None:
    return settings.slack_app_token.get_secret_value() if settings.slack_app_token else None
