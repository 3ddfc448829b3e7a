"""What `headroom doctor` looks at in the CRM: its own checks, the fields that we fill, and a push for trial."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from bot.config import Config
from bot.config.facts import FACTS, Source
from bot.doctor.checks import Check
from bot.slack.words import CardLabels
from crm.base import (
    Ambiguous,
    Crm,
    CrmError,
    DealDraft,
    DealField,
    DealRecord,
    FieldKind,
    FieldValue,
    Finding,
    Note,
    Record,
    RecordKind,
    Task,
)

NAME, PUSH = "crm", "trial push"
TRIAL = "Headroom trial, delete me"
FITS: Mapping[FieldKind, tuple[FieldKind, ...]] = {  # kind of a fact -> kinds of fields that can hold it
    "text": ("text", "choice"),
    "number": ("number", "text"),
    "date": ("date", "text"),
    "boolean": ("boolean",),
    "choice": ("choice", "text"),
}
OF_PLANS = ("plan", "recommended_plan")


def checks(crm: Crm, config: Config, *, fix: bool = False) -> Iterator[Check]:
    """With `fix`, what is missing is made first."""
    if fix:
        yield from _told(crm.provision())
    yield from _told(crm.check())
    if config.crm.fields:
        yield from fields(config, crm.deal_fields())


def _told(findings: Iterable[Finding]) -> Iterator[Check]:
    return (Check(NAME, "ok" if told.ok else "fail", told.what, told.fix) for told in findings)


def fields(config: Config, known: Iterable[DealField]) -> Iterator[Check]:
    """Lines of [crm.fields] whose field cannot hold what it is given; the CRM's own check tells what is missing."""
    plans = tuple(CardLabels.of(config, "UTC").plans.values())
    by_name = {field.name.casefold(): field for field in known}
    for name, source in config.crm.fields.items():
        field = by_name.get(name.casefold())
        wrong = _misfit(source, field, plans) if field else None
        if wrong:
            yield Check.fail(NAME, f"deal field '{name}' {wrong}", "map another fact to it, or change the field")


def _misfit(source: Source, field: DealField, plans: tuple[str, ...]) -> str | None:
    kind = FACTS[source.fact] if source.fact else _kind(source.value)
    if field.kind not in FITS[kind]:
        return f"holds a {field.kind} and cannot take a {kind}"
    if field.kind != "choice":
        return None
    options = {option.casefold() for option in field.options}
    given = plans if source.fact in OF_PLANS else (source.value,) if isinstance(source.value, str) else ()
    lacking = [value for value in given if value.casefold() not in options]
    if not given:
        return "offers a choice: only a plan or a fixed value fits"
    return f"has no option {', '.join(lacking)}; it has {', '.join(field.options)}" if lacking else None


def _kind(value: FieldValue | None) -> FieldKind:
    match value:
        case bool():
            return "boolean"
        case Decimal():
            return "number"
        case date():
            return "date"
        case _:
            return "text"


def trial(crm: Crm, config: Config, now: datetime) -> list[Check]:
    """An organisation, a deal with every field, a note and a task: made, read again, and removed."""
    made: list[Record] = []
    told: list[Check] = []
    try:
        told.extend(_steps(crm, config, now, made))
    except CrmError as error:
        told.append(Check.fail(PUSH, str(error), "mend it, then try again"))
        if isinstance(error, Ambiguous) and not _recovered(crm, now, made):
            told.append(Check.warn(PUSH, "something may be left in the CRM", f"look for '{TRIAL}' there and delete it"))
    finally:
        left = [record for record in reversed(made) if not _removed(crm, record)]
    if left:
        which = ", ".join(f"{record.kind} {record.id}" for record in left)
        told.append(Check.warn(PUSH, f"{which} could not be removed", f"delete what is called '{TRIAL}' by hand"))
    elif made:
        told.append(Check.ok(PUSH, "all of it is removed again"))
    return told


def _steps(crm: Crm, config: Config, now: datetime, made: list[Record]) -> Iterator[Check]:
    owner = next(iter(crm.users()), None)
    if owner is None:
        yield Check.fail(PUSH, f"{crm.name} has no active user who could own a deal", "activate one")
        return
    key, name = _called(now)
    organisation = crm.create_organisation(name, f"trial-{now:%Y%m%d%H%M%S}.example")
    made.append(Record("organisation", organisation.id))
    yield Check.ok(PUSH, f"organisation '{organisation.name}'")
    due = now.date() + timedelta(days=config.crm.close_in_days)
    draft = DealDraft(key, name, organisation.id, owner.id, due, Decimal(1), sample(config, now.date()))
    deal = crm.create_deal(draft)
    made.append(Record("deal", deal.id))
    yield _compared(draft, crm.get_deal(deal.id))
    made.append(Record("note", crm.create_note(deal.id, Note(key, ("A trial by headroom doctor.",)))))
    made.append(Record("task", crm.create_task(Record("deal", deal.id), Task(key, TRIAL, due, owner.id))))
    yield Check.ok(PUSH, "note and task")


def _called(now: datetime) -> tuple[str, str]:
    """Key and name of what this trial makes."""
    return f"headroom:trial:{now:%Y%m%d%H%M%S}", f"{TRIAL} {now:%Y-%m-%d %H:%M:%S}"


def _recovered(crm: Crm, now: datetime, made: list[Record]) -> bool:
    """Whether the record whose answer was lost is found, and thereby removed with the others."""
    try:
        found = _lost(crm, now, {record.kind: record.id for record in made})
    except CrmError:
        return False
    made.extend([found] if found else [])
    return found is not None


def _lost(crm: Crm, now: datetime, made: Mapping[RecordKind, str]) -> Record | None:
    key, name = _called(now)
    if "organisation" not in made:
        organisation = crm.recall_organisation(name, now - timedelta(minutes=5))
        return Record("organisation", organisation.id) if organisation else None
    if "deal" not in made:
        deal = next(iter(crm.find_deals_by_key(key, made["organisation"])), None)
        return Record("deal", deal.id) if deal else None
    if "note" not in made:
        note = crm.find_note(made["deal"], key)
        return Record("note", note) if note else None
    task = crm.find_task(Record("deal", made["deal"]), key)
    return Record("task", task) if task else None


def sample(config: Config, today: date) -> dict[str, FieldValue]:
    """A value for each configured field."""
    return {name: _sampled(source, config, today) for name, source in config.crm.fields.items()}


def _sampled(source: Source, config: Config, today: date) -> FieldValue:
    if source.fact is None:
        return source.value or False
    if source.fact in OF_PLANS:
        return next(iter(config.plans), TRIAL)
    values: Mapping[FieldKind, FieldValue] = {"number": Decimal(42), "date": today}
    return values.get(FACTS[source.fact], TRIAL)


def _compared(draft: DealDraft, deal: DealRecord) -> Check:
    """Whether the CRM holds what it was given: an automation of its own may have changed it."""
    given = {"title": draft.title, "value": draft.value, "key": draft.key, "owner": draft.owner_id, **draft.fields}
    held = {"title": deal.title, "value": deal.value, "key": deal.key, "owner": deal.owner_id, **deal.fields}
    other = [
        f"{name} holds {held.get(name)}, not {value}"
        for name, value in given.items()
        if held.get(name) != value and str(held.get(name)) != str(value)  # a number in a field of text
    ]
    if other:
        return Check.warn(PUSH, f"deal, but {'; '.join(other)}", "does an automation in the CRM change new deals?")
    return Check.ok(PUSH, "deal with all its fields")


def _removed(crm: Crm, record: Record) -> bool:
    try:
        crm.remove(record)
    except CrmError:
        return False
    return True
