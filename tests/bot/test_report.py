"""What the terminal tells of an account."""

import io
from dataclasses import replace
from datetime import date

import pytest
from rich.console import Console

from bot.model import Account, AccountReport, Standing
from bot.report import show_account
from tests.bot.slack.samples import NOW, opportunity

ACME = Account("acme", "Acme")


def shown(report: AccountReport) -> str:
    told = io.StringIO()
    show_account(report, Console(file=told))
    return told.getvalue()


@pytest.mark.parametrize(
    ("standing", "says"),
    [
        (Standing("a", "A", 999, 1000, NOW, 0.9999, date(2026, 11, 26)), "A: 999 of 1,000 (99 %); over 99 % likely to"),
        (Standing("a", "A", 999, 1000, NOW, 0.9999, date(2026, 11, 26)), "pass the limit, around 2026-11-26"),
        (Standing("a", "A", 1003, 1000, NOW, 1.0, date(2026, 11, 26)), "A: 1,003 of 1,000 (100 %); over the limit\n"),
        (Standing("a", "A", 50, 100, NOW, 0.4, date(2026, 11, 26)), "(50 %); 40 % likely to pass the limit\n"),
        (Standing("a", "A", 50, 100, NOW, 0.9, held_back="stale_data"), "A: 50 of 100 (50 %)\n"),
        (Standing("a", "A", 7, None, NOW), "A: 7, not limited\n"),
        (Standing("a", "A", 7, None, NOW, held_back="limit_unknown"), "A: 7\n"),
        (Standing("a", "A", 7, -5, NOW, held_back="limit_invalid"), "A: 7\n"),
    ],
)
def test_an_account_is_told_in_one_line_a_metric(standing: Standing, says: str) -> None:
    assert says in shown(AccountReport(ACME, (standing,), None, NOW))


def test_what_is_not_judged_beside_a_card_is_not_called_a_missing_card() -> None:
    one, reasons = opportunity(), ("API calls: its limit is not a number above zero",)
    assert f"not judged: {reasons[0]}" in shown(AccountReport(ACME, (), one, NOW, reasons))
    assert f"no card: {reasons[0]}" in shown(AccountReport(ACME, (), replace(one, state="lost"), NOW, reasons))
