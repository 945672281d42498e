"""Scorer: what ranks items for users once training is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, Self

from reccl.data.graph import Graph
from reccl.data.user_items import UserItemCSR
from reccl.encoders import Embeddings
from reccl.encoders.tower import Towers
from reccl.lazy import torch
from reccl.memory import Need, Sizes
from reccl.scorers.item_operators import ItemOperator, from_tensors, to_tensors
from reccl.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from reccl.scorers.history_products import HistoryProduct

OPERATOR_USERS = 256
"""Users to whom an item operator is applied at a time: each of its matrices needs a column of items for every one."""

SCORE_BYTES = 256 << 20
"""Memory for one scorer's scores of all users who are measured, where scorers are selected among."""


@dataclass(frozen=True)
class Scorer:
    """Scores from embeddings, from the items that a user has, or from both:

    s_u = E_I e_u + sum over item operators of M_m ... M_1 x_u + p_u

    with e_u [D] the user's embedding, E_I [I, D] the items', x_u [I] the user's training interactions (1, or their
    weights), and
    M_1 .. M_m the matrices of an operator, dense or CSR, that turn a column of items into a column of scores (an
    item-item matrix, or the two hops of a graph filter). p_u [I] is what the user's own items score beside that. D may
    be 0, and so may be the number of operators.

    >>> users, items = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 1.0], [0.0, 1.0], [3.0, 0.0]])
    >>> Scorer(users, items).scores(torch.tensor([1, 0]))
    tensor([[2., 2., 0.],
            [1., 0., 3.]])
    """

    user_embeddings: Tensor  # [U, D]
    item_embeddings: Tensor  # [I, D]
    history: UserItemCSR | None = None  # the training interactions; needed where there are item operators
    item_operators: tuple[ItemOperator, ...] = ()
    personal: UserItemCSR | None = None  # p_u: scores of a user's own items, as weights; None: none

    @property
    def num_users(self) -> int:
        """U."""
        return len(self.user_embeddings)

    @property
    def num_items(self) -> int:
        """I."""
        return len(self.item_embeddings)

    @property
    def device(self) -> torch.device:
        """Where scores are computed."""
        return self.item_embeddings.device

    def scores(self, rows: Tensor, out: Tensor | None = None) -> Tensor:
        """Scores of every item for the users at `rows`: [B] -> [B, I], written to `out` where given."""
        scores = torch.mm(self.user_embeddings[rows], self.item_embeddings.T, out=out)  # [B, I]
        if self.history is not None and self.item_operators:
            for users, block in zip(rows.split(OPERATOR_USERS), scores.split(OPERATOR_USERS), strict=True):
                self.add_operators(self.history, users, block)
        if self.personal is not None:
            place, entry = self.personal.find_entries(rows)
            scores[place, self.personal.item[entry]] += self.personal.values[entry]
        return scores

    def add_operators(self, history: UserItemCSR, users: Tensor, scores: Tensor) -> None:
        """Add what the item operators score for users [b] to their scores [b, I]."""
        dense = [operator for operator, by_history in self.history_products if by_history is None]
        for _, by_history in self.history_products:
            if by_history is not None:
                by_history.add_scores(history, users, scores)
        if dense:
            place, entry = history.find_entries(users)
            x = torch.zeros(self.num_items, len(users), device=self.device)  # [I, b]
            x[history.item[entry], place] = history.values[entry]
            for operator in dense:
                scores += (operator @ x).T

    @cached_property
    def history_products(self) -> list[tuple[ItemOperator, HistoryProduct | None]]:
        """The item operators, with the quicker way to their scores where there is one."""
        from reccl.scorers.history_products import HistoryProduct

        history = self.history
        assert history is not None
        return [(operator, HistoryProduct.of(operator, history)) for operator in self.item_operators]

    def to(self, device: torch.device) -> Self:
        """The same scorer on another device."""
        users, items = self.user_embeddings.detach().to(device), self.item_embeddings.detach().to(device)
        history = None if self.history is None else self.history.to(device)
        personal = None if self.personal is None else self.personal.to(device)
        return type(self)(
            users, items, history, tuple(operator.to(device) for operator in self.item_operators), personal
        )

    def tensors(self) -> dict[str, Tensor]:
        """All of it as plain tensors by name; `from_tensors` reads them back."""
        named = {"user_embeddings": self.user_embeddings, "item_embeddings": self.item_embeddings}
        if self.history is not None:
            named |= {"history_start": self.history.start, "history_item": self.history.item}
            if self.history.weight is not None:
                named["history_weight"] = self.history.weight
        if self.personal is not None:
            named |= {"personal_start": self.personal.start, "personal_item": self.personal.item}
            named["personal_weight"] = self.personal.values
        return named | to_tensors(self.item_operators)

    @classmethod
    def from_history(cls, graph: Graph, item_operator: ItemOperator) -> Self:
        """Scores from the training interactions alone, without embeddings."""
        users, items = (torch.zeros(count, 0, device=graph.device) for count in (graph.num_users, graph.num_items))
        return cls(users, items, graph.user_items, (item_operator,))

    @classmethod
    def from_tensors(cls, named: Mapping[str, Tensor]) -> Self:
        """What `tensors` gave."""
        items = named["item_embeddings"]
        history, personal = (
            UserItemCSR(named[f"{name}_start"], named[f"{name}_item"], len(items), named.get(f"{name}_weight"))
            if f"{name}_start" in named
            else None
            for name in ("history", "personal")
        )
        return cls(named["user_embeddings"], items, history, from_tensors(named), personal)


class ValidationMetric(Protocol):
    """How well scores rank what some users have in validation rows; `reccl.evaluation.HeldOutMetric` is one."""

    @property
    def users(self) -> Tensor:
        """Row numbers of the users [n]."""

    def score(self, scorer: Scorer) -> Tensor:
        """Scores of `users`, [n, I]; of users who were not trained on, from the rows that are given of them."""
        return scorer.scores(self.users)

    def __call__(self, scores: Tensor) -> float:
        """The mean of `per_user` for scores [n, I], which are overwritten."""

    def per_user(self, scores: Tensor) -> Tensor:
        """The metric of every one of `users`, [n], larger is better; scores [n, I] are overwritten."""


class ScorerSettings(Settings):
    """The config of a scorer."""

    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        """The scorer, from training rows and trained embeddings."""
        raise NotImplementedError

    def builder(self, graph: Graph, before: ScorerBuilder | None = None) -> ScorerBuilder:
        """What builds the scorer again and again, with everything computed that does not depend on embeddings.

        What a builder `before` it has computed for equal parts on the same graph is taken from there.
        """
        return ScorerBuilder(self, graph)

    def towers(self, embeddings: Embeddings) -> Towers:
        """The encoder's towers in the space of this scorer; none where its space is not the encoder's."""
        return Towers()

    def needs_embeddings(self) -> bool:
        """Whether there must be an encoder."""
        return False

    def learns(self) -> bool:
        """Whether scores come from training rows, so that there are none to speak of for nodes without any."""
        return True

    def uses_history(self, graph: Graph) -> bool:
        """Whether it scores from the items that users have (see `Scorer.item_operators`), not by embeddings alone."""
        return False

    def uses_times(self) -> bool:
        """Whether it needs the times of training rows; see `Graph.edge_time`."""
        return False

    def fits(self, graph: Graph | Sizes) -> bool:
        """Whether it can be built for a data set of this size."""
        return True

    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """Bytes of the scorer, and those beside them while it is built; by default a few numbers for each node."""
        return (Need("", sizes.table(2)),)

    def selected(self) -> Self:
        """The same with nothing that is left to select on validation rows, as a refit builds it."""
        return self

    def kept_memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """Bytes of what its builder makes and keeps before an encoder trains."""
        return ()

    def check(self, graph: Graph) -> None:
        """Raise TrainingError where it does not fit, as `build` would after training."""


@dataclass(frozen=True)
class ScorerBuilder:
    """Builds a scorer from embeddings, which come again and again while an encoder trains."""

    settings: ScorerSettings
    graph: Graph

    def build(self, embeddings: Embeddings | None) -> Scorer:
        """The scorer."""
        return self.settings.build(self.graph, embeddings)

    def draft(self, embeddings: Embeddings | None) -> Scorer:
        """A scorer that ranks about as the one of `build` and takes less time, to measure while an encoder trains."""
        return self.build(embeddings)

    def tuned_on(self, embeddings: Embeddings | None, metric: ValidationMetric) -> ScorerBuilder:
        """The builder with everything that its settings leave open selected by `metric`, and written to `settings`."""
        return self
