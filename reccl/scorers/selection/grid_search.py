"""Grid search: a scorer whose settings are selected from lists on validation rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, SerializeAsAny, model_validator
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.errors import did_you_mean, join_names
from reccl.memory import Need, Sizes, within
from reccl.scorers import Scorer, ScorerBuilder, ScorerSettings, SingleScorer, Svd, ValidationMetric
from reccl.scorers.selection.one_standard_error import clearly_better
from reccl.settings import outside

if TYPE_CHECKING:
    from torch import Tensor


class GridSearch(ScorerSettings):
    """A search along coordinates: one setting after the other, in the order of `grid`, takes a value with which the
    validation metric is clearly better (see `clearly_better`) while the others stay, until a round changes nothing.

    It runs after training, on validation rows alone; a refit keeps what was selected. Until then, and where there are
    no validation rows, the scorer is as it is written. The validation metric of what was selected by it is too good:
    the metric of the test part is the scorer's quality.
    """

    kind: Literal["grid_search"] = "grid_search"
    scorer: Annotated[SerializeAsAny[Annotated[SingleScorer, Field(discriminator="kind")]], outside(ScorerSettings)] = (
        Svd()
    )
    """The scorer that is tuned, with the values that it starts from."""
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)
    """Values to try by setting, besides the one that it has."""

    @model_validator(mode="after")
    def _settings(self) -> Self:
        """Every name is a setting of the scorer, and takes every value."""
        for name, values in self.grid.items():
            if name == "kind" or name not in type(self.scorer).model_fields:
                known = [each for each in type(self.scorer).model_fields if each != "kind"]
                raise ValueError(
                    f"unknown setting {name!r}{did_you_mean(name, known) or f'; there are: {join_names(known)}'}"
                )
            for value in values:
                self.with_value(self.scorer, name, value)
        return self

    @staticmethod
    def with_value(scorer: ScorerSettings, name: str, value: Any) -> ScorerSettings:
        """The scorer with another value of one setting, checked."""
        return type(scorer).model_validate({**dict(scorer), name: value})

    @override
    def needs_embeddings(self) -> bool:
        return self.scorer.needs_embeddings()

    @override
    def uses_history(self, graph: Graph) -> bool:
        return self.scorer.uses_history(graph)

    @override
    def uses_times(self) -> bool:
        values = self.grid.get("half_life", [])
        return self.scorer.uses_times() or any(value is not None for value in values)

    @override
    def fits(self, graph: Graph | Sizes) -> bool:
        return self.scorer.fits(graph)

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """Its scorer, and while values are tried one more."""
        tried = any(self.grid.values())
        return tuple(
            replace(need, working=need.working + tried * need.held)
            for need in within("scorer", self.scorer.memory(sizes))
        )

    @override
    def selected(self) -> Self:
        return self.model_copy(update={"grid": {}})

    @override
    def check(self, graph: Graph) -> None:
        self.scorer.check(graph)

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        return self.scorer.build(graph, embeddings)

    @override
    def builder(self, graph: Graph, before: ScorerBuilder | None = None) -> GridSearchBuilder:
        return GridSearchBuilder(self, graph)


@dataclass(frozen=True)
class GridSearchBuilder(ScorerBuilder):
    """The scorer as it is written, until its values are selected."""

    settings: GridSearch

    @override
    def tuned_on(self, embeddings: Embeddings | None, metric: ValidationMetric) -> ScorerBuilder:
        written, grid = self.settings.scorer, self.settings.grid
        if all(value == getattr(written, name) for name, values in grid.items() for value in values):
            return self

        def evaluate(scorer: ScorerSettings) -> Tensor:
            return metric.per_user(metric.score(scorer.build(self.graph, embeddings)))

        best: ScorerSettings = self.settings.scorer
        best_value, improved = evaluate(best), True
        evaluated = {best.model_dump_json()}
        while improved:
            improved = False
            for name, values in self.settings.grid.items():
                for candidate in (self.settings.with_value(best, name, value) for value in values):
                    if (key := candidate.model_dump_json()) not in evaluated:
                        evaluated.add(key)
                        if clearly_better(value := evaluate(candidate), best_value):
                            best, best_value, improved = candidate, value, True
        settings = self.settings.model_copy(update={"scorer": best, "grid": {}})
        return GridSearchBuilder(settings, self.graph)
