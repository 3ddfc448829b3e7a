"""The first start: examples to begin with, and every mistake of settings and configuration told at once."""

from pathlib import Path

from bot import config
from bot.config import Config
from bot.config.mistakes import ConfigError
from bot.config.settings import Settings

EXAMPLE = Path(__file__).parent / "example.toml"
EXAMPLES = {"headroom.toml": EXAMPLE, ".env": Path(__file__).parent / "example.env"}


def begin(folder: Path) -> list[Path]:
    """Copy the examples into the folder; what is there already stays. The files that were written."""
    missing = {folder / name: example for name, example in EXAMPLES.items() if not (folder / name).exists()}
    for file, example in missing.items():
        file.touch(mode=0o600)  # one of them is to hold secrets
        file.write_bytes(example.read_bytes())
    return list(missing)


def read(*needs: str, env_file: str | Path = ".env") -> tuple[Settings, Config]:
    """What is right, or ConfigError. `needs` as for Settings.require; "crm" is the CRM that the configuration names."""
    wrong: list[str] = []
    settings = configuration = None
    try:
        settings = Settings.load(env_file)
    except ConfigError as error:
        wrong += error.mistakes
    try:
        configuration = config.load(Settings.config_file(env_file))
    except ConfigError as error:
        wrong += error.mistakes
    if settings:
        kind = configuration.crm.kind if configuration else None
        named = [kind if need == "crm" else need for need in needs]
        wrong += settings.missing(*(need for need in named if need))
    if wrong or settings is None or configuration is None:
        raise ConfigError(wrong)
    return settings, configuration
