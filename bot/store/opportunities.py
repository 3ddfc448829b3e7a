"""Opportunities: opened, amended and moved from state to state, each change with its line of history."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Update, bindparam, func, select, update

from bot.model import LIVE, Account, BreakEven, Card, Deal, Opportunity, State
from bot.signal_json import driver_from_json, from_json
from bot.store import questions
from bot.store.columns import storable
from bot.store.database import Transaction
from bot.store.tables import WORKSPACE, account, opportunity, opportunity_event
from bot.store.writing import insert, parts

SYSTEM = "headroom"  # who it was when nobody clicked
OPENED, ROSE = "opened", "rose"  # lines of history that say how far a case had come


def key_for(account_key: str, opened_at: datetime) -> str:
    """Ours, for the CRM: the same on every retry, replica and restart."""
    told = f"{WORKSPACE}\n{account_key}\n{opened_at.isoformat()}"
    return f"headroom:v1:{hashlib.sha256(told.encode()).hexdigest()[:24]}"


def open_new(
    tx: Transaction, account_key: str, at: datetime, values: Mapping[str, Any], reached: Mapping[str, Any] | None = None
) -> int | None:
    """The id of the new opportunity; None where the account has a live one already. `reached` is for its history."""
    row = {
        "key": key_for(account_key, at),
        "account_key": account_key,
        "state": "open",
        "opened_at": at,
        "updated_at": at,
        "version": 1,
        **values,
    }
    statement = insert(tx.dialect, opportunity).on_conflict_do_nothing().returning(opportunity.c.id)
    made: int | None = tx.scalar(statement, row)
    if made is not None:
        record(tx, made, SYSTEM, OPENED, after={"score": values.get("score"), **(reached or {})})
    return made


def amend(tx: Transaction, at: datetime, evidence: Mapping[int, tuple[Mapping[str, Any], bool]]) -> dict[int, int]:
    """New evidence by id, and whether a reader of the card would see a difference: only then the version rises.

    The new versions of those. What people closed meanwhile, or what is stored already, stays as it is. All are written
    in one go, since an evaluation amends thousands.
    """
    if not evidence:
        return {}
    names = tuple(next(iter(evidence.values()))[0])
    rows: list[dict[str, Any]] = []
    risen: dict[int, int] = {}
    for row in _locked(tx, sorted(evidence), names):
        values, seen = evidence[row.id]
        if any(getattr(row, name) != _as_stored(values[name]) for name in names):
            rows.append({"row": row.id, "step": int(seen), **{f"new_{name}": values[name] for name in names}})
            risen |= {row.id: row.version + 1} if seen else {}
    if rows:
        new = {name: bindparam(f"new_{name}", type_=opportunity.c[name].type) for name in names}
        version = opportunity.c.version + bindparam("step")
        statement = update(opportunity).where(opportunity.c.id == bindparam("row"))
        tx.connection().execute(statement.values(updated_at=at, version=version, **new), rows)
    return risen


def _locked(tx: Transaction, ids: Sequence[int], names: Iterable[str]) -> Iterator[Row[Any]]:
    """Id, version and these columns of those that are live, until the transaction's end."""
    query = select(opportunity.c.id, opportunity.c.version, *(opportunity.c[name] for name in names))
    for part in parts(ids):
        chosen = query.where(opportunity.c.id.in_(part), opportunity.c.state.in_(LIVE))
        yield from tx.execute(chosen.order_by(opportunity.c.id).with_for_update())


def _as_stored(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value


def move(
    tx: Transaction,
    identity: int,
    to: State,
    *,
    who: str,
    what: str,
    given: Sequence[ColumnElement[bool]] = (),
    from_states: Sequence[State] = LIVE,
    **values: Any,
) -> int | None:
    """Change the state if it is still one of `from_states` and the conditions hold: of two at once, one wins.

    The new version, or None where nothing was changed.
    """
    row = tx.execute(select(opportunity.c.state, opportunity.c.owner).where(_is(identity))).one_or_none()
    if row is None:
        return None
    closing = {} if to in LIVE else {"closed_at": tx.now()}
    statement = (
        update(opportunity)
        .where(_is(identity), opportunity.c.state.in_(from_states), *given)
        .values(state=to, version=opportunity.c.version + 1, updated_at=tx.now(), **closing, **values)
    )
    version = _update(tx, statement)
    if version is not None:
        before, after = {"state": row.state, "owner": row.owner}, {"state": to, **_told(values)}
        record(tx, identity, who, what, before=before, after=after)
    return version


def free_or_of(user: str) -> tuple[ColumnElement[bool]]:
    """A condition for `move`: nobody owns it, or this user does."""
    return (opportunity.c.owner.is_(None) | (opportunity.c.owner == user),)


def claim(tx: Transaction, identity: int, user: str) -> int | None:
    """The new version if `user` is the one who got it."""
    return move(
        tx,
        identity,
        "claimed",
        who=user,
        what="claimed",
        given=(opportunity.c.owner.is_(None),),
        from_states=("open", "snoozed"),
        owner=user,
        snoozed_until=None,
    )


def wake(tx: Transaction, now: datetime) -> dict[int, int]:
    """Snoozed opportunities whose time has come are open, or their owner's, again: their new versions by id."""
    due = select(opportunity.c.id).where(_here(), opportunity.c.state == "snoozed", opportunity.c.snoozed_until <= now)
    woken = {identity: come_back(tx, identity) for identity in tx.scalars(due).all()}
    return {identity: version for identity, version in woken.items() if version is not None}


def come_back(tx: Transaction, identity: int) -> int | None:
    """A snoozed opportunity is open, or its owner's, again: its new version. None: it is not snoozed."""
    owner = tx.scalar(select(opportunity.c.owner).where(_is(identity)))
    to: State = "claimed" if owner else "open"
    return move(tx, identity, to, who=SYSTEM, what="returned", from_states=("snoozed",), snoozed_until=None)


def explain(tx: Transaction, drivers: Mapping[str, Any]) -> dict[int, int]:
    """Store what drives the usage, JSON by account, with its live opportunity; the present versions of those."""
    versions = {}
    for part in parts(sorted(drivers)):
        query = select(opportunity.c.id, opportunity.c.version, opportunity.c.account_key)
        chosen = query.where(_here(), opportunity.c.account_key.in_(part), opportunity.c.state.in_(LIVE))
        for row in tx.execute(chosen.order_by(opportunity.c.id).with_for_update()).all():
            tx.execute(update(opportunity).where(_is(row.id)).values(drivers=drivers[row.account_key]))
            versions[row.id] = row.version
    return versions


def touch(tx: Transaction, identity: int, **values: Any) -> int:
    """Set columns that a card shows; the new version."""
    statement = (
        update(opportunity)
        .where(_is(identity))
        .values(version=opportunity.c.version + 1, updated_at=tx.now(), **values)
    )
    return _update(tx, statement) or 0


def set_deal(tx: Transaction, identity: int, deal: Deal, *, who: str = SYSTEM, what: str = "pushed") -> int:
    """The deal exists and is up to date; the opportunity's new version."""
    columns = {"deal_id": deal.id, "deal_title": deal.title, "deal_url": deal.url, "deal_owner_name": deal.owner_name}
    version = touch(tx, identity, deal_state=None, question=None, **columns)
    record(tx, identity, who, what, after={"deal": deal.id})
    return version


def set_deal_state(tx: Transaction, identity: int, state: str | None) -> int:
    """ "pushing", a problem in plain words, or None; the opportunity's new version."""
    return touch(tx, identity, deal_state=state)


def set_card(tx: Transaction, identity: int, card: Card | None) -> None:
    """Where the card stands and which version it shows; never back to an older one."""
    newer = func.coalesce(opportunity.c.card_version, 0) <= (card.version if card else 0)
    condition = () if card is None else (newer,)
    columns = (card.channel, card.ts, card.version) if card else (None, None, None)
    names = ("card_channel", "card_ts", "card_version")
    tx.execute(update(opportunity).where(_is(identity), *condition).values(dict(zip(names, columns, strict=True))))


def record(tx: Transaction, identity: int, who: str, what: str, *, before: Any = None, after: Any = None) -> None:
    line = {"opportunity_id": identity, "at": tx.now(), "who": who, "what": what, "before": before, "after": after}
    tx.execute(opportunity_event.insert(), line)


def told(tx: Transaction, ids: Sequence[int]) -> dict[int, list[tuple[datetime, Any]]]:
    """How far these cases had come when people were told, and when that was, the oldest first."""
    event = opportunity_event.c
    found: dict[int, list[tuple[datetime, Any]]] = {}
    for part in parts(ids):
        lines = select(event.opportunity_id, event.at, event.after).where(
            event.opportunity_id.in_(part), event.what.in_((OPENED, ROSE))
        )
        for identity, at, after in tx.execute(lines.order_by(event.id)):
            found.setdefault(identity, []).append((at, after))
    return found


def get(tx: Transaction, identity: int) -> Opportunity | None:
    row = tx.execute(_query().where(_is(identity))).one_or_none()
    return _opportunity(row) if row else None


def live(tx: Transaction) -> dict[str, Opportunity]:
    """Every live opportunity by its account's key."""
    rows = tx.execute(_query().where(opportunity.c.state.in_(LIVE)))
    return {one.account.key: one for one in map(_opportunity, rows)}


def listing(tx: Transaction, owner: str | None = None, limit: int = 1000) -> list[Opportunity]:
    """Live opportunities, of one owner if given, the highest score first."""
    query = _query().where(opportunity.c.state.in_(LIVE))
    if owner is not None:
        query = query.where(opportunity.c.owner == owner)
    ranked = query.order_by(opportunity.c.score.desc(), opportunity.c.id).limit(limit)
    return [_opportunity(row) for row in tx.execute(ranked)]


def latest(tx: Transaction, account_key: str) -> Opportunity | None:
    """The live opportunity of an account, else the last that it had."""
    query = _query().where(opportunity.c.account_key == account_key).order_by(opportunity.c.id.desc()).limit(1)
    row = tx.execute(query).one_or_none()
    return _opportunity(row) if row else None


def last_closed(tx: Transaction, account_keys: Iterable[str]) -> dict[str, tuple[Opportunity, datetime]]:
    """Of these accounts the opportunity that was closed last, and when."""
    found = {}
    for part in parts(sorted(account_keys)):
        key, closed_at = opportunity.c.account_key, opportunity.c.closed_at
        last = select(key, func.max(closed_at, type_=closed_at.type).label("at")).where(_here(), key.in_(part))
        of_each = last.group_by(key).subquery()
        its_last = (key == of_each.c.account_key) & (closed_at == of_each.c.at)
        for row in tx.execute(_query().join(of_each, its_last).order_by(opportunity.c.id)):
            found[row.account_key] = (_opportunity(row), row.closed_at)
    return found


def _update(tx: Transaction, statement: Update) -> int | None:
    version: int | None = tx.scalar(statement.returning(opportunity.c.version))
    return version


def _here() -> ColumnElement[bool]:
    return opportunity.c.workspace == WORKSPACE


def _is(identity: int) -> ColumnElement[bool]:
    return opportunity.c.id == identity


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


ACCOUNT_COLUMNS = ("name", "domain", "arr", "owner_email", "anchor", "limits", "levels")


def _query() -> Select[Any]:
    facts = [account.c[name].label(f"account_{name}") for name in ACCOUNT_COLUMNS]
    joined = (account.c.key == opportunity.c.account_key) & (account.c.workspace == opportunity.c.workspace)
    now = account.c.plan.label("account_plan")
    return select(opportunity, *facts, now).join(account, joined).where(_here())


def _opportunity(row: Row[Any]) -> Opportunity:
    facts = {name: getattr(row, f"account_{name}") for name in (*ACCOUNT_COLUMNS, "plan")}
    deal = Deal(row.deal_id, row.deal_title, row.deal_url, row.deal_owner_name) if row.deal_id else None
    card = Card(row.card_channel, row.card_ts, row.card_version) if row.card_ts else None
    same = (
        "id key state polarity score points plan recommended_plan delta_arr overage_cost opened_at updated_at version "
        "period_day period_days owner snoozed_until dismissed_reason outcome_reason closed_at deal_state"
    )
    return Opportunity(
        account=Account(key=row.account_key, **facts),
        break_even=BreakEven(**row.break_even) if row.break_even else None,
        drivers=None if row.drivers is None else tuple(driver_from_json(one) for one in row.drivers),
        signals=tuple(from_json(signal) for signal in row.signals),
        history=tuple(row.history),
        deal=deal,
        card=card,
        question=questions.from_json(row.question),
        open_deal=Deal(**row.open_deal) if row.open_deal else None,
        **{name: getattr(row, name) for name in same.split()},
    )
