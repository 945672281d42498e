"""Blend: a weighted sum of scorers, with weights selected on validation rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, SerializeAsAny, model_validator
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.errors import TrainingError, did_you_mean, join_names
from reccl.lazy import torch
from reccl.memory import FLOAT, Need, Sizes, one_after_another, within
from reccl.scorers import (
    Ease,
    GraphFilter,
    Scorer,
    ScorerBuilder,
    ScorerSettings,
    SingleScorer,
    Svd,
    ValidationMetric,
)
from reccl.scorers.scorer import SCORE_BYTES
from reccl.scorers.selection.coordinate_ascent import coordinate_ascent
from reccl.scorers.selection.grid_search import GridSearch
from reccl.scorers.weighted_sum import score_spread, weighted_sum
from reccl.settings import outside

if TYPE_CHECKING:
    from torch import Tensor

CLOSED_FORMS: Mapping[str, SingleScorer | GridSearch] = {
    "item_items": Ease(),
    "graph_filter": GraphFilter(),
    "directions": Svd(),
}
"""The parts of a blend by default; they need no encoder."""
Part = Annotated[
    SerializeAsAny[Annotated[SingleScorer | GridSearch, Field(discriminator="kind")]], outside(ScorerSettings)
]


class Blend(ScorerSettings):
    """s_u = sum over parts of w_p s_pu / spread_p: closed forms rank by neighbors, embeddings by tastes.

    spread_p is one number a part, the mean over users of the standard deviation of a user's scores over items, so that
    parts of equal weight count equally. (A z-score for each user gives the same lists to the fourth digit of NDCG on
    ML-1M, and would not be known for new users.) A sum of scorers is a scorer (see `Scorer`), so a blend is
    stored, served and explained as its parts are.

    With `tune_weights`, coordinate ascent moves the weights from where they start for as long as the validation metric
    is clearly better, after training; while the embeddings train, the starting weights hold. A refit keeps what was
    selected. Without validation rows the weights stay. Linear blends of collaborative filters won the Netflix
    prize: Töscher, Jahrer and Bell 2009.
    """

    kind: Literal["blend"] = "blend"
    parts: Annotated[dict[str, Part], Field(min_length=1)] = Field(default_factory=lambda: dict(CLOSED_FORMS))
    """Named scorers. Those that do not fit the data set's size (EASE on large catalogs) are left out."""
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Initial weights by part; a part that is not named has weight 1."""
    tune_weights: bool = True
    """Select the weights on validation rows."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        """Every weight is of a part, and not all are zero."""
        for name in self.weights:
            if name not in self.parts:
                near = did_you_mean(name, self.parts) or f"; there are: {join_names(self.parts)}"
                raise ValueError(f"weight of unknown part {name!r}{near}")
        if not any(self.weight(name) for name in self.parts):
            raise ValueError("all weights are 0: give one part a weight")
        return self

    def weight(self, part: str) -> float:
        """The weight of a part."""
        return self.weights.get(part, 1.0)

    @override
    def needs_embeddings(self) -> bool:
        return any(part.needs_embeddings() for part in self.parts.values())

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        return self.builder(graph).build(embeddings)

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """Its parts, made one after the other; their weighted sum, a scorer of the size of all; and while weights are
        selected the scores of each part.
        """
        fitting = self.fitting_parts(sizes)
        needs = self.part_memory(fitting, sizes)
        scores = min(SCORE_BYTES, FLOAT * sizes.num_users * sizes.num_items) * (len(fitting) + 2)
        total = Need("", sum(need.held for need in needs), scores * self.tune_weights)
        return one_after_another((*needs, total))

    @override
    def selected(self) -> Self:
        parts = {name: part.selected() for name, part in self.parts.items()}
        return self.model_copy(update={"parts": parts, "tune_weights": False})

    @override
    def kept_memory(self, sizes: Sizes) -> tuple[Need, ...]:
        fitting = self.fitting_parts(sizes).items()
        return self.part_memory({name: part for name, part in fitting if not part.needs_embeddings()}, sizes)

    @staticmethod
    def part_memory(parts: Mapping[str, ScorerSettings], sizes: Sizes) -> tuple[Need, ...]:
        """Bytes of some parts."""
        needs = (need for name, part in parts.items() for need in within(f"parts.{name}", part.memory(sizes)))
        return one_after_another(needs)

    def fitting_parts(self, graph: Graph | Sizes) -> dict[str, ScorerSettings]:
        """The parts with a weight that fit the data set."""
        return {name: part for name, part in self.parts.items() if self.weight(name) and part.fits(graph)}

    @override
    def uses_history(self, graph: Graph) -> bool:
        return any(part.uses_history(graph) for part in self.fitting_parts(graph).values())

    @override
    def uses_times(self) -> bool:
        return any(part.uses_times() for part in self.parts.values())

    @override
    def check(self, graph: Graph) -> None:
        if not self.fitting_parts(graph):
            raise TrainingError(
                f"no part of scorer 'blend' fits {graph.num_items:,} items: {join_names(self.parts)}; add graph_filter"
            )

    @override
    def builder(self, graph: Graph, before: ScorerBuilder | None = None) -> BlendBuilder:
        """See `ScorerSettings.builder`. Raises TrainingError where no part with a weight fits."""
        self.check(graph)
        fitting = self.fitting_parts(graph)
        builders = {name: part.builder(graph) for name, part in fitting.items()}
        weights = {name: self.weight(name) for name in fitting}
        known = before if isinstance(before, BlendBuilder) and before.graph is graph else None
        return BlendBuilder(self, graph, builders, build_closed_forms(builders, known), weights)


@dataclass(frozen=True)
class BlendBuilder(ScorerBuilder):
    """Builders of the parts that fit, and the scorers of those that need no embeddings, built once."""

    settings: Blend
    builders: Mapping[str, ScorerBuilder]
    closed_forms: Mapping[str, Scorer]  # of spread one
    weights: Mapping[str, float]

    @override
    def build(self, embeddings: Embeddings | None) -> Scorer:
        parts, used = self.build_parts(embeddings), [name for name, weight in self.weights.items() if weight]
        return weighted_sum([parts[name] for name in used], [self.weights[name] for name in used])

    def build_parts(self, embeddings: Embeddings | None) -> dict[str, Scorer]:
        """All parts, of spread one."""
        return {
            name: self.closed_forms[name] if name in self.closed_forms else scale_to_unit(builder.build(embeddings))
            for name, builder in self.builders.items()
        }

    def tuned_on(self, embeddings: Embeddings | None, metric: ValidationMetric) -> ScorerBuilder:
        """See `ScorerBuilder.tuned_on`: first what each part leaves open by itself, then the weights."""
        builders = {name: builder.tuned_on(embeddings, metric) for name, builder in self.builders.items()}
        changed = {name: builder for name, builder in builders.items() if builder is not self.builders[name]}
        if not changed and not self.settings.tune_weights:
            return self
        parts = {**self.settings.parts, **{name: builder.settings for name, builder in changed.items()}}
        settings = self.settings.model_copy(update={"parts": parts})
        closed_forms = {**self.closed_forms, **build_closed_forms(changed)}
        tuned = replace(self, settings=settings, builders=builders, closed_forms=closed_forms)
        return tuned.with_tuned_weights(embeddings, metric) if settings.tune_weights else tuned

    def with_tuned_weights(self, embeddings: Embeddings | None, metric: ValidationMetric) -> BlendBuilder:
        """The builder with the weights that coordinate ascent finds."""
        scores = {name: metric.score(part) for name, part in self.build_parts(embeddings).items()}  # [n, I] each

        total = torch.empty_like(next(iter(scores.values())))  # [n, I] written anew for all weights

        def evaluate(weights: Mapping[str, float]) -> Tensor:
            total.zero_()
            for name, weight in weights.items():
                if weight:
                    total.add_(scores[name], alpha=weight)
            return metric.per_user(total)

        weights = {name: round(weight, 4) for name, weight in coordinate_ascent(self.weights, evaluate).items()}
        written = dict.fromkeys(self.settings.parts, 0.0) | weights
        settings = self.settings.model_copy(update={"weights": written, "tune_weights": False})
        return replace(self, settings=settings, weights=weights)


def build_closed_forms(builders: Mapping[str, ScorerBuilder], before: BlendBuilder | None = None) -> dict[str, Scorer]:
    """The scorers of those builders that need no embeddings, of spread one; from `before` where it has them."""
    known = [] if before is None else [(before.builders[name], form) for name, form in before.closed_forms.items()]
    return {
        name: next((form for other, form in known if other.settings == builder.settings), None)
        or scale_to_unit(builder.build(None))
        for name, builder in builders.items()
        if not builder.settings.needs_embeddings()
    }


def scale_to_unit(scorer: Scorer) -> Scorer:
    """The same lists with scores of spread one."""
    return weighted_sum([scorer], [1 / score_spread(scorer)])
