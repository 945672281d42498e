"""Popularity: random items, those with more interactions more often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from typing_extensions import override

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.lazy import torch
from reccl.negatives.negatives import NegativeSample
from reccl.negatives.random_negatives import RandomNegatives

if TYPE_CHECKING:
    from torch import Tensor


class Popularity(RandomNegatives):
    """`number` items with probability q(i) = degree_i^b / sum_j degree_j^b, per positive or once per batch.

    The noise of word2vec, Mikolov et al., NeurIPS 2013, section 2.2 (https://arxiv.org/abs/1310.4546), where b = .75
    was best; 0 samples uniformly, 1 as in-batch negatives are distributed. A loss with `popularity_correction` knows q.

    An item without interactions counts as having one. Known positives are redrawn and masked as by `uniform`; q is that
    of the first draw.
    """

    kind: Literal["popularity"] = "popularity"
    exponent: float = 0.75
    """Power b of an item's degree; below zero samples rare items more often."""

    @override
    def sample(self, batch: Batch, graph: Graph, generator: torch.Generator) -> NegativeSample:
        log_weight = self.exponent * graph.item_degree.clamp(min=1).double().log()  # [I]
        log_q = log_weight - log_weight.logsumexp(0)  # [I]
        upper = log_q.exp().cumsum(0)  # [I] item i is sampled by numbers between upper[i - 1] and upper[i]

        def sample_items(shape: tuple[int, ...]) -> Tensor:
            point = torch.rand(shape, generator=generator, device=graph.device, dtype=torch.double)
            return torch.searchsorted(upper, point, right=True).clamp(max=graph.num_items - 1)

        return self.sample_with(sample_items, batch, graph, log_q.float())
