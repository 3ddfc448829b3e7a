"""Silence or an outage: whether an answer that holds less than the last one is to be believed.

PostHog can answer with status 200 and no rows. Taken at its word that is a fall of all usage to zero. So each reading
remembers how many accounts its answers held rows for, and the next is held against it, like with like:

- facts: accounts are not lost by themselves;
- daily, and levels of people in windows: by day, for the last days, which are read again. A day that is over does
  not change, so that weekends, holidays and quiet customers are no fall;
- windows: accounts with somebody seen in the last 30 days. Those of a small fleet may all fall silent, so that it is
  only judged where daily usage says otherwise or there were some accounts.

A fall to nothing, or of many accounts to less than half, fails the reading, and nothing is written. Customers do
leave, and data is deleted: the same answer's fall, still there 24 hours after it was first met, is believed. A first
reading has nothing to compare with and is believed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.posthog.errors import ReadFailedError
from bot.posthog.state import ReadState

PATIENCE = timedelta(hours=24)
SOME = 5  # accounts that do not fall to none by chance
MANY = 20  # accounts that do not fall to half by chance
SUBJECTS = {"facts": "the accounts", "daily": "daily usage", "windows": "people and pages"}


def believed(before: ReadState, after: ReadState, received: Mapping[str, int]) -> ReadState:
    """`after`, to be remembered; or ReadFailedError. `received`: rows of each query, whatever was in them."""
    at = after.watermark
    if before.watermark is None or at is None or at < before.watermark:
        return after
    fallen: dict[str, str] = {}
    for key in _fallen(before.rows, after.rows, received):
        fallen.setdefault(key.partition(" ")[0], key)
    doubted = {query: before.doubted.get(query, at.isoformat()) for query in fallen}
    waiting = {query for query, since in doubted.items() if at - datetime.fromisoformat(since) < PATIENCE}
    if not waiting:
        return after
    query = min(waiting)
    then, now = before.rows[fallen[query]], after.rows[fallen[query]]
    until = datetime.fromisoformat(doubted[query]) + PATIENCE
    raise ReadFailedError(
        f"PostHog answered on {SUBJECTS[query]} with {now or 'nothing'} where there had been {then} "
        f"{'account' if then == 1 else 'accounts'}; usage is left as it was. "
        f"If that does not change, it is believed from {until:%Y-%m-%d %H:%M} UTC on.",
        remember=replace(before, doubted=doubted),
    )


def _fallen(before: Mapping[str, int], now: Mapping[str, int], received: Mapping[str, int]) -> Iterator[str]:
    has_usage = any(count for key, count in now.items() if key.startswith("daily "))
    for key, then in before.items():
        if key not in now:
            continue  # a day that was not read again
        may_fall_silent = key == "windows" and not has_usage
        empty = received.get(key.partition(" ")[0], 0) == 0 and not may_fall_silent
        least = 1 if empty else SOME
        if (then >= least and now[key] == 0) or (then >= MANY and now[key] * 2 < then):
            yield key
