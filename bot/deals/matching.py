"""To which account a deal of the CRM belongs. What is not certain is no match."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.store.accounts import folded
from crm.base import DealRecord, Organisation


@dataclass(slots=True)
class Accounts:
    """Every account by what the CRM may know it by: our key, an organisation's id, a domain, a name."""

    by_our_key: Mapping[str, str]
    by_organisation: Mapping[str, list[str]]
    domains: dict[str, str] = field(default_factory=dict)  # account -> domain
    by_domain: dict[str, list[str]] = field(default_factory=dict)
    by_name: dict[str, list[str]] = field(default_factory=dict)

    def add(self, accounts: Iterable[tuple[str, str, str | None]]) -> "Accounts":
        """Key, folded name and domain of each."""
        for key, name, domain in accounts:
            self.by_name.setdefault(name, []).append(key)
            if domain:
                self.domains[key] = _host(domain)
                self.by_domain.setdefault(_host(domain), []).append(key)
        return self

    def of(self, deal: DealRecord, organisation: Organisation | None) -> str | None:
        ours = self.by_our_key.get(deal.key or "")
        if ours is not None:
            return ours
        known = _only(self.by_organisation.get(deal.organisation_id or "", ()))
        return known or (self._named(organisation) if organisation else None)

    def _named(self, organisation: Organisation) -> str | None:
        domain = _host(organisation.domain) if organisation.domain else None
        if domain and domain in self.by_domain:
            return _only(self.by_domain[domain])
        found = _only(self.by_name.get(folded(organisation.name), ()))
        is_other = found is not None and domain and self.domains.get(found, domain) != domain
        return None if is_other else found


def _host(domain: str) -> str:
    return domain.strip().casefold()


def _only(found: Iterable[str]) -> str | None:
    several = set(found)
    return several.pop() if len(several) == 1 else None
