"""Distillation: one vector a user and one an item, which learn the lists of another scorer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, SerializeAsAny
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.lazy import torch
from reccl.memory import FLOAT, Need, Sizes, one_after_another, within
from reccl.scorers import Scorer, ScorerBuilder, ScorerSettings, SingleScorer, ValidationMetric
from reccl.scorers.selection.blend import Blend
from reccl.scorers.selection.grid_search import GridSearch
from reccl.scorers.student import Lessons, teach
from reccl.scorers.teacher_lists import CHUNK_BYTES, SAMPLE_BYTES, TeacherLists
from reccl.settings import outside

if TYPE_CHECKING:
    from torch import Tensor

Teacher = Annotated[
    SerializeAsAny[Annotated[Blend | GridSearch | SingleScorer, Field(discriminator="kind")]], outside(ScorerSettings)
]


class Distillation(ScorerSettings):
    """s_u = E_I e_u, with vectors of `dimension` numbers that learn the lists of a `teacher`: what feature stores and
    indexes of nearest neighbors can hold, of a scorer that they cannot (a blend with item-item matrices).

    min  - mean over users of sum_k q_uk log p_u(i_uk),   p_u(i) = exp(e_u . e_i) / sum_j exp(e_u . e_j)

    i_u1 .. i_uK are the teacher's K best items for u, q_u = softmax(s_ui / t_u) its scores of these, and j runs over
    all items that u does not have. The temperature t_u spreads q_u over as many items as `perplexity` says, whatever
    the scale of the teacher's scores (`reccl.scorers.perplexity`). The vectors start as a truncated singular value
    decomposition of the teacher's scores, and are trained by Adam on batches of users.

    Probabilities as what a student learns are Hinton, Vinyals and Dean 2015 (https://arxiv.org/abs/1503.02531), a
    ranker's top lists of what a user does not have are Ranking Distillation, Tang and Wang, KDD 2018
    (https://arxiv.org/abs/1809.07428); cross-entropy of softmaxes over lists is ListNet, Cao et al., ICML 2007. Where
    we differ from Ranking Distillation: positions weigh by the teacher's own scores, not by a curve; beside the list
    all other items are negatives; and there are no further labels: the teacher has seen the training rows.

    Popularity needs no component of its own: the vectors learn it with the rest. What `teacher` leaves open is selected
    on validation rows as if it stood alone, and while an encoder trains, the teacher's lists are what is measured.
    Users without training rows have the vector 0 and items without any are in no list, unless the encoder embeds them
    from features; `cold_start` places both as it does for any embeddings.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": [0, 0, 1, 1, 2], "item": [0, 1, 0, 1, 0]})
    >>> graph = Graph.from_interactions(rows, 3, 3)  # 3 users, 3 items
    >>> from reccl.scorers import Ease
    >>> scorer = Distillation(teacher=Ease(), dimension=2).build(graph, None)
    >>> scorer.item_embeddings.shape, scorer.scores(torch.tensor([2]))[0, 1:].argmax().item()  # user 2 has item 0
    (torch.Size([3, 2]), 0)
    """

    kind: Literal["distillation"] = "distillation"
    teacher: Teacher = Field(default_factory=Blend)
    """The scorer whose lists are learned."""
    dimension: Annotated[int, Field(ge=1)] = 64
    """Numbers in a vector (D)."""
    length: Annotated[int, Field(ge=1)] = 500
    """Items of a teacher's list (K), several times the perplexity."""
    perplexity: Annotated[float, Field(gt=1)] = 100.0
    """Items over which a list's probability is spread: few for the top of the list, many for all of it; at most a
    third of those that a list has."""
    own: Literal["hidden", "ranked"] = "hidden"
    """Whether lists hold what a user has in training rows: ranked goes with `evaluation.hide: none`."""
    epochs: Annotated[int, Field(ge=1)] = 10
    """Times that every user is seen."""
    batch_size: Annotated[int, Field(ge=1)] = 256
    """Users in a batch."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.01
    """Step size of Adam at the start; it falls to 0 along a cosine."""
    candidates: Annotated[int, Field(ge=1)] = 4096
    """Items drawn for a batch that stand for all that are not in a list; in smaller catalogs all are there."""
    seed: int = 0
    """Seed of the order of users and of what is drawn; `--seeds` varies `seed` of the config, not this one."""

    @override
    def needs_embeddings(self) -> bool:
        return self.teacher.needs_embeddings()

    @override
    def learns(self) -> bool:
        return self.teacher.learns()

    @override
    def uses_times(self) -> bool:
        return self.teacher.uses_times()

    @override
    def fits(self, graph: Graph | Sizes) -> bool:
        return self.teacher.fits(graph)

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """The teacher; and the vectors of both sides, while they learn with gradients and moments, its lists, the
        scores that are decomposed and ranked, and a step.
        """
        scores = min(SAMPLE_BYTES, FLOAT * sizes.num_users * sizes.num_items) + 2 * CHUNK_BYTES
        length, drawn = (min(count, sizes.num_items) for count in (self.length, self.candidates))
        step = self.batch_size * (sizes.num_items + FLOAT * (4 * drawn + 3 * length * self.dimension))
        lists = 2 * FLOAT * sizes.num_users * length
        working = 5 * sizes.table(self.dimension) + lists + scores + step
        own = Need("", sizes.table(self.dimension), working, ("dimension", "length"))
        return one_after_another((*within("teacher", self.teacher.memory(sizes)), own))

    @override
    def selected(self) -> Self:
        return self.model_copy(update={"teacher": self.teacher.selected()})

    @override
    def kept_memory(self, sizes: Sizes) -> tuple[Need, ...]:
        return within("teacher", self.teacher.kept_memory(sizes))

    @override
    def check(self, graph: Graph) -> None:
        self.teacher.check(graph)

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        return self.builder(graph).build(embeddings)

    @override
    def builder(self, graph: Graph, before: ScorerBuilder | None = None) -> DistillationBuilder:
        known = before.teacher if isinstance(before, DistillationBuilder) else None
        return DistillationBuilder(self, graph, self.teacher.builder(graph, known))

    def distill(self, teacher: Scorer, graph: Graph, users: Tensor, items: Tensor) -> Scorer:
        """The student of a built teacher, which learns about the given `users` [n] and ranks `items` [I] (bool)."""
        hidden = graph.user_items if self.own == "hidden" else None
        lists = TeacherLists.of(teacher, users, items, hidden, self.dimension, self.length, self.perplexity, self.seed)
        lessons = Lessons(self.epochs, self.batch_size, self.learning_rate, self.candidates, self.seed)
        learned, of_items = teach(lists, hidden, lessons)
        of_users = learned.new_zeros(graph.num_users, self.dimension)  # [U, D]
        return Scorer(of_users.index_copy(0, lists.users, learned), of_items)


@dataclass(frozen=True)
class DistillationBuilder(ScorerBuilder):
    """The builder of the teacher, which keeps what does not depend on embeddings."""

    settings: Distillation
    teacher: ScorerBuilder

    @override
    def build(self, embeddings: Embeddings | None) -> Scorer:
        everyone = torch.arange(self.graph.num_users, device=self.graph.device)
        known = everyone >= 0 if embeddings and embeddings.users_by_features else self.graph.user_degree > 0  # [U]
        items = self.graph.item_degree > 0  # [I]
        if embeddings and embeddings.items_by_features:
            items = torch.ones_like(items)
        return self.settings.distill(self.teacher.build(embeddings), self.graph, everyone[known], items)

    @override
    def draft(self, embeddings: Embeddings | None) -> Scorer:
        return self.teacher.draft(embeddings)

    @override
    def tuned_on(self, embeddings: Embeddings | None, metric: ValidationMetric) -> ScorerBuilder:
        teacher = self.teacher.tuned_on(embeddings, metric)
        if teacher is self.teacher:
            return self
        return replace(self, settings=self.settings.model_copy(update={"teacher": teacher.settings}), teacher=teacher)
