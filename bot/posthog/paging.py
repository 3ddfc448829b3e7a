"""All rows of a query: page after page, and in more and smaller queries where PostHog finds one too heavy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from bot.posthog.errors import PostHogError, TooHeavyError
from bot.posthog.hogql import PAGE, Page, Query
from bot.posthog.rows import is_storable
from bot.posthog.state import Sizes

MOST_SHARDS = 256
Rows = list[Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cut:
    """How the accounts are cut into pages. `keys`, ascending: those that matter; without them all that there are."""

    keys: Sequence[str] | None = None
    shards: int = 1
    most_shards: int = MOST_SHARDS
    limit: int = PAGE

    def first_pages(self) -> list[Page]:
        """The last one first; it has no end, so that accounts without facts are met too."""
        known, size = self.keys or (), self.limit * self.shards
        ends = [known[place - 1] for place in range(size, len(known), size)]
        ranges = list(zip(["", *ends], [*ends, None], strict=True))
        parts = range(self.shards)
        return [Page(after, upto, self.shards, part, self.limit) for after, upto in reversed(ranges) for part in parts]

    def ends_with(self, page: Page, last: str) -> bool:
        """Whether nothing that matters comes after a full page with this last key."""
        return last == page.upto or bool(self.keys and last >= self.keys[-1])


def read_pages(
    ask: Callable[[Query], tuple[Rows, bool]],
    build: Callable[[Page], Query],
    take: Callable[[Query, Rows], None],
    cut: Cut,
) -> int:
    """Hand every page to `take`; returns the number of shards that were needed in the end.

    A part of the accounts that is too heavy is cut in two and goes on where it was.
    """
    waiting, shards = cut.first_pages(), cut.shards
    while waiting:
        page = waiting.pop()
        query = build(page)
        try:
            rows, more = ask(query)
        except TooHeavyError:
            if page.shards >= cut.most_shards:
                raise
            waiting += _halves(page)
            shards = max(shards, page.shards * 2)
            continue
        take(query, rows)
        if more or len(rows) >= page.limit:
            last = _last_key(rows, page)
            if not cut.ends_with(page, last):
                waiting.append(replace(page, after=last))
    return shards


def read_parts(
    parts: Sequence[T],
    sizes: Sizes,
    read_some: Callable[[Sequence[T], int, int], int],
    progress: Callable[[int, int], None],
) -> Sizes:
    """Read in chunks of the size that is known to go, and learn what goes.

    `read_some` gets some parts, the number of shards to begin with and the most it may try, and returns how many it
    took; it keeps nothing when it raises. Fewer parts are tried before more shards.
    """
    size, shards, done = sizes.days or len(parts), sizes.shards, 0
    waiting = [parts[start : start + size] for start in range(0, len(parts), size or 1)]
    learnt = sizes.days
    while waiting:
        some = waiting.pop(0)
        try:
            shards = max(shards, read_some(some, sizes.shards, MOST_SHARDS if len(some) == 1 else sizes.shards))
        except TooHeavyError:
            if len(some) == 1:
                raise
            learnt = (len(some) + 1) // 2
            waiting = [half for chunk in [some, *waiting] for half in _cut(chunk, learnt)]
            continue
        done += len(some)
        progress(done, len(parts))
    return Sizes(learnt, shards)


def _cut(chunk: Sequence[T], size: int) -> list[Sequence[T]]:
    return [chunk[start : start + size] for start in range(0, len(chunk), size)]


def _halves(page: Page) -> list[Page]:
    """x % n = i is x % 2n = i or x % 2n = i + n."""
    shards = page.shards * 2
    return [replace(page, shards=shards, shard=shard) for shard in (page.shard + page.shards, page.shard)]


def _last_key(rows: Rows, page: Page) -> str:
    # A key that is half a character cannot be sent back.
    keys = [row[0] for row in rows if isinstance(row, list) and row and isinstance(row[0], str) and is_storable(row[0])]
    if not keys or max(keys) <= page.after:
        raise PostHogError("PostHog's pages do not advance: its answer does not follow the order that was asked for.")
    return max(keys)
