"""The little that is remembered from one reading to the next. Lost, it costs a first fill and nothing else."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any, Self

from bot.config import Config


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much PostHog answers at once: days in a query (None: no limit met), and parts the accounts are split in."""

    days: int | None = None
    shards: int = 1

    def relaxed(self) -> "Sizes":
        """A step towards asking for everything at once again."""
        return Sizes(None if self.days is None or self.days > 64 else self.days * 2, max(1, self.shards // 2))


@dataclass(frozen=True, slots=True)
class ReadState:
    """`asked` tells what was read: when the configuration asks for something else, all is read anew."""

    timezone: str | None = None
    group_index: int | None = None
    asked: str | None = None
    watermark: datetime | None = None  # moment of the last reading: what PostHog received since may be late
    filled_until: date | None = None  # the day of the last reading, then not over yet
    facts: Sizes = Sizes()
    late: Sizes = Sizes()
    daily: Sizes = Sizes()
    windows: Sizes = Sizes()
    rows: Mapping[str, int] = field(default_factory=dict)  # accounts in the last answers, by query, or query and day
    doubted: Mapping[str, str] = field(default_factory=dict)  # query -> since when its answers hold suspiciously little

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            **asdict(self),
            "watermark": self.watermark and self.watermark.isoformat(),
            "filled_until": self.filled_until and self.filled_until.isoformat(),
        }

    def relaxed(self, before: "ReadState") -> "ReadState":
        """The sizes that were known before and held; those just learnt stay."""
        names = ("facts", "late", "daily", "windows")
        held = {name: sizes.relaxed() for name in names if (sizes := getattr(self, name)) == getattr(before, name)}
        return replace(self, **held)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> Self:
        """Of nothing, or of what an older version stored and this one cannot read: a fresh start."""
        if not stored:
            return cls()
        try:
            sizes = {name: Sizes(**stored[name]) for name in ("facts", "late", "daily", "windows")}
            return cls(
                timezone=stored["timezone"],
                group_index=stored["group_index"],
                asked=stored["asked"],
                watermark=datetime.fromisoformat(stored["watermark"]),
                filled_until=date.fromisoformat(stored["filled_until"]),
                **sizes,
                rows=dict(stored.get("rows", {})),
                doubted=dict(stored.get("doubted", {})),
            )
        except (KeyError, TypeError, ValueError):
            return cls()


def asked(config: Config, host: str, project: str) -> str:
    """Fingerprint of all that the stored series depend on."""
    metrics = {
        key: [metric.measure, sorted(metric.event), metric.property] for key, metric in sorted(config.metrics.items())
    }
    account = [config.account.by, config.account.group_type]
    told = json.dumps([host, project, account, metrics, sorted(config.signals.quota_events)])
    return hashlib.sha256(told.encode()).hexdigest()[:16]
