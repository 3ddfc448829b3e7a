"""What `headroom doctor` says of the deals that are followed: whether the CRM's open ones are known."""

from collections.abc import Iterator, Mapping

from bot.config import Config
from bot.doctor.checks import Check
from bot.store import Database, memory, open_deals

NAME = "open deals"
NOW = "headroom run reads them every {every}; headroom follow reads them now"


def checks(store: Database, config: Config) -> Iterator[Check]:
    """Looks into the store alone."""
    kind = config.crm.kind
    if kind is None or not store.ready():
        return
    if config.crm.pipeline is None:
        yield Check.warn(NAME, "no pipeline is named, so open deals hold no card back", "set crm.pipeline")
        return
    with store.read() as tx:
        at, fresh = open_deals.read_at(tx, kind), open_deals.is_fresh(tx, kind)
        known = len(open_deals.listing(tx, kind))
        hook = memory.get(tx, "crm_webhook")
    fix = NOW.format(every=config.crm.poll)
    if at is None:
        yield Check.warn(NAME, "they were never read, so they hold no card back", fix)
    elif not fresh:
        yield Check.warn(NAME, f"they were last read on {at:%Y-%m-%d %H:%M} UTC, so they hold no card back", fix)
    else:
        yield from _told_at(hook)
        yield Check.ok(NAME, f"{known} in the pipeline, read on {at:%Y-%m-%d %H:%M} UTC")


def _told_at(hook: Mapping[str, str | None] | None) -> Iterator[Check]:
    """That the CRM tells of changes; where it refuses to, that is an open problem."""
    if hook:
        until = f" until {hook['until'][:10]}" if hook["until"] else ""
        yield Check.ok(NAME, f"changes are told to {hook['address']}{until}")
