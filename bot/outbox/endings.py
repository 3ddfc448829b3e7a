"""How a handler says that the work is not done, and what follows from it.

    Ending
    ├── Retry        it may work later: a server error, a timeout before anything was sent
    ├── Throttled    the vendor asks to wait: no attempt is spent, and its scope is held back
    ├── AuthFailed   the vendor refuses our key: no attempt is spent, and the provider is paused
    ├── Ambiguous    the write was sent and the answer lost: after a while the handler looks before it writes again
    ├── Permanent    it will never work: a person has to know
    └── Poisoned     (the outbox's own) every worker that tried it ended abruptly

Anything else that a handler raises is a mistake of ours: it is tried again, and after MAX_ATTEMPTS buried as "dead".
The text of these is stored and shown, so it must hold neither a secret nor a customer's data.
"""


class Ending(Exception):  # noqa: N818  # reads as what it is: raise Retry(...)
    """What ends an attempt without the work being done."""


class Retry(Ending):
    """`after` in seconds, where the vendor said so; otherwise the outbox backs off by itself."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class Throttled(Ending):
    """`scope` is as wide as the vendor's limit: "pipedrive", or "slack:chat.postMessage:C1"."""

    def __init__(self, scope: str, after: float = 30.0, why: str = "asked to wait") -> None:
        super().__init__(why)
        self.scope = scope
        self.after = after


class AuthFailed(Ending):
    """`why` says what is refused and how to mend it."""

    def __init__(self, provider: str, why: str) -> None:
        super().__init__(why)
        self.provider = provider


class Ambiguous(Ending):
    """`settle` is how many seconds the vendor may take until its search finds a new record."""

    def __init__(self, why: str, settle: float = 10.0) -> None:
        super().__init__(why)
        self.settle = settle


class Permanent(Ending):
    """`why` is for people, and says what they can do."""


class Poisoned(Ending):
    """No handler raises this: a process that was killed can raise nothing."""

    def __init__(self, attempts: int) -> None:
        super().__init__(f"each of {attempts} attempts ended abruptly")
