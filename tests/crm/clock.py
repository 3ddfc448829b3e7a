"""The time of day of a CRM, ahead as far as a test says."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass
class Passing:
    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead
