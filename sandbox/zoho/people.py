"""What people do with deals in Zoho's own application."""

from dataclasses import dataclass
from typing import Any

from sandbox.zoho.answers import Row
from sandbox.zoho.records import Records, stamp


@dataclass(frozen=True, slots=True)
class People:
    """Each is a click or an entry of somebody in the company; channels tell of it."""

    records: Records

    def add(self, title: str, account_id: str, pipeline: str, amount: float | None = None) -> Row:
        stage = self.records.pipelines.of_kind(pipeline, "Open")
        row = {"Deal_Name": title, "Account_Name": {"id": account_id}, "Pipeline": pipeline, "Stage": stage}
        return self.records.add("Deals", {**row, "Amount": amount, "Currency": self.records.currencies[0]})

    def move(self, deal_id: str, stage: str) -> Row:
        """To a stage of the deal's own pipeline, by its name."""
        return self._change(deal_id, Stage=stage)

    def win(self, deal_id: str) -> Row:
        return self._change(deal_id, Stage=self._stage(deal_id, "Closed Won"), Reason_For_Loss__s=None)

    def lose(self, deal_id: str, reason: str | None = None) -> Row:
        """People pick a reason, or add theirs to the list."""
        return self._change(deal_id, Stage=self._stage(deal_id, "Closed Lost"), Reason_For_Loss__s=reason)

    def reopen(self, deal_id: str) -> Row:
        """The reason of the loss stays written down, as Zoho leaves it."""
        return self._change(deal_id, Stage=self._stage(deal_id, "Open"))

    def edit(self, deal_id: str, label: str, value: Any) -> Row:
        """A field by the name that people see, with the value as the API has it."""
        return self._change(deal_id, **{self.records.definitions.named("Deals", label)["api_name"]: value})

    def rename(self, deal_id: str, title: str) -> Row:
        return self._change(deal_id, Deal_Name=title)

    def assign(self, deal_id: str, owner_id: str) -> Row:
        return self._change(deal_id, Owner={"id": owner_id})

    def delete(self, deal_id: str) -> None:
        self.records.delete("Deals", deal_id)

    def merge(self, deal_id: str, into: str) -> Row:
        """The first is deleted; the other keeps what it has and gets what it lacked, notes and tasks too."""
        gone, kept = self.records.rows["Deals"][deal_id], self.records.rows["Deals"][into]
        lacked = {
            name: value for name, value in gone.items() if kept.get(name) in (None, "") and not name.startswith("_")
        }
        for note in self.records.rows["Notes"].values():
            if note["Parent_Id"]["id"] == deal_id:
                note["Parent_Id"] = {**note["Parent_Id"], "id": into}
        for task in self.records.rows["Tasks"].values():
            if (task.get("What_Id") or {}).get("id") == deal_id:
                task["What_Id"] = {"id": into}
        self.delete(deal_id)
        return self._change(into, **lacked)

    def _stage(self, deal_id: str, forecast_type: str) -> str:
        return self.records.pipelines.of_kind(self.records.rows["Deals"][deal_id]["Pipeline"], forecast_type)

    def _change(self, deal_id: str, **values: Any) -> Row:
        """Not held to lists of options: whoever sits at the keyboard may add to them."""
        row = self.records.rows["Deals"][deal_id]
        row.update(values, Modified_Time=stamp(self.records.clock()))
        self.records.tell("Deals", "update", [deal_id])
        return row
