"""Replay: what the rules would have done on the stored days, side by side for today's thresholds and proposed ones."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from bot.config import Config, Thresholds
from bot.evaluation import current_thresholds
from bot.replay.days import Course, Played, Said, play
from bot.replay.outcomes import Crossings, Outcome, outcomes, told
from bot.replay.past import Past, load, not_stored
from bot.store import Database
from detectors.base import Rules

__all__ = ["MOST_DAYS", "NothingStoredError", "Replay", "ReplayedCard", "Side", "replay"]

MOST_DAYS = 150  # of the 180 that are stored: what comes before them is the history of the first
BATCH = 2048  # accounts: large enough for NumPy, small enough that their columns stay near the processor
THREADS = 2
Progress = Callable[[str, int, int], None]


class NothingStoredError(Exception):
    """There is no history: no evaluation has run yet."""


@dataclass(frozen=True, slots=True)
class ReplayedCard:
    """A card that would have been posted, and what became of its metric."""

    account: str
    name: str
    owner_email: str | None
    day: date
    signals: tuple[Said, ...]
    outcome: Outcome
    lead_days: int | None  # from the card to the crossing, where there was one


@dataclass(frozen=True, slots=True)
class Side:
    """One setting: its cards in the order of their days, and how well they did."""

    thresholds: Thresholds
    days: int
    cards: tuple[ReplayedCard, ...]
    standing: int  # cards that would have been there on the first day already: not counted as new
    crossings: Crossings
    weeks: tuple[tuple[date, int], ...]  # first day and new cards, the oldest first; the first may be cut short
    account_months: float

    def count(self, outcome: Outcome) -> int:
        return sum(card.outcome == outcome for card in self.cards)

    @property
    def precision(self) -> float | None:
        """Of the cards that are decided, the share whose metric passed its limit."""
        right, wrong = self.count("passed"), self.count("not_passed")
        return right / (right + wrong) if right + wrong else None

    @property
    def lead_days(self) -> float | None:
        """Median days from a card to the crossing."""
        leads = [card.lead_days for card in self.cards if card.lead_days is not None]
        return float(median(leads)) if leads else None

    @property
    def recall(self) -> float | None:
        """Share of the crossings that a signal told of a day ahead or more."""
        return self.crossings.told / self.crossings.count if self.crossings.count else None

    @property
    def early_recall(self) -> float | None:
        """Share of those that could be told five days ahead and were."""
        return self.crossings.early / self.crossings.could_be_early if self.crossings.could_be_early else None

    @property
    def false_alarms(self) -> float | None:
        """Cards that proved wrong, for each 100 account-months."""
        return 100 * self.count("not_passed") / self.account_months if self.account_months else None

    @property
    def owners(self) -> tuple[tuple[str | None, int], ...]:
        """Cards by the account's owner, the most first."""
        counts = Counter(card.owner_email for card in self.cards)
        return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0] or "")))


@dataclass(frozen=True, slots=True)
class Replay:
    """`today` is what holds now; `proposed` is None where nothing else was asked for."""

    first_day: date
    last_day: date
    known_since: date  # the first day of which anything is stored
    accounts: int
    looked_at: int  # of them: fewer where a sample was asked for
    today: Side
    proposed: Side | None
    left_out: tuple[str, ...]  # metrics whose days are not stored


def replay(
    db: Database,
    config: Config,
    days: int,
    proposed: Thresholds | None = None,
    most: int | None = None,
    progress: Progress = lambda *_: None,
) -> Replay:
    """The last so many stored days, without a call to PostHog; raises NothingStoredError.

    Each day is looked at as it ended, the last as the last evaluation saw it. Limits, plans and anchors are today's.
    `most` accounts, where a person waits and a sample will do.
    """
    with db.read() as tx:
        current = current_thresholds(tx, config)
        past = load(tx, config, most)
    known_since = past.first_day() if past is not None else None
    if past is None or known_since is None:
        raise NothingStoredError
    days = min(days, MOST_DAYS, max((past.today - known_since).days, 0))
    settings = (current, proposed) if proposed is not None else (current,)
    played = list(_played(past, days, settings, progress))
    sides = [_side(past, days, values, played, number) for number, values in enumerate(settings)]
    return Replay(
        first_day=past.today - timedelta(days=max(days - 1, 0)),
        last_day=past.today,
        known_since=known_since,
        accounts=past.total,
        looked_at=len(past.accounts),
        today=sides[0],
        proposed=sides[1] if proposed is not None else None,
        left_out=tuple(metric.label for metric in config.metrics.values() if not_stored(metric)),
    )


def _played(past: Past, days: int, settings: Sequence[Thresholds], progress: Progress) -> Iterator[Played]:
    """Batches side by side: NumPy lets go of the interpreter while it works."""
    rules = [Rules(**values.model_dump()) for values in settings]
    batches = -(-len(past.accounts) // BATCH)
    with ThreadPoolExecutor(THREADS) as threads:
        done = threads.map(lambda part: play(part, days, rules), past.parts(BATCH))
        for number, one in enumerate(done, 1):
            yield one
            progress("days replayed", number, batches)


def _side(past: Past, days: int, values: Thresholds, played: Sequence[Played], number: int) -> Side:
    courses = [(one, one.courses[number]) for one in played]
    cards = sorted(
        (card for one, course in courses for card in _cards(one, course, days)),
        key=lambda card: (card.day, card.name, card.account),
    )
    crossings = [told(one, course) for one, course in courses]
    judged = sum(int(one.judged_days().sum()) for one in played)
    return Side(
        thresholds=values,
        days=days,
        cards=tuple(cards),
        standing=sum(course.standing for _, course in courses),
        crossings=Crossings(
            *(sum(getattr(one, name) for one in crossings) for name in ("count", "told", "could_be_early", "early"))
        ),
        weeks=_weeks(cards, past.today, days),
        account_months=judged / 30,
    )


def _cards(played: Played, course: Course, days: int) -> Iterator[ReplayedCard]:
    past = played.part.past
    for card, outcome, lead in outcomes(played, course):
        account = played.part.accounts[card.row]
        day = past.today - timedelta(days=days - card.day)
        yield ReplayedCard(account.key, account.name, account.owner_email, day, card.signals, outcome, lead)


def _weeks(cards: Iterable[ReplayedCard], today: date, days: int) -> tuple[tuple[date, int], ...]:
    counts = Counter((today - card.day).days // 7 for card in cards)
    weeks = range(-(-days // 7) - 1, -1, -1)
    return tuple((today - timedelta(days=min(7 * week + 6, days - 1)), counts[week]) for week in weeks)
