"""How the accounts stand, as PostHog has it, drawn as charts against their limits."""
# ruff: noqa: S608 - names in this SQL are our own

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

import pygal  # type: ignore[import-untyped]  # ships no types
from markupsafe import Markup
from pygal.style import Style  # type: ignore[import-untyped]  # ships no types

from bot.periods import AnchorError, day_start, period
from sandbox.play.play import Play
from sandbox.posthog import clickhouse

PLANS: Mapping[str, Mapping[str, int]] = {  # as in headroom.toml
    "starter": {"calls": 100_000, "seats": 10, "storage": 50},
    "growth": {"calls": 1_000_000, "seats": 50, "storage": 500},
}
DAYS = 60
STYLE = Style(
    background="transparent",
    plot_background="transparent",
    foreground="var(--ink)",
    foreground_strong="var(--ink)",
    foreground_subtle="var(--line)",
    opacity=".8",
    opacity_hover="1",
    transition="0s",
    colors=("var(--chart)", "var(--bad)"),
    font_family="inherit",
    label_font_size=12,
    major_label_font_size=12,
    legend_font_size=13,
    title_font_size=14,
)
LOOK = {
    "style": STYLE,
    "js": (),
    "width": 620,
    "height": 230,
    "legend_at_bottom": True,
    "show_minor_x_labels": False,
    "show_minor_y_labels": False,
    "y_labels_major_count": 4,
    "truncate_label": -1,
}


@dataclass(frozen=True, slots=True)
class Meter:
    """So much of so much."""

    label: str
    used: float
    limit: float | None

    @property
    def percent(self) -> int:
        return round(100 * self.used / self.limit) if self.limit else 0


@dataclass(frozen=True, slots=True)
class AccountUsage:
    """`daily`: the calls of each day up to today, the oldest first; `since` is when its billing period began."""

    key: str
    name: str
    plan: str
    is_silent: bool
    meters: tuple[Meter, ...]
    daily: tuple[tuple[date, int], ...]
    since: date


class Usage:
    """Asks ClickHouse itself, beside PostHog's API: the bot's calls stay the only ones in the log."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._project = play.world.posthog.project
        self._zone = ZoneInfo(self._project.timezone)

    def accounts(self) -> list[AccountUsage]:
        """In the order of the cast."""
        groups, calls, people = self._groups(), self._calls(), self._people()
        silent, today = self._play.traffic.silent, self._play.now().astimezone(self._zone).date()
        found = []
        for key in self._play.traffic.parts:
            properties, days = groups.get(key, {}), calls.get(key, {})
            since = _since(properties, today)
            used = sum(number for day, number in days.items() if day >= since)
            shown = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
            daily = tuple((day, days.get(day, 0)) for day in shown)
            plan = str(properties.get("plan") or "no plan")
            meters = tuple(_meters(properties, plan, used, people.get(key, 0)))
            found.append(AccountUsage(key, str(properties.get("name", key)), plan, key in silent, meters, daily, since))
        return found

    def charts(self, account: AccountUsage) -> Sequence[tuple[str, Markup]]:
        """With what each shows in words, for those who do not see it."""
        calls = account.meters[0]
        days = [day for day, _ in account.daily if day >= account.since]
        total = list(accumulate(number for day, number in account.daily if day >= account.since))
        against = pygal.Line(**LOOK, fill=False, show_dots=False, range=(0, max([*total, calls.limit or 0, 1]) * 1.1))
        against.x_labels = [f"{day:%b} {day.day}" for day in days]
        against.x_labels_major_every = max(1, len(days) // 5)
        against.add("API calls this period", total)
        if calls.limit:
            against.add("Limit", [calls.limit] * len(days))
        each = pygal.Bar(**LOOK, show_legend=False)
        each.x_labels = [f"{day:%b} {day.day}" for day, _ in account.daily]
        each.x_labels_major_every = 10
        each.add("API calls a day", [number for _, number in account.daily])
        limit = f" of {calls.limit:,.0f}" if calls.limit else ""
        return (
            (f"API calls of this billing period: {calls.used:,.0f}{limit}", _svg(against)),
            (f"API calls a day, the last {DAYS} days", _svg(each)),
        )

    def _groups(self) -> dict[str, dict[str, Any]]:
        sql = f"SELECT key, argMax(properties, version) FROM {self._project.database}.groups GROUP BY key"
        return {key: json.loads(properties) for key, properties in clickhouse.rows(sql)[1]}

    def _calls(self) -> dict[str, dict[date, int]]:
        day = f"toString(toDate(timestamp, '{self._project.timezone}'))"
        where = f"event = 'api_request' AND timestamp > {self._ago(DAYS + 5)}"
        found: dict[str, dict[date, int]] = {}
        for key, on, number in self._counted(f"{day} AS d", where, "count()", ", d"):
            found.setdefault(key, {})[date.fromisoformat(on)] = number
        return found

    def _people(self) -> dict[str, int]:
        where = f"event IN ('api_request', '$pageview') AND timestamp > {self._ago(30)}"
        return {key: number for key, _, number in self._counted("''", where, "uniqExact(distinct_id)", "")}

    def _counted(self, column: str, where: str, figure: str, by: str) -> list[Any]:
        table = f"{self._project.database}.events"
        sql = f"SELECT `$group_0` AS k, {column}, {figure} FROM {table} WHERE {where} GROUP BY k{by}"
        return clickhouse.rows(sql)[1]

    def _ago(self, days: int) -> str:
        today = self._play.now().astimezone(self._zone).date()
        start = day_start(today - timedelta(days=days), self._zone)
        return f"toDateTime({int(start.timestamp())}, 'UTC')"


def _since(properties: Mapping[str, Any], today: date) -> date:
    try:
        return period(properties.get("billing_anchor"), today)[0]
    except AnchorError:
        return today.replace(day=1)


def _meters(properties: Mapping[str, Any], plan: str, calls: int, people: int) -> Iterator[Meter]:
    limits = PLANS.get(plan, {})
    own = str(properties.get("api_calls_limit", ""))
    yield Meter("API calls", calls, float(own) if own.isdigit() else limits.get("calls"))
    yield Meter("Seats", people, limits.get("seats"))
    storage = str(properties.get("storage_gb", 0))
    yield Meter("Storage, GB", float(storage) if storage.replace(".", "").isdigit() else 0, limits.get("storage"))


def _svg(chart: Any) -> Markup:
    chart.add_xml_filter(_without_script)
    drawn = chart.render(is_unicode=True, disable_xml_declaration=True)
    return Markup(drawn)  # noqa: S704 - pygal escapes what it is given


def _without_script(root: Any) -> Any:
    """The picture alone: what pygal's own script would need is left out."""
    for parent in [root, *root]:
        for child in [one for one in parent if str(one.tag).endswith("script")]:
            parent.remove(child)
    return root
