"""Item-item: a user should also like items that often occur together with the user's items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.data.graph_cache import cache_on_graph
from reccl.lazy import functional, np, torch
from reccl.losses.similarity import dot_negatives
from reccl.losses.weighted_mean import weighted_mean
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor

COUNTS = 1 << 24
"""Co-occurrences that are held in a dense block at once: 64 MiB."""


class ItemItem(TermSettings):
    """UltraGCN's item-item constraint: each interaction's user near the items that most often co-occur with
    its item.

    UltraGCN: Ultra Simplification of Graph Convolutional Networks for Recommendation, Mao et al., CIKM 2021;
    https://arxiv.org/abs/2110.15114. With G = R'R [I, I] the co-occurrences and g_i = sum over k of G_ik:

    w_ij = G_ij / (g_i - G_ii) * sqrt(g_i / g_j)
    L = mean over interactions (u, i) of the sum over j in S(i) of -w_ij log sigmoid(e_u e_j)

    S(i) the `neighbors` items j with the largest w_ij.

    Where we differ: an item is no neighbor of itself (the authors' code may keep it, and weighs by
    G_ij sqrt(g_i + 1) / (g_i sqrt(g_j + 1))); the mean over the batch's interactions, not their sum.
    """

    takes_weights = True
    kind: Literal["item_item"] = "item_item"
    weight: Annotated[float, Field(ge=0)] = 1.0
    """Factor of this term in the objective (gamma of the paper, lambda in the authors' code; theirs multiplies a sum
    over the batch)."""
    neighbors: Annotated[int, Field(ge=1)] = 10
    """Co-occurring items of each item (K); fewer where the catalog is smaller."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings, batch = step.encode(views[0]), step.batch
        top = find_co_occurrences(step.graph, self.neighbors)
        neighbors = embeddings.items(top.items[batch.item])  # [B, K, D]
        logits = dot_negatives(embeddings.users(batch.user), neighbors)  # [B, K]
        return weighted_mean((top.weight[batch.item] * functional.softplus(-logits.float())).sum(1), batch.weight)


@dataclass(frozen=True)
class CoOccurrences:
    """The items that most often co-occur with each item."""

    items: Tensor  # [I, K]
    weight: Tensor  # [I, K] w_ij; 0 where two items never co-occur


@cache_on_graph
def find_co_occurrences(graph: Graph, neighbors: int) -> CoOccurrences:
    """S(i) and w_ij of every item, computed once per graph; rows of G in chunks."""
    counts = graph.interactions  # R [U, I]
    of_item = counts.T.tocsr()  # [I, U]
    total = of_item @ np.asarray(counts.sum(1)).ravel()  # [I] g
    own = np.asarray(counts.multiply(counts).sum(0)).ravel()  # [I] G_ii
    root = np.sqrt(np.maximum(total, 1))
    factor = root / np.maximum(total - own, 1)  # [I] sqrt(g_i) / (g_i - G_ii)
    best, chunk = [], max(COUNTS // max(graph.num_items, 1), 1)
    for start in range(0, graph.num_items, chunk):
        rows = np.arange(start, min(start + chunk, graph.num_items))
        block = (of_item[rows] @ counts).toarray() * factor[rows, None] / root  # [chunk, I]
        block[np.arange(len(rows)), rows] = 0
        best.append(torch.from_numpy(block).topk(min(neighbors, graph.num_items)))
    items = torch.cat([top.indices for top in best]).to(graph.device)
    return CoOccurrences(items, torch.cat([top.values for top in best]).float().to(graph.device))
