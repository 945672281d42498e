"""User-item: each interaction is weighted by the degrees of its two nodes, as after infinitely many hops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.lazy import functional, torch
from reccl.losses import Pairs
from reccl.losses.masked_mean import masked_mean
from reccl.losses.similarity import score_pairs
from reccl.losses.weighted_mean import weighted_mean
from reccl.negatives import AnyPool, Uniform
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor


class UserItem(TermSettings):
    """UltraGCN's user-item constraint: what LightGCN converges to after infinitely many hops, as a loss.

    UltraGCN: Ultra Simplification of Graph Convolutional Networks for Recommendation, Mao et al., CIKM 2021;
    https://arxiv.org/abs/2110.15114. With d_u, d_i the degrees and s_ui the inner product:

    b_ui = 1 / d_u * sqrt((d_u + 1) / (d_i + 1))
    L = mean over interactions (u, i) of -b_ui log sigmoid(s_ui) - w * mean over negatives j of b_uj log sigmoid(-s_uj)

    Add it to a ranking term with the logistic loss, the paper's L_O, and to `item_item`.

    Where we differ: means instead of sums over the batch and the negatives, so that weights do not change with them;
    its negatives are sampled independently of the ranking term's.
    """

    takes_weights = True
    kind: Literal["user_item"] = "user_item"
    weight: Annotated[float, Field(ge=0)] = 1.0
    """Factor of this term in the objective (lambda of UltraGCN)."""
    negatives: AnyPool = Uniform(number=64)
    """Where the negatives come from."""
    negative_weight: Annotated[float, Field(gt=0)] = 1.0
    """Weight of the negatives' mean relative to the positive (w)."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    @override
    def looks_beyond_rows(self) -> str | None:
        return self.perturbed_view()

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings, batch, graph = step.encode(views[0]), step.batch, step.graph
        sample = self.negatives.sample(batch, graph, step.generator)
        users, items = embeddings.users(batch.user), embeddings.items(batch.item)  # [B, D], [B, D]
        pairs = Pairs(users, items, embeddings.items(sample.items), sample.mask)
        positive, negatives = (each.float() for each in score_pairs(pairs, "dot"))  # [B], [B, M]
        user_degree = graph.user_strength[batch.user]  # [B]
        weight = degree_weight(user_degree, graph.item_strength[batch.item])  # [B]
        weights = degree_weight(user_degree[:, None], graph.item_strength[sample.items])  # [B, M]
        pushed = masked_mean(weights * functional.softplus(negatives), pairs.dense_mask)  # [B]
        return weighted_mean(weight * functional.softplus(-positive) + self.negative_weight * pushed, batch.weight)


def degree_weight(user_degree: Tensor, item_degree: Tensor) -> Tensor:
    """b_ui; the degrees may have any shapes that broadcast."""
    return torch.sqrt((user_degree + 1) / (item_degree + 1)) / user_degree
