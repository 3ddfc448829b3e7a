"""The one note of a deal: made once, updated in place, made anew if somebody deleted it."""

import hashlib

from bot.deals.once import Step
from bot.deals.work import Work
from bot.store import references
from crm import base
from crm.base import Note


def keep(work: Work, deal_id: str) -> None:
    """Nothing is written where the note says all this already."""
    note = work.evidence.note()
    version = hashlib.sha256(repr(note).encode()).hexdigest()[:16]
    reference = work.once.known(work.note_key)
    if reference is not None and reference.remote_id is not None and reference.remote_version == version:
        return
    try:
        note_id = _write(work, deal_id, note)
    except base.NotFound:
        with work.db.transaction() as tx:
            references.forget(tx, work.provider, work.note_key)
        note_id = _write(work, deal_id, note)
    with work.db.transaction() as tx:
        references.confirm(tx, work.provider, work.note_key, note_id, version)


def _write(work: Work, deal_id: str, note: Note) -> str:
    crm, made = work.crm, []

    def make() -> str:
        made.append(crm.create_note(deal_id, note))
        return made[0]

    note_id = work.once.do(Step(work.note_key, "the note", lambda _: crm.find_note(deal_id, note.key), make))
    if not made:
        crm.update_note(note_id, note)
    return note_id
