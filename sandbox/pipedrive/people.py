"""What people do with deals in Pipedrive's own application."""

from dataclasses import dataclass
from typing import Any

from sandbox.pipedrive.records import Records, Row, stamp


@dataclass(frozen=True, slots=True)
class People:
    """Each is a click or an entry of somebody in the company; webhooks tell of it."""

    records: Records

    def move(self, deal_id: int, stage: str) -> Row:
        """To a stage of the deal's own pipeline, by its name."""
        deal = self.records.deals[deal_id]
        stages = [row for row in self.records.stages if row["pipeline_id"] == deal["pipeline_id"]]
        return self._change(deal_id, stage_id=next(row["id"] for row in stages if row["name"] == stage))

    def win(self, deal_id: int) -> Row:
        return self._change(deal_id, status="won", won_time=self._now(), lost_time=None, lost_reason=None)

    def lose(self, deal_id: int, reason: str | None = None) -> Row:
        return self._change(deal_id, status="lost", lost_time=self._now(), won_time=None, lost_reason=reason)

    def reopen(self, deal_id: int) -> Row:
        return self._change(deal_id, status="open", lost_time=None, won_time=None, lost_reason=None)

    def edit(self, deal_id: int, field: str, value: Any) -> Row:
        """A field by the name that people see, with the value as the API has it: an option or owner by its id."""
        listed = {row["field_name"]: row for row in self.records.definitions.listed("deal")}
        code = listed[field]["field_code"]
        return self._change(
            deal_id, **({"custom_fields": {code: value}} if listed[field]["is_custom_field"] else {code: value})
        )

    def archive(self, deal_id: int) -> Row:
        return self._change(deal_id, is_archived=True)

    def delete(self, deal_id: int) -> None:
        self.records.delete_deal(self.records.deals[deal_id])

    def merge(self, deal_id: int, into: int) -> Row:
        """The first is deleted; the other keeps what it has and gets what it lacked, notes and activities too.

        https://pipedrive.readme.io/docs/merging-two-deals; webhooks v2 tell of one deleted and one changed deal.
        """
        gone, kept = self.records.deals[deal_id], self.records.deals[into]
        lacked = {name: value for name, value in gone.items() if kept.get(name) is None and not name.startswith("_")}
        filled = {code: value for code, value in gone["custom_fields"].items() if not kept["custom_fields"].get(code)}
        for row in (*self.records.notes.values(), *self.records.activities.values()):
            if row.get("deal_id") == deal_id:
                row["deal_id"] = into
        self.delete(deal_id)
        return self._change(into, **{**lacked, "custom_fields": filled})

    def _change(self, deal_id: int, **values: Any) -> Row:
        return self.records.change_deal(self.records.deals[deal_id], values)

    def _now(self) -> str:
        return stamp(self.records.clock())
