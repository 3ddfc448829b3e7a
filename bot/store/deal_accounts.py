"""To which account an open deal of the CRM belongs. What is not certain is no match."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.store import memory, outcomes, references
from bot.store.accounts import folded
from bot.store.database import Transaction
from bot.store.open_deals import OpenDeal

Name = tuple[str, str, str | None]  # key, folded name and domain of an account
Organisations = Mapping[str, tuple[str, str | None]]  # by the CRM's id: name and domain


def matched(tx: Transaction, provider: str, deals: Sequence[OpenDeal], accounts: Iterable[Name]) -> list[OpenDeal]:
    """Each with its account, by our own books and by what is remembered of the CRM's organisations."""
    if not deals:
        return []
    ours = outcomes.accounts_by_key(tx, {deal.our_key for deal in deals if deal.our_key})
    by_organisation = references.by_remote_id(tx, provider, "organisation:")
    known = Accounts(ours, by_organisation, organisations(tx, provider)).add(accounts)
    return [replace(deal, account_key=known.of(deal)) for deal in deals]


def organisations(tx: Transaction, provider: str) -> Organisations:
    kept = memory.get(tx, memory_of(provider)) or {"known": {}}
    return {id_: (name, domain) for id_, (name, domain) in kept["known"].items()}


def memory_of(provider: str) -> str:
    return f"organisations:{provider}"


@dataclass(slots=True)
class Accounts:
    """Every account by what the CRM may know it by: our key, an organisation's id, a domain, a name."""

    by_our_key: Mapping[str, str]
    by_organisation: Mapping[str, list[str]]
    organisations: Organisations
    domains: dict[str, str] = field(default_factory=dict)  # account -> domain
    by_domain: dict[str, list[str]] = field(default_factory=dict)
    by_name: dict[str, list[str]] = field(default_factory=dict)

    def add(self, accounts: Iterable[Name]) -> "Accounts":
        for key, name, domain in accounts:
            self.by_name.setdefault(name, []).append(key)
            if domain:
                self.domains[key] = _host(domain)
                self.by_domain.setdefault(_host(domain), []).append(key)
        return self

    def of(self, deal: OpenDeal) -> str | None:
        ours = self.by_our_key.get(deal.our_key or "")
        if ours is not None:
            return ours
        known = _only(self.by_organisation.get(deal.organisation_id or "", ()))
        organisation = self.organisations.get(deal.organisation_id or "")
        return known or (self._named(*organisation) if organisation else None)

    def _named(self, name: str, domain: str | None) -> str | None:
        host = _host(domain) if domain else None
        if host and host in self.by_domain:
            return _only(self.by_domain[host])
        found = _only(self.by_name.get(folded(name), ()))
        is_other = found is not None and host and self.domains.get(found, host) != host
        return None if is_other else found


def _host(domain: str) -> str:
    return domain.strip().casefold()


def _only(found: Iterable[str]) -> str | None:
    several = set(found)
    return several.pop() if len(several) == 1 else None
