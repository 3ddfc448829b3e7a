"""Opportunities as the evaluation would make them, and names that mean harm."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from bot.model import Account, Opportunity, Signal
from bot.slack.words import CardLabels

NOW = datetime(2026, 11, 21, 23, 58, tzinfo=UTC)
LABELS = CardLabels({"api_calls": "API calls"}, {"starter": "Starter", "growth": "Growth"}, "EUR", "UTC", "Pipedrive")
HOSTILE = (
    "<!channel>",
    "<@U0BOSS>",
    "<https://evil.example|Renewal>",
    '","url":"https://evil.example","x":"',
    "{{ 7*7 }}{% include 'card.json.j2' %}",
    "*bold* _it_ ~no~ `code` :tada:",
    "\u202egnp.exe\u202c\u200b\u2066",
    "> quoted\n> twice\r\x00\x1b[31m",
    "& &amp; &lt;!here&gt;",
    "x" * 5000,
    "\ud800",
    "   ",
    "",
)
CROSSING = {"crosses_on": date(2026, 11, 26), "crosses_between": (date(2026, 11, 24), date(2026, 11, 29))}
FIGURES = {"used": 92100.0, "limit": 100000.0, "ratio": 0.921, "as_of": NOW}
GROWTH = Signal("growth_trajectory", "api_calls", 0.9, 2.2, probability=0.97, **FIGURES, **CROSSING)  # type: ignore[arg-type]
APPROACHING = Signal("approaching_limit", "api_calls", 0.9, 1.2, level=90, **FIGURES)  # type: ignore[arg-type]
LOCKOUT = Signal("feature_lockout", None, 0.5, 1.3, subject="sso", evidence={"people": 3, "sessions": 5})


def opportunity(number: int = 1, name: str = "Acme Corp", **changes: Any) -> Opportunity:
    made = Opportunity(
        id=number,
        key=f"key-{number}",
        account=Account(f"acct_{number}", name, domain="acme.example", owner_email="rep.one@sales.example"),
        state="open",
        polarity="upsell",
        score=83,
        points={"growth_trajectory": 31.5, "approaching_limit": 12.0},
        signals=(
            replace(GROWTH, evidence={"growth_per_week": 0.09, "accelerating": True}),
            APPROACHING,
            LOCKOUT,
        ),
        plan="starter",
        recommended_plan="growth",
        delta_arr=Decimal(4800),
        overage_cost=Decimal(310),
        history=(1.0, 2.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0),
        opened_at=NOW,
        updated_at=NOW,
        version=1,
        period_day=21,
        period_days=30,
    )
    return replace(made, **changes)


hostile_text = st.one_of(
    st.sampled_from(HOSTILE), st.text(max_size=200), st.text('<>!@#&;*_~`|:\n"\\{}%amp', max_size=60)
)
