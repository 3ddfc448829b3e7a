"""The forty companies of the play: those of the stories at a tenth of their traffic, and ten who begin small."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from sandbox.posthog import trends
from sandbox.posthog.stories import STORIES, Story

SMALLER = 10
PLAN_LIMITS = {"starter": 100_000, "growth": 1_000_000}
SHOUTING = 50  # a key or name beyond this is there to be hostile, which other tests are about
NEWCOMERS = (
    "Alder Freight", "Birchwave", "Cinder & Co", "Driftline", "Elmstead Data",
    "Fernway Clinics", "Gable Insure", "Hazel Motors", "Ivory Press", "Jetty Foods",
    "Knoll Water", "Larch Optics", "Moss Retail",
)  # fmt: skip
SIZE = 40


@dataclass(frozen=True, slots=True)
class Part:
    """What a company goes on to do: so many calls on a usual day, growing by this share a week."""

    story: Story
    calls: float
    weekly: float


def stories(size: int = SIZE) -> tuple[Story, ...]:
    """The first ones of the cast, always the same ones in the same order."""
    return tuple(_all())[:size]


def parts(cast: tuple[Story, ...]) -> dict[str, Part]:
    """By account. Who is growing goes on growing; each by a pace of its own, the same in every play."""
    return {story.key: _part(story) for story in cast}


def _all() -> Iterator[Story]:
    yield from (
        _smaller(story)
        for story in STORIES
        if len(story.name) < SHOUTING and story.key.isascii() and story.key.isalnum()
    )
    for number, name in enumerate(NEWCOMERS):
        used, limit = 420 + 45 * number, 2_000
        key = name.split()[0].lower()
        yield Story(
            key, name, "Begins small.", "none", used=used, people=3 + number % 5, properties={"api_calls_limit": limit}
        )


def _smaller(story: Story) -> Story:
    given = story.properties.get("api_calls_limit")
    plan = PLAN_LIMITS.get(story.plan or "")
    limit = given if given is not None else plan
    properties = dict(story.properties)
    if limit is not None and str(limit).isdigit():
        properties["api_calls_limit"] = int(limit) // SMALLER
    return replace(story, used=max(1, story.used // SMALLER), properties=properties)


def _part(story: Story) -> Part:
    random = np.random.default_rng(zlib.crc32(f"{story.key} goes on".encode()))
    shape = trends.with_weekdays(story.trend(120), 0, story.profile, 0)
    recent = shape[-14:].mean() / shape[-min(28, story.day) :].mean()
    daily = story.used / story.day * recent
    weekly = float(random.choice((-0.02, 0.0, 0.02, 0.04, 0.07, 0.1), p=(0.1, 0.2, 0.25, 0.2, 0.15, 0.1)))
    return Part(story, float(daily) if not story.days_silent else 0.0, weekly)
