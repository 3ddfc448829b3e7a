"""Pages follow one another to the end, and what is too heavy is cut until it goes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.posthog.client import Client
from bot.posthog.errors import PostHogError, TooHeavyError
from bot.posthog.hogql import Accounts, Page, Query
from bot.posthog.paging import Cut, read_pages, read_parts
from bot.posthog.queries import facts
from bot.posthog.state import Sizes
from sandbox.posthog.server import PostHog
from tests.bot.posthog.worlds import config

KEYS = sorted(
    [*(f"{number}" for number in range(17)), "it's", 'a"b', "<!channel>", "\u202ertl", "z" * 200, "é", "\n", "🦊"]
)


def ask_of(client: Client) -> Callable[[Query], tuple[list[Any], bool]]:
    def ask(query: Query) -> tuple[list[Any], bool]:
        result = client.query(query.name, query.hogql, query.values)
        return result.rows, result.has_more

    return ask


@pytest.mark.parametrize(("limit", "calls"), [(3, 9), (25, 2), (26, 1), (1, 26)])
@pytest.mark.parametrize("shards", [1, 2])
def test_every_key_comes_once_whatever_the_size_of_a_page(
    client: Client, posthog: PostHog, limit: int, calls: int, shards: int
) -> None:
    posthog.project.set_groups("company", {key: {"name": key} for key in KEYS})
    got: list[str] = []

    read_pages(
        ask_of(client),
        partial(facts, config(), Accounts(0)),
        lambda _, rows: got.extend(row[0] for row in rows),
        Cut(shards=shards, limit=limit),
    )

    assert sorted(got) == KEYS
    assert shards > 1 or (got, client.calls) == (KEYS, calls)


def test_pages_that_do_not_advance_are_an_error() -> None:
    query = Query("test", "", {}, ("account",), 1)

    with pytest.raises(PostHogError, match="do not advance"):
        read_pages(lambda _: ([["a"]], False), lambda _: query, lambda *_: None, Cut(limit=1))


@given(
    keys=st.sets(st.integers(min_value=1, max_value=400), max_size=80),
    most=st.integers(min_value=1, max_value=30),
    limit=st.integers(min_value=1, max_value=9),
    shards=st.sampled_from([1, 2, 4]),
    known=st.none() | st.sets(st.integers(min_value=1, max_value=400), max_size=80),
)
def test_shards_lose_nothing_and_repeat_nothing(
    keys: set[int], most: int, limit: int, shards: int, known: set[int] | None
) -> None:
    """A server that gives up where more than `most` keys are left in a shard."""
    cut = Cut(None if known is None else [f"{key:05}" for key in sorted(known)], shards, 1024, limit)

    def ask(query: Query) -> tuple[list[Any], bool]:
        page: Any = query.values["page"]
        left = sorted(f"{key:05}" for key in keys if key % page.shards == page.shard)
        left = [key for key in left if page.after < key <= (page.upto or "~")]
        if len(left) > most:
            raise TooHeavyError("too heavy")
        return [[key] for key in left[: page.limit]], False

    def build(page: Page) -> Query:
        return Query("test", "", {"page": page}, ("account",), page.limit)  # type: ignore[dict-item]  # only for ask

    got: list[str] = []
    read_pages(ask, build, lambda _, rows: got.extend(row[0] for row in rows), cut)

    assert len(set(got)) == len(got)
    assert set(got) <= {f"{key:05}" for key in keys}
    assert set(got) >= {f"{key:05}" for key in (keys if known is None else keys & known)}


def test_a_full_page_that_ends_with_the_last_known_key_is_the_last(client: Client, posthog: PostHog) -> None:
    posthog.project.set_groups("company", {key: {"name": key} for key in KEYS})
    got: list[int] = []

    build = partial(facts, config(), Accounts(0))
    read_pages(ask_of(client), build, lambda _, rows: got.append(len(rows)), Cut(KEYS, limit=5))

    assert got == [5, 5, 5, 5, 5]
    assert client.calls == 5


@given(
    parts=st.integers(min_value=1, max_value=100),
    most=st.integers(min_value=1, max_value=120),
    known=st.none() | st.integers(1, 100),
)
def test_parts_are_read_once_each_in_chunks_that_go(parts: int, most: int, known: int | None) -> None:
    done: list[int] = []

    def read_some(some: Any, _: int, __: int) -> int:
        if len(some) > most:
            raise TooHeavyError("too heavy")
        done.extend(some)
        return 1

    sizes = read_parts(range(parts), Sizes(known), read_some, lambda *_: None)

    assert done == list(range(parts))
    assert (sizes.days or parts) <= max(most, 1) or sizes.days == known


def test_a_single_part_that_never_goes_is_an_error() -> None:
    def read_some(*_: Any) -> int:
        raise TooHeavyError("too heavy")

    with pytest.raises(TooHeavyError):
        read_parts([1, 2], Sizes(), read_some, lambda *_: None)
