"""Sampled: a step propagates among a few sampled neighbors of the nodes that it looks up."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reccl.settings import Settings


class Sampled(Settings):
    """Neighbor sampling (Inductive Representation Learning on Large Graphs, Hamilton et al., NeurIPS 2017, alg. 2;
    https://arxiv.org/abs/1706.02216): at most k_l neighbors of a node at hop l, from the nodes that are looked up on.

    With E = P E^(0) = (w_0 I + w_1 A + .. + w_L A^L) E^(0), what is looked up in training is rows of

    e = w_0 E^(0) + A_1 (w_1 E^(0) + A_2 (w_2 E^(0) + ..))

    A_l has k_l sampled entries of each row of A that has d > k_l, each d / k_l times as large (`sample_rows`), and is
    sampled anew for every lookup. So the mean of e is E, and the mean gradient of what is linear in e is that of E; a
    loss is not linear, and biased as far as e varies.

    With `refresh` e varies less, by the control variate of VR-GCN (Stochastic Training of Graph Convolutional Networks
    with Variance Reduction, Chen et al., ICML 2018, eq. 5; https://arxiv.org/abs/1710.10568). With O what E^(0) was at
    the last refresh,

    e = P O + w_0 (E^(0) - O) + A_1 (w_1 (E^(0) - O) + ..)

    of the same mean and the same gradient, exact at a refresh. Where we differ: their history is of every layer, and of
    a node from the last batch that had it; for a linear encoder P O and O are enough.

    Where we differ from GraphSAGE: entries of the symmetrically normalized A, scaled to be right on average, instead of
    the mean of the sample; sampled stretch by stretch, of the whole row where it is short.

    A step takes up to n k_1 .. k_L entries of A for n nodes, however many it has; full propagation takes all, L times.
    Of all nodes it holds E^(0), its gradient and its moments alone; with `refresh` P O and O too.
    """

    kind: Literal["sampled"] = "sampled"
    neighbors: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (5,)
    """Neighbors of a node that are sampled at the hops (k_1, k_2, ..), the first from the nodes that are looked up; the
    last number is that of all further hops."""
    refresh: Annotated[int, Field(ge=1)] | None = None
    """Steps between two full propagations, from which only changes are sampled; empty: none, all is sampled."""

    def neighbors_of(self, layers: int) -> list[int]:
        """Of each of so many hops."""
        return [self.neighbors[min(layer, len(self.neighbors) - 1)] for layer in range(layers)]
