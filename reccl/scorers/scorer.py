"""Scorer: what ranks items for users once training is over."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from reccl.data.by_user import ByUser
from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.settings import Settings


@dataclass(frozen=True)
class Scorer:
    """Scores from embeddings, from the items that a user has, or from both:

    s_u = E_I e_u + M_m ... M_1 x_u

    with e_u [D] the user's embedding, E_I [I, D] the items', x_u [I] in {0, 1} the user's training interactions, and
    M_1 .. M_m matrices, dense or CSR, that turn a column of items into a column of scores (an item-item matrix, or the
    two hops of a graph filter). D may be 0.
    """

    users: Tensor  # [U, D]
    items: Tensor  # [I, D]
    history: ByUser | None = None  # the training interactions; needed where there are matrices
    matrices: tuple[Tensor, ...] = ()  # M_1 [., I], ..., M_m [I, .]

    def scores(self, rows: Tensor, out: Tensor | None = None) -> Tensor:
        """Scores of every item for the users at `rows`: [B] -> [B, I], written to `out` where given."""
        scores = torch.mm(self.users[rows], self.items.T, out=out)  # [B, I]
        if self.history is not None and self.matrices:
            place, item = self.history.pairs(rows)
            x = torch.zeros(len(self.items), len(rows), device=self.items.device)  # [I, B]
            x[item, place] = 1.0
            for matrix in self.matrices:
                x = matrix @ x
            scores += x.T
        return scores

    def to(self, device: torch.device) -> Self:
        """The same scorer on another device."""
        history = None if self.history is None else self.history.to(device)
        matrices = tuple(matrix.to(device) for matrix in self.matrices)
        return type(self)(self.users.detach().to(device), self.items.detach().to(device), history, matrices)

    def tensors(self) -> dict[str, Tensor]:
        """All of it as plain tensors by name; `from_tensors` reads them back."""
        named = {"users": self.users, "items": self.items}
        if self.history is not None:
            named |= {"history_start": self.history.start, "history_item": self.history.item}
        for place, matrix in enumerate(self.matrices):
            if matrix.layout == torch.sparse_csr:
                shape = torch.tensor(matrix.shape)
                parts = {"start": matrix.crow_indices(), "column": matrix.col_indices(), "shape": shape}
                named |= {f"matrix_{place}_{name}": tensor for name, tensor in parts.items()}
                named[f"matrix_{place}_value"] = matrix.values()
            else:
                named[f"matrix_{place}"] = matrix
        return named

    @classmethod
    def from_tensors(cls, named: Mapping[str, Tensor]) -> Self:
        """What `tensors` gave."""
        items, matrices, history = named["items"], list[Tensor](), None
        if "history_start" in named:
            history = ByUser(named["history_start"], named["history_item"], len(items))
        while (name := f"matrix_{len(matrices)}") in named or f"{name}_value" in named:
            if name in named:
                matrices.append(named[name])
            else:
                start, column, value = (named[f"{name}_{part}"] for part in ("start", "column", "value"))
                shape = (int(named[f"{name}_shape"][0]), int(named[f"{name}_shape"][1]))
                matrices.append(torch.sparse_csr_tensor(start, column, value, shape, check_invariants=True))
        return cls(named["users"], items, history, tuple(matrices))


class ScorerSettings(Settings):
    """The config of a scorer."""

    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        """The scorer, from training rows and trained embeddings."""
        raise NotImplementedError


def from_history(graph: Graph, *matrices: Tensor) -> Scorer:
    """A scorer of a user's training interactions alone."""
    users, items = (torch.zeros(count, 0, device=graph.device) for count in (graph.users, graph.items))
    return Scorer(users, items, graph.by_user, matrices)
