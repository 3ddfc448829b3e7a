"""Puts the stories into a project: 120 days of events that end now, and the groups' properties."""

import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from bot.periods import day_start
from sandbox.posthog import trends
from sandbox.posthog.history import Series, days_until, load
from sandbox.posthog.project import Event, Project
from sandbox.posthog.stories import STORIES, Sight, Story
from sandbox.posthog.trends import Shape

HISTORY = 120
ALL_TAKE = 6  # one call in so many is by anybody; the others are by three people
PRICES = {"starter": 99 * 12, "growth": 499 * 12}


def tell(project: Project, now: datetime, stories: Iterable[Story] = STORIES) -> None:
    """Two tellings at the same moment give the same rows."""
    zone = ZoneInfo(project.timezone)
    days = days_until(now, zone, HISTORY)
    stories = tuple(stories)
    project.set_groups("company", {story.key: group(story, days[-1]) for story in stories})
    project.set_persons(dict(person for story in stories for person in _persons(story)))
    load(project, (series for story in stories for series in _series(story, days, now, zone)), days, now)
    project.capture(event for story in stories for event in _sights(story, now, zone))


def group(story: Story, today: date) -> dict[str, object]:
    """The group properties, as a billing system would keep them in PostHog."""
    usual = {
        "name": story.name,
        "domain": f"{_word(story.key)}.example",
        "plan": story.plan,
        "arr": PRICES.get(story.plan or ""),
        "owner_email": "owner@headroom.example",
        "billing_anchor": str(today - timedelta(days=story.day - 1)),
        "storage_gb": 12,
    }
    return {name: value for name, value in {**usual, **story.properties}.items() if value is not None}


def _word(key: str) -> str:
    return "".join(letter for letter in key if letter.isascii() and letter.isalnum())[:30]


def _persons(story: Story) -> Iterator[tuple[str, dict[str, str]]]:
    for number in range(1, story.people + 1):
        yield f"p-{story.key}-{number}", {"email": f"user{number}@{_word(story.key)}.example"}


def _series(story: Story, days: list[date], now: datetime, zone: ZoneInfo) -> Iterator[Series]:
    """Page views come first to everyone, so that all of the company's people are seen."""
    alive = np.array([_is_alive(story, len(days) - 1 - index) for index in range(len(days))])
    part = (now - day_start(days[-1], zone)) / timedelta(days=1)  # of today

    def shape(trend: trends.Trend, name: str) -> Shape:
        seed = zlib.crc32(f"{story.key} {name}".encode())
        usage: Shape = trends.with_weekdays(trend(len(days)), days[0].weekday(), story.profile, seed) * alive
        usage[-1] *= part
        return usage

    calls = trends.counts(shape(story.trend, "calls"), len(days) - story.day, story.used)
    views = trends.counts(shape(trends.steady, "views"), 0, story.people * 3 * len(days))
    light = [count // ALL_TAKE for count in calls]
    heavy = [count - others for count, others in zip(calls, light, strict=True)]
    yield Series(story.key, "api_request", heavy, min(3, story.people), {"endpoint": "/v1/export"})
    yield Series(story.key, "api_request", light, story.people, {"endpoint": "/v1/search"})
    yield Series(story.key, "$pageview", views, story.people, {"$pathname": "/dashboard"}, sessions=True)
    volume = [round(float(amount), 3) for amount in shape(story.trend, "volume") * 0.4]
    ingested = [3 if amount else 0 for amount in volume]
    yield Series(story.key, "data_ingested", ingested, 1, amount="gb", amounts=volume)


def _is_alive(story: Story, days_ago: int) -> bool:
    return days_ago >= story.days_silent and (story.days_known is None or days_ago < story.days_known)


def _sights(story: Story, now: datetime, zone: ZoneInfo) -> Iterator[Event]:
    for sight in story.sights:
        for days_ago in sight.days_ago:
            day = now.astimezone(zone).date() - timedelta(days=days_ago)
            for person in range(1, sight.people + 1):
                at = min(
                    day_start(day, zone) + timedelta(hours=10, minutes=20 * person), now - timedelta(minutes=person)
                )
                yield from _sight(story, sight, person, at)


def _sight(story: Story, sight: Sight, person: int, at: datetime) -> Iterator[Event]:
    session = f"s-{story.key}-{person}-{at:%Y%m%d}-{sight.event}"
    properties = {**sight.properties, "$session_id": session}
    for number in range(sight.times):
        moment = at + timedelta(seconds=number % 600)
        yield Event(sight.event, f"p-{story.key}-{person}", moment, properties, {"company": story.key})
