"""A grant that is kept for as long as the test runs: what adapters need of a store of grants."""

from dataclasses import dataclass, field
from threading import Lock

from crm.oauth import Grant, Renew


@dataclass
class KeptGrants:
    grant: Grant | None = None
    _lock: Lock = field(default_factory=Lock)

    def current(self, renew: Renew, stale: str | None = None) -> Grant:
        with self._lock:
            if self.grant is None or self.grant.access == stale:
                self.grant = renew(self.grant)
            return self.grant
