"""Accounts as PostHog names them, and how people find them: by key, domain or name."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select, update

from bot.model import Account
from bot.store.columns import storable
from bot.store.database import Transaction
from bot.store.tables import WORKSPACE, account
from bot.store.writing import Write, parts, upserts

NEAR_CANDIDATES = 5000  # names to compare letter by letter: a person waits
COLUMNS = ("key", "name", "domain", "plan", "arr", "owner_email", "anchor", "limits", "levels")


def writes(tx: Transaction, accounts: Iterable[Account]) -> list[Write]:
    """Store the facts of all accounts that PostHog names now; the others are marked as gone, and kept.

    Only what differs is written: there may be 50,000, and mostly nothing about them changed.
    """
    told = {storable(one.key): _facts(one) for one in accounts}
    there = tx.execute(_query().where(_here(), account.c.gone_at.is_(None)))
    known = {row.key: dict(row._mapping) for row in there}
    rows = [_row(facts) for key, facts in told.items() if known.get(key) != facts]
    gone = sorted(known.keys() - told.keys())
    return [*upserts(account, rows), *(partial(_mark_gone, keys=part) for part in parts(gone))]


def save(tx: Transaction, accounts: Iterable[Account]) -> None:
    """The same at once, where there are few."""
    for write in writes(tx, accounts):
        write(tx)


def find(tx: Transaction, text: str, limit: int = 10) -> list[Account]:
    """Accounts with this key, domain or name; else those whose name begins with or holds it; else the nearest."""
    wanted = " ".join(text.split()).casefold()
    if not wanted:
        return []
    name, domain = account.c.search_name, func.lower(account.c.domain)
    steps: list[ColumnElement[bool]] = [
        or_(account.c.key == text.strip(), name == wanted, domain == wanted),
        or_(name.startswith(wanted, autoescape=True), domain.startswith(wanted, autoescape=True)),
        or_(name.contains(wanted, autoescape=True), func.lower(account.c.key).contains(wanted, autoescape=True)),
    ]
    for step in steps:
        rows = tx.execute(_query().where(_here(), step).order_by(name, account.c.key).limit(limit)).all()
        if rows:
            return [_account(row) for row in rows]
    return _nearest(tx, wanted, limit)


def names(tx: Transaction) -> list[tuple[str, str, str | None]]:
    """Key, folded name and domain of every account that PostHog names."""
    query = select(account.c.key, account.c.search_name, account.c.domain).where(_here(), account.c.gone_at.is_(None))
    return [(key, name, domain) for key, name, domain in tx.execute(query)]


def present(tx: Transaction) -> list[Account]:
    """All that PostHog named when it was read last."""
    rows = tx.execute(_query().where(_here(), account.c.gone_at.is_(None)).order_by(account.c.key))
    return [_account(row) for row in rows]


def _nearest(tx: Transaction, wanted: str, limit: int) -> list[Account]:
    like = account.c.search_name.startswith(wanted[0], autoescape=True)
    names = tx.scalars(select(account.c.search_name).where(_here(), like).limit(NEAR_CANDIDATES)).all()
    near = get_close_matches(wanted, set(names), n=limit, cutoff=0.6)
    if not near:
        return []
    rows = tx.execute(_query().where(_here(), account.c.search_name.in_(near))).all()
    return sorted((_account(row) for row in rows), key=lambda one: near.index(folded(one.name)))[:limit]


def _here() -> ColumnElement[bool]:
    return account.c.workspace == WORKSPACE


def _query() -> Any:
    return select(*(account.c[name] for name in COLUMNS))


def _account(row: Row[Any]) -> Account:
    return Account(**row._mapping)


def folded(name: str) -> str:
    """As names are compared: case and runs of white space do not count."""
    return " ".join(name.split()).casefold()


def _facts(one: Account) -> dict[str, Any]:
    """As they will come back from the store."""
    told = {name: getattr(one, name) for name in COLUMNS}
    facts = {name: storable(value) if isinstance(value, str) else value for name, value in told.items()}
    return facts | {"limits": dict(one.limits), "levels": dict(one.levels)}


def _row(facts: dict[str, Any]) -> dict[str, Any]:
    return {**facts, "workspace": WORKSPACE, "search_name": folded(facts["name"]), "gone_at": None}


def _mark_gone(tx: Transaction, keys: Sequence[str]) -> None:
    tx.execute(update(account).where(_here(), account.c.key.in_(keys)).values(gone_at=tx.now()))
