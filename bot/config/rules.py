"""Rules between the keys of headroom.toml, read from the raw tables: a wrong key elsewhere hides no mistake."""

from collections.abc import Iterable, Mapping
from typing import Any

from bot.config.mistakes import Mistake, Place, did_you_mean, shown

# The windows that make sense for each measure; the first is the usual one.
WINDOWS: Mapping[str, tuple[str, ...]] = {
    "count": ("billing_period", "month", "trailing_30d"),
    "sum": ("billing_period", "month", "trailing_30d"),
    "people": ("trailing_30d", "billing_period", "month"),
    "level": ("current",),
}

Raw = Mapping[str, Any]


def mistakes(tables: Raw) -> list[Mistake]:
    """All that is wrong between keys, each alone being right or not."""
    metrics = _table(tables, "metrics")
    found = [*_account(_table(tables, "account")), *_signals(_table(tables, "signals"))]
    if "metrics" in tables and tables["metrics"] == {}:
        found.append((("metrics",), "is empty. Add a table for each metric, such as [metrics.api_calls]."))
    for key in metrics:
        found += _metric(("metrics", key), _table(metrics, key))
    plans = _table(tables, "plans") if metrics else {}
    for name in plans:
        for part in ("limits", "overage"):
            found += _known_metrics(("plans", name, part), _table(_table(plans, name), part), metrics)
    if metrics:
        found += _thresholds(_table(tables, "thresholds"), metrics, _table(tables, "plans"))
    return found


def _table(tables: Raw, name: str) -> Raw:
    value = tables.get(name)
    return value if isinstance(value, dict) else {}


def _account(account: Raw) -> Iterable[Mistake]:
    by_domain = account.get("by") == "email_domain"
    if by_domain and account.get("group_type"):
        yield ("account", "group_type"), 'does not go with by = "email_domain". Keep one of the two.'
    if account and account.get("by", "group") == "group" and not account.get("group_type"):
        yield ("account", "group_type"), 'is missing. Add group_type = "company", or by = "email_domain".'


def _signals(signals: Raw) -> Iterable[Mistake]:
    if signals.get("lockout_events") and not signals.get("lockout_feature"):
        yield ("signals", "lockout_feature"), "is missing. Name the event property that says which feature was locked."
    if signals.get("invite_events") and not signals.get("invite_person"):
        yield ("signals", "invite_person"), "is missing. Name the event property that holds the invited e-mail address."
    if signals.get("page_property", "$pathname") != "$pathname":
        return
    for key in ("billing_paths", "save_paths"):
        paths = signals.get(key) or []
        for value in paths if isinstance(paths, list) else [paths]:
            if isinstance(value, str) and value.strip() and not value.startswith(("/", "*")):
                yield ("signals", key), f"{shown(value)} does not begin with a slash. Write {shown('/' + value)}."


def _metric(place: Place, metric: Raw) -> Iterable[Mistake]:
    measure = metric.get("measure")
    if not isinstance(measure, str) or measure not in WINDOWS:
        return
    yield from _sources(place, metric, measure)
    window = metric.get("window")
    if isinstance(window, str) and window not in WINDOWS[measure]:
        yield (
            (*place, "window"),
            f"{shown(window)} does not fit measure {shown(measure)}, which takes {_either(WINDOWS[measure])}.",
        )


def _sources(place: Place, metric: Raw, measure: str) -> Iterable[Mistake]:
    """Which keys each measure needs to know where its figures are."""
    if measure == "level":
        yield from _level(place, metric)
        return
    if not metric.get("event"):
        yield (*place, "event"), f"is missing. Measure {shown(measure)} needs the name of an event, or a list of names."
    if measure == "sum" and not metric.get("property"):
        yield (*place, "property"), 'is missing. Measure "sum" needs the event property that is added up.'
    if measure != "sum" and metric.get("property"):
        yield (*place, "property"), f'does not go with measure {shown(measure)}. Remove it, or take measure = "sum".'
    if measure == "people" and metric.get("driver_property"):
        yield (*place, "driver_property"), f'goes with measure "count" or "sum", not with {shown(measure)}. Remove it.'
    if metric.get("group_property"):
        yield (*place, "group_property"), f'goes with measure "level" only, not with {shown(measure)}.'


def _level(place: Place, metric: Raw) -> Iterable[Mistake]:
    if metric.get("driver_property"):
        yield (*place, "driver_property"), 'goes with measure "count" or "sum", not with "level". Remove it.'
    of_event = [key for key in ("event", "property") if metric.get(key)]
    if metric.get("group_property"):
        for key in of_event:
            yield (*place, key), "does not go with group_property. Keep one source of the level."
    elif not of_event:
        yield (*place, "group_property"), 'is missing. Measure "level" needs group_property, or event and property.'
    elif len(of_event) == 1:
        other = "property" if of_event == ["event"] else "event"
        yield (*place, other), f'is missing. Measure "level" with {of_event[0]} needs {other} as well.'


def _thresholds(thresholds: Raw, metrics: Raw, plans: Raw) -> Iterable[Mistake]:
    """Levels of metrics and plans that there are, and tables that say something."""
    yield from _known_metrics(("thresholds", "metrics"), _table(thresholds, "metrics"), metrics)
    for name, own in _table(thresholds, "plans").items():
        place = ("thresholds", "plans", name)
        if name not in plans:
            yield place, f"no such plan.{did_you_mean(name, plans) or f' Add the table [plans.{name}], or remove it.'}"
        if own == {}:
            yield place, "is empty. Add approaching = [70, 90], or remove it."
        if isinstance(own, dict):
            yield from _known_metrics((*place, "metrics"), _table(own, "metrics"), metrics)


def _known_metrics(place: Place, by_metric: Raw, metrics: Raw) -> Iterable[Mistake]:
    for name in by_metric:
        if name not in metrics:
            yield (
                (*place, name),
                f"no such metric.{did_you_mean(name, metrics) or f' Add the table [metrics.{name}], or remove it.'}",
            )


def _either(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
