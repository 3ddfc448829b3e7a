"""Layouts, pipelines and their stages, each of which means open, won or lost."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sandbox.zoho.answers import Row, invalid

LAYOUT = "5725767000000091023"
WON, LOST = "Closed Won", "Closed Lost"


def pipeline(number: int, name: str, stages: Iterable[str], default: bool = False) -> Row:
    """The stages that are open, and after them those that all pipelines end with."""
    maps = [
        {
            "id": f"57257670000068{number:02}{n:02}", "display_value": stage, "actual_value": stage,
            "sequence_number": n, "forecast_type": stage if stage in (WON, LOST) else "Open",
            "forecast_category": {"name": "Closed" if stage in (WON, LOST) else "Pipeline", "id": "572576700000681"},
        }
        for n, stage in enumerate((*stages, WON, LOST), 1)
    ]  # fmt: skip
    row = {"id": f"57257670000069{number:02}", "display_value": name, "actual_value": name, "default": default}
    return {**row, "child_available": False, "maps": maps}


def default_pipelines() -> list[Row]:
    return [
        pipeline(1, "Sales", ("Qualification", "Proposal"), default=True),
        pipeline(2, "Upsell", ("Usage signal", "Negotiation")),
    ]


@dataclass(slots=True)
class Pipelines:
    """Of the one layout of deals."""

    rows: list[Row] = field(default_factory=default_pipelines)

    def named(self, name: str) -> Row:
        return next(row for row in self.rows if row["display_value"] == name)

    def of_kind(self, pipeline_name: str, forecast_type: str) -> str:
        """The first stage of the pipeline that means this."""
        stages = self.named(pipeline_name)["maps"]
        return next(str(stage["actual_value"]) for stage in stages if stage["forecast_type"] == forecast_type)

    def check(self, values: Row) -> None:
        """A deal's layout, pipeline and stage belong together."""
        if (layout := values.get("Layout")) and layout["id"] != LAYOUT:
            raise invalid("Layout", "the layout is not there")
        found = [row for row in self.rows if row["actual_value"] == values["Pipeline"]]
        if not found:
            raise invalid("Pipeline", "the pipeline is not there")
        if values["Stage"] not in [stage["actual_value"] for stage in found[0]["maps"]]:
            raise invalid("Stage", "the stage is not one of the pipeline")
