"""Cached: the neighbors' part of an embedding is computed every so many steps."""

from typing import Annotated, Literal

from pydantic import Field

from reccl.settings import Settings


class Cached(Settings):
    """Historical embeddings (GNNAutoScale, Fey et al., ICML 2021, eq. 2-3; https://arxiv.org/abs/2106.05609), of all
    neighbors: with O what E^(0) was at the last refresh, what is looked up in training is rows of

    e = w_0 E^(0) + (w_1 A + .. + w_L A^L) O

    so the own row is today's, the neighbors' part at most `refresh` - 1 steps old. Likewise on the way back: of the
    gradient G of e, w_0 G reaches E^(0) in the same step, (w_1 A + .. + w_L A^L)' G at the next refresh, together with
    that of the other steps since the last one. Without it neighbors would learn from the steps of refreshes alone; LMC
    (Shi et al., ICLR 2023; https://arxiv.org/abs/2302.00924) makes up for it with histories of gradients. The step of a
    refresh is that of full propagation, plus what was late.

    Where we differ: all nodes' histories are refreshed together, not each batch's as it comes, so that none is older
    than the others; neighbors in the same batch are no fresher, since in batches of random interactions they are few;
    gradients are late instead of remembered, so that each counts once; what is late when an epoch ends is dropped.

    Full propagation every `refresh` steps is what it takes; it holds two tables of all nodes beside E^(0), its gradient
    and its moments.
    """

    kind: Literal["cached"] = "cached"
    refresh: Annotated[int, Field(ge=1)] = 4
    """Steps from one full propagation to the next; 1: every step is full. An epoch begins with one."""
