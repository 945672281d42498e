"""Scorer: what ranks items for users once training is over."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from reccl.data.graph import Graph
from reccl.data.user_items import UserItemCSR
from reccl.encoders import Embeddings
from reccl.encoders.tower import Towers
from reccl.scorers.item_operators import ItemOperator, along, read, written
from reccl.settings import Settings

TOGETHER = 256
"""Users who are taken along a chain at a time: every matrix on the way needs a column of items for each of them."""


@dataclass(frozen=True)
class Scorer:
    """Scores from embeddings, from the items that a user has, or from both:

    s_u = E_I e_u + sum over chains of M_m ... M_1 x_u

    with e_u [D] the user's embedding, E_I [I, D] the items', x_u [I] in {0, 1} the user's training interactions, and
    M_1 .. M_m the matrices of a chain, dense or CSR, that turn a column of items into a column of scores (an item-item
    matrix, or the two hops of a graph filter). D may be 0, and so may be the number of chains.
    """

    user_embeddings: Tensor  # [U, D]
    item_embeddings: Tensor  # [I, D]
    history: UserItemCSR | None = None  # the training interactions; needed where there are chains
    chains: tuple[ItemOperator, ...] = ()

    def scores(self, rows: Tensor, out: Tensor | None = None) -> Tensor:
        """Scores of every item for the users at `rows`: [B] -> [B, I], written to `out` where given."""
        scores = torch.mm(self.user_embeddings[rows], self.item_embeddings.T, out=out)  # [B, I]
        if self.history is not None and self.chains:
            for some, theirs in zip(rows.split(TOGETHER), scores.split(TOGETHER), strict=True):
                place, item = self.history.pairs(some)
                x = torch.zeros(len(self.item_embeddings), len(some), device=self.item_embeddings.device)  # [I, b]
                x[item, place] = 1.0
                for chain in self.chains:
                    theirs += along(chain, x).T
        return scores

    def to(self, device: torch.device) -> Self:
        """The same scorer on another device."""
        history = None if self.history is None else self.history.to(device)
        chains = tuple(tuple(matrix.to(device) for matrix in chain) for chain in self.chains)
        return type(self)(
            self.user_embeddings.detach().to(device), self.item_embeddings.detach().to(device), history, chains
        )

    def tensors(self) -> dict[str, Tensor]:
        """All of it as plain tensors by name; `from_tensors` reads them back."""
        named = {"users": self.user_embeddings, "items": self.item_embeddings}
        if self.history is not None:
            named |= {"history_start": self.history.start, "history_item": self.history.item}
        return named | written(self.chains)

    @classmethod
    def from_tensors(cls, named: Mapping[str, Tensor]) -> Self:
        """What `tensors` gave."""
        items, history = named["items"], None
        if "history_start" in named:
            history = UserItemCSR(named["history_start"], named["history_item"], len(items))
        return cls(named["users"], items, history, read(named))


class ValidationMetric(Protocol):
    """Says how good the scores of some users are; made from validation rows, see `reccl.evaluation`."""

    @property
    def users(self) -> Tensor:
        """Row numbers of the users [n]."""

    def __call__(self, scores: Tensor) -> float:
        """How good scores [n, I] are: more is better. They are overwritten."""

    def each(self, scores: Tensor) -> Tensor:
        """How good they are for each user [n]; `__call__` is the mean."""


def clearly_better(new: Tensor, old: Tensor) -> bool:
    """Whether one is better than the other for the same users, [n] and [n], by more than a standard error.

    What validation rows choose by less is chosen by chance: where nothing stands out, things stay as they were written
    (the one-standard-error rule of Breiman et al., Classification and Regression Trees, 1984, section 3.4.3, for paired
    differences).
    """
    gain = (new - old).double()
    return bool(gain.mean() > gain.std(correction=0) / len(gain) ** 0.5)


class ScorerSettings(Settings):
    """The config of a scorer."""

    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        """The scorer, from training rows and trained embeddings."""
        raise NotImplementedError

    def builder(self, graph: Graph) -> "ScorerBuilder":
        """All that can be computed before there are embeddings."""
        return ScorerBuilder(self, graph)

    def towers(self, embeddings: Embeddings) -> Towers:
        """The encoder's towers in the space of this scorer; none where it has another space than the encoder."""
        return Towers()

    def needs_embeddings(self) -> bool:
        """Whether there must be an encoder."""
        return False

    def fits(self, graph: Graph) -> bool:
        """Whether it can be built for a data set of this size."""
        return True


@dataclass(frozen=True)
class ScorerBuilder:
    """A scorer that waits for embeddings, which may come again and again."""

    settings: ScorerSettings
    graph: Graph

    def build(self, embeddings: Embeddings | None) -> Scorer:
        """The scorer."""
        return self.settings.build(self.graph, embeddings)

    def tuned_on(self, embeddings: Embeddings | None, validation_metric: ValidationMetric) -> "ScorerBuilder":
        """The same with whatever its settings leave open chosen by `judge`; `settings` of the result say how."""
        return self


def from_history(graph: Graph, *matrices: Tensor) -> Scorer:
    """A scorer of a user's training interactions alone."""
    users, items = (torch.zeros(count, 0, device=graph.device) for count in (graph.num_users, graph.num_items))
    return Scorer(users, items, graph.user_items, (matrices,))
