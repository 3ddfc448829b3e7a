"""Some thirty invented companies, each with a story, and what ought to come of it (plans as in headroom.toml)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.posthog import trends
from sandbox.posthog.trends import Trend

Outcome = Literal[
    "upsell",
    "save",
    "none",
    "limit_unknown",  # from here on: no card, for this reason
    "limit_invalid",
    "impossible_values",
    "stale_data",
    "too_little_history",
]


@dataclass(frozen=True, slots=True)
class Sight:
    """A rare event: on these days back from today, by so many people, so many times a day in one session."""

    event: str
    days_ago: tuple[int, ...]
    people: int = 1
    times: int = 1
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Story:
    """One company. `used` are the API calls of its last `day` days, today included: of its billing month so far."""

    key: str
    name: str
    about: str
    outcome: Outcome
    signals: frozenset[str] = frozenset()  # that must be among those of its card
    used: int = 5_000
    day: int = 15
    trend: Trend = trends.steady
    profile: tuple[float, ...] = trends.WORKDAYS
    people: int = 5
    plan: str | None = "starter"
    properties: Mapping[str, Any] = field(default_factory=dict)  # of the group, over the usual ones
    sights: tuple[Sight, ...] = ()
    days_known: int | None = None  # younger than the history
    days_silent: int = 0  # nothing has come in for so long


def _of(*kinds: str) -> frozenset[str]:
    return frozenset(kinds)


def visits(path: str, *days_ago: int, people: int = 1) -> Sight:
    return Sight("$pageview", days_ago, people, 1, {"$pathname": path})


def lock(feature: str, *days_ago: int, people: int = 1, times: int = 1) -> Sight:
    return Sight("feature_gate_hit", days_ago, people, times, {"feature": feature})


def rejected(*days_ago: int, times: int) -> Sight:
    return Sight("rate_limited", days_ago, 1, times, {"endpoint": "/v1/export"})


def invited(*addresses: str, days_ago: int = 4) -> tuple[Sight, ...]:
    return tuple(Sight("member_invited", (days_ago,), 1, 1, {"email": address}) for address in addresses)


LONG_NAME = ("The Most Extraordinarily Long Company Name in the Register " * 4)[:200]

STORIES = (
    Story(
        "acme", "Acme Corp", "Near its limit, growing 9 % a week, met the SSO lock and looked at the prices.", "upsell",
        _of("approaching_limit", "growth_trajectory", "feature_lockout", "billing_page_visits"),
        used=92_100, day=21, trend=trends.growing(0.09), people=7,
        sights=(lock("sso", 2, 5, 8, people=3), visits("/pricing", 1, 3)),
    ),
    Story(
        "bluefin", "Bluefin Analytics", "Went over its limit this week for the first time.", "upsell",
        _of("approaching_limit"), used=23_000, day=24, trend=trends.growing(0.12),
        properties={"api_calls_limit": 20_000},
    ),
    Story(
        "cobalt", "Cobalt Forge", "Over its limit two months in a row, and it will be again.", "upsell",
        _of("overage_pattern"), used=6_900, day=12, properties={"api_calls_limit": 15_000},
    ),
    Story(
        "dovetail", "Dovetail Systems", "Half used at half time, but growing 12 % a week towards its limit.", "upsell",
        _of("growth_trajectory"), used=11_500, trend=trends.growing(0.12), properties={"api_calls_limit": 20_000},
    ),
    Story(
        "ember", "Ember Robotics", "Its growth is itself growing.", "upsell", _of("growth_trajectory"),
        used=13_000, day=18, trend=trends.accelerating(0.01, 0.16), properties={"api_calls_limit": 20_000},
    ),
    Story(
        "fjord", "Fjord Media", "Two wild days a quarter; far from its limit.", "none",
        used=8_000, day=20, trend=trends.spiky((13, 47, 80), 5.0), properties={"api_calls_limit": 20_000},
    ),
    Story(
        "granite", "Granite Health", "Grew for months and has settled under its limit.", "none",
        used=11_800, day=25, trend=trends.plateau(8), properties={"api_calls_limit": 20_000},
    ),
    Story(
        "harbor", "Harbor Logistics", "Four people met the SSO lock again and again.", "upsell",
        _of("feature_lockout"), people=7, sights=(lock("sso", 1, 3, 6, 9, people=4),),
    ),
    Story(
        "indigo", "Indigo Print", "One curious person clicked a locked button thirty times.", "none",
        sights=(lock("audit_log", 4, times=30),),
    ),
    Story(
        "juno", "Juno Bakery Supply", "Healthy, looked at the prices: worth knowing, not worth a card.", "none",
        used=9_000, sights=(visits("/pricing", 1, 2, 5, people=2),),
    ),
    Story(
        "kestrel", "Kestrel Maps", "Uses less every week and opened the page to cancel.", "save",
        _of("billing_page_visits"), used=9_000, trend=trends.shrinking_lately(0.15, 7),
        sights=(visits("/billing", 1, 3, 4), visits("/cancel", 1, 3)),
    ),
    Story(
        "lumen", "Lumen Tutors", "Its plan is from a former catalogue: nobody knows its limits.", "limit_unknown",
        used=6_000, plan="legacy-2019",
    ),
    Story(
        "marble", "Marble Games", "Over its plan's limit, but its contract says 250,000.", "none",
        used=110_000, day=20, properties={"api_calls_limit": "250000"},
    ),
    Story(
        "nimbus", "Nimbus Weather", "Near its limit when its tracking broke five days ago.", "stale_data",
        used=17_000, day=20, days_silent=5, properties={"api_calls_limit": 20_000},
    ),
    Story(
        "opal", "Opal Textiles", "Too young to judge.", "too_little_history",
        used=18_000, day=9, days_known=9, properties={"api_calls_limit": 20_000},
    ),
    Story(
        "pinecone", "Pinecone Travel", "One seat is left.", "upsell", _of("approaching_limit"), people=9,
    ),
    Story(
        "quartz", "Quartz Energy", "Its storage is nearly full.", "upsell", _of("approaching_limit"),
        properties={"storage_gb": 47.5},
    ),
    Story(
        "rowan", "Rowan Legal", "Turned away by the rate limit on six days out of fourteen.", "upsell",
        _of("overage_pattern"), sights=(rejected(1, 3, 4, 8, 10, 12, times=25),),
    ),
    Story(
        "saffron", "Saffron Kitchens", "A retry loop was turned away 900 times on one day.", "none",
        sights=(rejected(6, times=900),),
    ),
    Story(
        "tundra", "Tundra Outdoor", "On the larger plan with much room.", "none",
        used=8_000, people=18, plan="growth", properties={"storage_gb": 120},
    ),
    Story(
        "umber", "Umber Studios", "Works at weekends, within its limit.", "none",
        used=9_000, profile=trends.WEEKENDS, properties={"api_calls_limit": 30_000},
    ),
    Story("velvet", "Velvet Audio", "What it pays is written as a word.", "none", properties={"arr": "n/a"}),
    Story(
        "willow", "Willow Care", "Sends volumes that are text, no number or below zero.", "none",
        sights=tuple(Sight("data_ingested", (2, 3), properties={"gb": bad}) for bad in ("lots", float("nan"), -5)),
    ),
    Story(
        "xylo", "Xylo Instruments", "Its storage is written as a word.", "impossible_values",
        properties={"storage_gb": "lots"},
    ),
    Story(
        "yarrow", "Yarrow Labs", "More people than seats.", "upsell", _of("approaching_limit"), people=11,
    ),
    Story(
        "bramble", "Bramble Schools", "Has three seats left and has invited four who have not come yet.", "upsell",
        _of("invited_seats"), people=7,
        sights=invited(*(f"new{number}@bramble.example" for number in range(4)), "User1@bramble.example"),
    ),
    Story(
        "clover", "Clover Clinics", "Everybody whom it invited is there, within its seats.", "none", people=7,
        sights=invited(*(f"user{number}@clover.example" for number in range(1, 8))),
    ),
    Story(
        "zephyr", "Zephyr Bikes", "Its own limit is below zero.", "limit_invalid", properties={"api_calls_limit": "-5"},
    ),
    Story(
        "h<!channel>&amp;'\"", "<!channel> *Bold* <script>alert(1)</script>", "A name that wants to shout.", "upsell",
        _of("approaching_limit"), used=18_500, day=20, properties={"api_calls_limit": 20_000},
    ),
    Story(
        "rtl-\u202e-\U0001f680", '\u202e"Quoted" d\'Or\\ \u05d0\u05d1', "A name that runs backwards.", "upsell",
        _of("approaching_limit"), used=18_200, day=22, properties={"api_calls_limit": 20_000},
    ),
    Story(
        "long-" + "x" * 195, LONG_NAME, "A name of 200 characters.", "upsell",
        _of("growth_trajectory"), used=11_500, trend=trends.growing(0.11), properties={"api_calls_limit": 20_000},
    ),
    Story(
        "anchor31", "Thirty-First Partners", "Its month begins on the 31st.", "none",
        properties={"billing_anchor": "31"},
    ),
    Story(
        "calendar", "Calendar Works", "No billing day is known: calendar months.", "none",
        properties={"billing_anchor": None},
    ),
    Story("quiet1", "Quill & Sons Paper", "Nothing to see.", "none", used=4_000, people=3),
    Story("quiet2", "Tidewater Ceramics", "Nothing to see.", "none", used=7_000, people=6),
    Story("quiet3", "Vireo Optics", "Nothing to see.", "none", used=3_000, people=4, day=8),
)  # fmt: skip
