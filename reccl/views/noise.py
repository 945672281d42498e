"""Noise: the whole graph, each layer's embeddings a little displaced."""

from functools import partial
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import normalize
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.views.view import Shift, View, ViewSettings

BLOCK = 1 << 12
"""Rows that are displaced at a time, so that what is added is still in the cache."""


class Noise(ViewSettings):
    """SimGCL: after every layer add a random vector of length `length` that points into the embedding's own orthant.

    Are Graph Augmentations Necessary? Yu et al., SIGIR 2022, eq. 6-8: e' = e + d, |d| = length,
    d = sign(e) * d', d' uniform in [0, 1]^D; https://arxiv.org/abs/2112.08679. Also the noise of XSimGCL
    (https://arxiv.org/abs/2209.02544). Where we differ: N random rows are drawn once an epoch and dealt out from
    another one on at every pass, while the authors draw all anew; sign(0) is 1.

    SELFRec (the authors' code) and SSLRec call different maths SimGCL; this is the authors'. They leave layer 0 out of
    LightGCN's mean: set encoder.initial_weight to 0.
    """

    kind: Literal["noise"] = "noise"
    length: Annotated[float, Field(ge=0)] = 0.1
    """Length of the noise (the authors' eps)."""

    @override
    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        seed = int(torch.randint(2**62, (1,), generator=generator, device=generator.device))
        return View((graph.adjacency,), displace=Displacement(self.length, graph.num_nodes, seed).draw)


class Displacement:
    """Draws shifts x -> x + sign(x) * d, d [N, D] random with rows of one length.

    Drawing N x D numbers can cost more than the layer itself: the rows are drawn once an epoch and dealt out anew, from
    another starting row, at every call.
    """

    def __init__(self, length: float, nodes: int, seed: int) -> None:
        self.length, self.nodes, self.seed = length, nodes, seed
        self.starts = torch.Generator().manual_seed(seed)
        self.rows = torch.empty(0)  # [2N, D]: N random rows twice, so that N from any start are a slice

    def draw(self) -> Shift:
        """See `View.displace`."""
        return partial(self.shift, int(torch.randint(self.nodes, (1,), generator=self.starts)))

    @torch.no_grad()
    def shift(self, start: int, x: Tensor, rows: Tensor | None) -> Tensor:
        """See `Shift`; row n of the graph has the random row start + n."""
        noise = self.dealt(x)[start:]
        if rows is not None:
            return x.add_(noise.index_select(0, rows).copysign_(x))
        block = BLOCK if x.device.type == "cpu" else len(x)
        for part, beside in zip(x.split(block), noise[: len(x)].split(block), strict=True):
            part.add_(torch.copysign(beside, part))
        return x

    def dealt(self, x: Tensor) -> Tensor:
        """The epoch's random rows, as wide as x and on its device: [2N, D]."""
        if self.rows.shape[1:] != x.shape[1:]:
            generator = torch.Generator(x.device).manual_seed(self.seed)
            drawn = torch.rand(self.nodes, x.shape[1], generator=generator, device=x.device)
            self.rows = (normalize(drawn) * self.length).repeat(2, 1)
        return self.rows
