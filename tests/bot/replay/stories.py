"""Small pasts that can be reasoned about by hand: an account or two, their days, and what holds of them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from bot.config import AccountTable, Config, Metric, Plan, Slack
from bot.evaluation import READ_STATE
from bot.evaluation.usage import stored_as
from bot.model import Account
from bot.posthog.reading import REJECTIONS
from bot.posthog.state import ReadState
from bot.store import Transaction, accounts, memory, series

TODAY = date(2026, 11, 30)  # the last day of a period that began on the first
AT = datetime(2026, 11, 30, 23, tzinfo=UTC)
DAYS = series.KEEP_DAYS
LIMIT = 3000.0
API = Metric(label="API calls", measure="count", event=("api_request",), limit_property="api_calls_limit")
STORAGE = Metric(label="Storage", measure="level", group_property="storage_gb", window="current")


def config(**metrics: Metric) -> Config:
    return Config(
        account=AccountTable(group_type="company", plan="plan"),
        metrics=metrics or {"api_calls": API},
        plans={"starter": Plan(price=Decimal(99), limits={"api_calls": LIMIT, "storage_gb": 100})},
        slack=Slack(channel="C0SALES"),
    )


def ago(day: date) -> int:
    return (TODAY - day).days


def steady(amount: float = 20.0, **changes: float) -> Any:
    """So much every day; changes are by day of November, such as `d10=900`."""
    days = np.full(DAYS, amount)
    for name, value in changes.items():
        days[DAYS - 1 - ago(date(2026, 11, int(name[1:])))] = value
    return days


def remember(tx: Transaction, told: Config, pasts: Sequence[tuple[Account, dict[str, Any]]], zone: str = "UTC") -> None:
    """As an evaluation would have stored it."""
    accounts.save(tx, [account for account, _ in pasts])
    keys = [account.key for account, _ in pasts]
    for stream in (*told.metrics, REJECTIONS):
        name = stored_as(stream, told.metrics.get(stream))
        values = np.stack([days.get(stream, np.full(DAYS, np.nan)) for _, days in pasts])
        last = [AT.timestamp() if stream in days else np.nan for _, days in pasts]
        series.save(tx, name, keys, TODAY, values, np.array(last), range(len(keys)))
    state = ReadState(timezone=zone, group_index=0, asked="", watermark=AT, filled_until=TODAY)
    memory.put(tx, READ_STATE, state.to_json())


def one(key: str = "acme", **facts: Any) -> Account:
    return Account(key, key.title(), plan="starter", owner_email=f"owner@{key}.example", **facts)


def day(number: int) -> date:
    return date(2026, 11, 1) + timedelta(days=number - 1)
