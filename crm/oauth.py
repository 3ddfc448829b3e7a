"""How a CRM knows us: a fixed token, or an OAuth grant that is renewed once for everybody who needs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Grant:
    """An access token, for how long it is good, and what came with it."""

    access: str
    lasts: timedelta
    refresh: str | None = None  # to be used for the next renewal, where the vendor hands out a new one each time
    url: str | None = None  # where its API is
    scope: str | None = None  # what it allows, in the vendor's words, if it says


Renew = Callable[[Grant | None], Grant]


class GrantStore(Protocol):
    """Keeps one grant for all threads and replicas, sealed, through restarts."""

    def current(self, renew: Renew, stale: str | None = None) -> Grant:
        """The stored grant if it is still good and its access token is not the `stale` one.

        Otherwise `renew` is called by one caller, given the last grant, while all others wait for its result. What
        it raises, they all get, and nothing is stored.
        """


@dataclass(frozen=True, slots=True)
class Login:
    """Where to call, and with which headers; `secret` must not be told. `scope`: what it allows, if that is known."""

    url: str
    headers: Mapping[str, str]
    secret: str
    scope: str | None = None


class Access(Protocol):
    def login(self) -> Login:
        """What to call with now; raises CrmError where it cannot be had."""

    def renewed(self, refused: Login) -> Login | None:
        """Another one after the CRM refused this; None: there is none to be had."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A token that people copied."""

    url: str
    headers: Mapping[str, str]
    secret: str

    def login(self) -> Login:
        return Login(self.url, self.headers, self.secret)

    def renewed(self, refused: Login) -> Login | None:  # noqa: ARG002  # the protocol's
        return None


@dataclass(frozen=True, slots=True)
class Granted:
    """A token by OAuth. `renew` asks the vendor, `dress` makes headers of an access token."""

    store: GrantStore
    renew: Renew
    dress: Callable[[str], Mapping[str, str]]
    url: str  # where the grant names none
    pinned: bool = False  # people set `url` on purpose, to a proxy say: what the grant names does not count

    def login(self) -> Login:
        return self._login(self.store.current(self.renew))

    def renewed(self, refused: Login) -> Login | None:
        return self._login(self.store.current(self.renew, stale=refused.secret))

    def _login(self, grant: Grant) -> Login:
        url = self.url if self.pinned or not grant.url else grant.url
        return Login(url, self.dress(grant.access), grant.access, grant.scope)
