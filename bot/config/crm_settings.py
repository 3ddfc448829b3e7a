"""What the CRM adapters want from the environment. Each names its own settings: a new adapter needs no line here."""

from collections.abc import Iterator, Mapping

from pydantic import SecretStr

import crm
from bot.config.settings_values import one_line, vendor_url
from crm.base import Setting

Held = Mapping[str, SecretStr]


def wanted() -> Iterator[Setting]:
    """The settings of every adapter, configured or not: a mistake is told before it matters."""
    for kind in crm.kinds():
        yield from crm.adapter(kind).settings


def read(given: Mapping[str, str]) -> tuple[Held, list[str]]:
    """What is set or has a default, by name, and what is wrong with it. `given` is by name in small letters."""
    held: dict[str, SecretStr] = {}
    wrong: list[str] = []
    for setting in wanted():
        value = given.get(setting.name.lower(), setting.default)
        if value is None:
            continue
        try:
            held[setting.name] = SecretStr(_checked(setting, value))
        except ValueError as error:
            wrong.append(f"{setting.name}: {error}")
    return held, wrong


def _checked(setting: Setting, value: str) -> str:
    if setting.url:
        return vendor_url(value)
    return one_line(value) if setting.secret else value


def missing(kind: str, held: Held) -> list[str]:
    """A line for each name that the adapter lacks: of the group that was begun, else of the usual one."""
    adapter = crm.adapter(kind)
    where = {setting.name: setting.where for setting in adapter.settings}
    lacks = [[name for name in group if name not in held] for group in adapter.needs]
    if not all(lacks):
        return []
    begun = (lack for lack, group in zip(lacks, adapter.needs, strict=True) if len(lack) < len(group))
    return [
        f"{name}: is missing. Set it in the environment or .env; found at {where[name]}."
        for name in next(begun, lacks[0])
    ]
