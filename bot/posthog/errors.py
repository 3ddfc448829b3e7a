"""What can go wrong between us and PostHog, in words for the person who has to mend it."""

from bot.posthog.state import ReadState


class PostHogError(Exception):
    """PostHog gave no usable answer. `permanent`: asking again will not help until a person changes something."""

    def __init__(self, message: str, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class TooHeavyError(PostHogError):
    """PostHog gave the query up for its size: ask for fewer days or fewer accounts, never the same again."""


class ReadFailedError(PostHogError):
    """The reading is incomplete, and is thrown away whole: a partial one would look like a fall in usage.

    `remember`: the state to store although nothing was read; it tells since when PostHog's answers are doubted.
    """

    def __init__(self, message: str, permanent: bool = False, remember: ReadState | None = None) -> None:
        super().__init__(message, permanent)
        self.remember = remember
