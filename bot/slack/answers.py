"""What /account, /upsell and Details show."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bot.model import LIVE, Account, AccountReport, Opportunity, Standing
from bot.slack import ids
from bot.slack.cards import (
    LIKELY,
    driver_lines,
    facts,
    footer,
    headline,
    ordered,
    pays_off_from,
    plan_line,
    usage_line,
)
from bot.slack.limits import fit_blocks, fit_view
from bot.slack.pieces import Button
from bot.slack.status import status
from bot.slack.text import (
    Mrkdwn,
    called,
    chance,
    escape,
    expected,
    moment,
    money,
    name_of,
    number,
    percent_used,
    plain,
    used_of,
)
from bot.slack.words import CardLabels, fact, made_of, render

Json = dict[str, Any]
MOST_ROWS = 20
HELP = Mrkdwn(
    "*Headroom* shows which customers run out of plan.\n"
    "`/account <name or domain>` how an account stands against its limits\n"
    "`/upsell` the opportunities that you have claimed\n"
    "`/upsell all` every opportunity that is open\n"
    "`/upsell why <account>` why an account has a card, or none\n"
    "`/upsell thresholds` when a signal becomes a card (managers)\n"
    "`/upsell help` this text"
)
NOTHING_OPEN = Mrkdwn("No opportunity is open.")
NOTHING_CLAIMED = Mrkdwn("You have claimed nothing yet. `/upsell all` shows what is open.")
TRY_ANOTHER = "Try another part of its name, or its domain."
WHICH_ACCOUNT = Mrkdwn("Name an account, by name or domain: `/account acme` or `/account acme.example`")


@dataclass(frozen=True, slots=True)
class Row:
    words: Mrkdwn
    button: Button | None = None


def message(text: Mrkdwn, blocks: list[Json] | None = None) -> Json:
    """An answer that only the asker sees."""
    return {"response_type": "ephemeral", "text": text, **({"blocks": blocks} if blocks else {})}


def account_answer(asked: str, reports: Sequence[AccountReport], labels: CardLabels) -> Json:
    """One account, a choice of several, or none."""
    if not reports:
        return message(Mrkdwn(f"No account matches “{escape(asked, 80)}”. {TRY_ANOTHER}"))
    if len(reports) == 1:
        return account_report(reports[0], labels)
    title = Mrkdwn(f"{len(reports)} accounts match “{escape(asked, 80)}”")
    rows = [Row(_about(report), _open(ids.SHOW_ACCOUNT, report.account.key, report)) for report in reports[:MOST_ROWS]]
    return _rows(title, rows, _more(len(reports)))


def account_report(report: AccountReport, labels: CardLabels) -> Json:
    """Usage against every limit, the open opportunity, and why there is no card."""
    words = [_standing(standing, report.account) for standing in report.standings]
    rows = [Row(line) for line in words] or [Row(Mrkdwn("No usage is known yet."))]
    if report.opportunity:
        rows.append(_opportunity_row(report.opportunity, labels))
    if report.opportunity and report.opportunity.state in LIVE:
        rows += [Row(Mrkdwn(f"Why the card: {words}")) for words in _grounds(report.opportunity, labels)]
        rows += [Row(Mrkdwn(f"Not judged: {escape(reason, 300)}")) for reason in report.reasons]
    else:
        rows += [Row(Mrkdwn(f"No card: {escape(reason, 300)}")) for reason in report.reasons]
    if report.rules:
        rows.append(Row(Mrkdwn("\n".join(f"• {escape(rule, 300)}" for rule in report.rules))))
    at = f"as of {moment(report.evaluated_at, labels.timezone)}" if report.evaluated_at else "not evaluated yet"
    arr = f"{money(report.account.arr, labels.currency)} a year · " if report.account.arr is not None else ""
    plan = f"{escape(labels.plan(report.account.plan), 60)} plan · " if report.account.plan else "plan unknown · "
    return _rows(_about(report), rows, Mrkdwn(f"{plan}{arr}{at}"))


def inbox_answer(found: Sequence[Opportunity], everyone: bool, labels: CardLabels) -> Json:
    """My opportunities, or everybody's."""
    if not found:
        return message(NOTHING_OPEN if everyone else NOTHING_CLAIMED)
    title = Mrkdwn(f"{'Open' if everyone else 'Your'} opportunities: {len(found)}")
    return _rows(title, [_opportunity_row(one, labels) for one in found[:MOST_ROWS]], _more(len(found)))


def details_view(opportunity: Opportunity, labels: CardLabels) -> Json:
    lines = [line for line in _story(opportunity, labels) if line]
    values = {"headline": headline(opportunity, labels), "lines": lines, "footer": footer(opportunity, labels)}
    return fit_view(render("details.json.j2", ids=ids, **values))


def _story(opportunity: Opportunity, labels: CardLabels) -> Iterator[Mrkdwn | None]:
    yield usage_line(opportunity, labels)
    yield plan_line(opportunity, labels)
    even = opportunity.break_even
    if even and not opportunity.costs_to_stay and even.metric in {signal.metric for signal in opportunity.signals}:
        yield Mrkdwn(f"By overage fees alone, {pays_off_from(opportunity, labels)}")
    made = _score(opportunity, labels)
    told = "\n".join(made)
    yield _listed(words for words in facts(opportunity, labels) if words not in told)
    yield _listed(driver_lines(opportunity, labels))
    yield Mrkdwn("\n".join([f"Score {opportunity.score} of 100, made of", *made]))
    yield status(opportunity, labels)


def _score(opportunity: Opportunity, labels: CardLabels) -> list[str]:
    """The points of each kind, with the fact behind them: that of its strongest signal."""
    behind = {signal.kind: fact(signal, labels) for signal in reversed(ordered(opportunity))}
    told = made_of(opportunity.points).items()
    return [f"• {escape(share, 80)}{f': {behind[kind]}' if behind.get(kind) else ''}" for kind, share in told]


def _listed(lines: Iterable[Mrkdwn]) -> Mrkdwn:
    return Mrkdwn("\n".join(f"• {words}" for words in lines))


def _opportunity_row(opportunity: Opportunity, labels: CardLabels) -> Row:
    extra = [f"score {opportunity.score}", status(opportunity, labels) or opportunity.state]
    if opportunity.delta_arr is not None:
        extra.insert(0, f"{money(opportunity.delta_arr, labels.currency, signed=True)} a year")
    words = Mrkdwn(f"{headline(opportunity, labels)}\n{' · '.join(extra)}")
    spoken = f"Details: {plain(called(opportunity.account), 50)}"
    return Row(words, Button(ids.DETAILS, "Details", str(opportunity.id), spoken))


def _standing(standing: Standing, account: Account) -> Mrkdwn:
    """API calls: 92,100 of 100,000 (92 %) · 97 % likely to pass it around Thu 26 Nov."""
    is_unreadable = standing.used is None or standing.held_back == "impossible_values"
    used = "value unreadable" if is_unreadable else number(standing.used)
    label = f"*{escape(standing.label, 60)}:*"
    words = f"{label} {used}"
    if standing.held_back == "limit_invalid":
        return Mrkdwn(f"{words}, limit is invalid ({escape(account.limits.get(standing.metric, 'unreadable'), 40)})")
    if standing.is_unlimited:
        return Mrkdwn(f"{words}, not limited")
    if standing.limit is None:
        return Mrkdwn(f"{words}, limit unknown")
    if is_unreadable or standing.ratio is None:
        return Mrkdwn(f"{words}, limit {number(standing.limit)}")
    words = f"{label} {used_of(standing.used, standing.limit)} ({percent_used(standing.ratio)})"
    if standing.ratio >= 1:
        return Mrkdwn(f"{words} · {'over' if standing.ratio > 1 else 'at'} the limit")
    return Mrkdwn(words if standing.held_back else f"{words}{_forecast(standing)}")


def _forecast(standing: Standing) -> str:
    if standing.probability is None:
        return ""
    words = f" · {chance(standing.probability)} likely to pass it"
    if standing.crosses_on and standing.probability >= LIKELY:
        words += f" around {expected(standing.crosses_on, standing.crosses_between)}"
    return words


def _grounds(opportunity: Opportunity, labels: CardLabels) -> list[Mrkdwn]:
    """Every signal in words, those that the card's headline tells included."""
    return list(dict.fromkeys(words for words in (fact(signal, labels) for signal in ordered(opportunity)) if words))


def _about(report: AccountReport) -> Mrkdwn:
    domain = f" ({escape(report.account.domain, 80)})" if report.account.domain else ""
    return Mrkdwn(f"{name_of(report.account)}{domain}")


def _open(action: str, value: str, report: AccountReport) -> Button | None:
    # A value cannot be shortened without naming another account.
    spoken = f"Show {plain(called(report.account), 50)}"
    return Button(action, "Show", value, spoken) if 0 < len(value) <= 2000 else None


def _more(found: int) -> Mrkdwn | None:
    return Mrkdwn(f"and {found - MOST_ROWS:,} more") if found > MOST_ROWS else None


def _rows(title: Mrkdwn, rows: list[Row], footer_: Mrkdwn | None) -> Json:
    return message(title, fit_blocks(render("rows.json.j2", title=title, rows=rows, footer=footer_)))
