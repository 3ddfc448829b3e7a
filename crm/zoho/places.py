"""Where a deal stands: layouts have pipelines, pipelines have stages, and each stage means open, won or lost.

https://www.zoho.com/crm/developer/docs/api/v8/get-pipelines.html
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from crm.base import Invalid
from crm.text import same
from crm.zoho.api import Row, ZohoApi

Outcome = Literal["open", "won", "lost"]
OUTCOMES: dict[str, Outcome] = {"open": "open", "closed won": "won", "closed lost": "lost"}


@dataclass(frozen=True, slots=True)
class Stage:
    """`code` is what the API calls it, `name` what people see."""

    code: str
    name: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Pipeline:
    layout: str
    code: str
    name: str
    is_default: bool
    stages: tuple[Stage, ...]

    @classmethod
    def of(cls, row: Row, layout: str) -> "Pipeline":
        rows = sorted(row.get("maps") or (), key=lambda one: one.get("sequence_number") or 0)
        stages = tuple(
            Stage(
                str(one.get("actual_value") or one["display_value"]),
                str(one["display_value"]),
                OUTCOMES.get(str(one.get("forecast_type")).casefold(), "open"),
            )
            for one in rows
        )
        name = str(row["display_value"])
        return cls(layout, str(row.get("actual_value") or name), name, bool(row.get("default")), stages)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a new deal goes. `pipeline` None: this company has no pipelines to choose from."""

    layout: str
    pipeline: str | None
    stage: str

    def row(self) -> Row:
        chosen = {"Pipeline": self.pipeline} if self.pipeline is not None else {}
        return {"Layout": {"id": self.layout}, **chosen, "Stage": self.stage}


@dataclass(frozen=True, slots=True)
class Places:
    """All pipelines, and what the layout of each demands, by API names."""

    pipelines: tuple[Pipeline, ...]
    demanded: dict[str, frozenset[str]]  # by layout
    has_pipelines: bool  # whether deals have such a field

    def pipeline(self, name: str) -> Pipeline:
        for one in self.pipelines:
            if same(one.name, name) or one.code == name:
                return one
        raise Invalid(f"Zoho has no pipeline '{name}'; it has: {_names(self.pipelines)}", "pipeline")

    def place(self, pipeline: str | None, stage: str | None) -> Place:
        """By the names of the configuration; without them the default pipeline and its first open stage."""
        chosen = self.pipeline(pipeline) if pipeline else self._default()
        code = chosen.code if self.has_pipelines else None
        for one in chosen.stages:
            if (stage is None and one.outcome == "open") or (stage is not None and stage in (one.code, one.name)):
                return Place(chosen.layout, code, one.code)
        for one in chosen.stages:
            if stage is not None and same(one.name, stage):
                return Place(chosen.layout, code, one.code)
        raise Invalid(f"Zoho has no stage '{stage}' in it; it has: {_names(chosen.stages)}", "stage")

    def outcome(self, pipeline: str | None, stage: str) -> Outcome:
        """What a stage means in its pipeline; what no pipeline has any more was not decided, as far as we know."""
        of_pipeline = [one for one in self.pipelines if pipeline in (one.code, one.name)]
        for one in (*of_pipeline, *self.pipelines):
            for known in one.stages:
                if stage in (known.code, known.name):
                    return known.outcome
        return "open"

    def _default(self) -> Pipeline:
        if not self.pipelines:
            raise Invalid("Zoho shows no pipeline of deals", "pipeline")
        return next((one for one in self.pipelines if one.is_default), self.pipelines[0])


def ask_places(api: ZohoApi, known_fields: frozenset[str]) -> Places:
    layouts = [row for row in api.call("GET", "/settings/layouts", {"module": "Deals"})["layouts"] if _is_used(row)]
    pipelines = [pipeline for row in layouts for pipeline in _pipelines(api, str(row["id"]))]
    demanded = {str(row["id"]): frozenset(_demanded(row)) for row in layouts}
    return Places(tuple(pipelines), demanded, "Pipeline" in known_fields)


def _pipelines(api: ZohoApi, layout: str) -> list[Pipeline]:
    rows = api.call("GET", "/settings/pipeline", {"layout_id": layout}).get("pipeline") or ()
    return [Pipeline.of(row, layout) for row in rows]


def _is_used(layout: Row) -> bool:
    return layout.get("visible") is not False and layout.get("status") in (None, "active")


def _demanded(layout: Row) -> Iterator[str]:
    for section in layout.get("sections") or ():
        for field in section.get("fields") or ():
            if field.get("required"):
                yield str(field["api_name"])


def _names(rows: Iterable[Pipeline | Stage]) -> str:
    return ", ".join(row.name for row in rows) or "none"
