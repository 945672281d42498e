"""Noise: the whole graph, with a small random vector added to each layer's embeddings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.lazy import functional, no_grad, torch
from reccl.memory import Need, Sizes
from reccl.views.view import LayerNoise, View, ViewSettings

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 1 << 10
"""Rows that get their noise at a time, so that they are still in the core's own cache when it is added."""


class Noise(ViewSettings):
    """SimGCL: after every layer add a random vector of length `length` that points into the embedding's own orthant.

    Are Graph Augmentations Necessary? Yu et al., SIGIR 2022, eq. 6-8: e' = e + d, |d| = length,
    d = sign(e) * d', d' uniform in [0, 1]^D; https://arxiv.org/abs/2112.08679. Also the noise of XSimGCL
    (https://arxiv.org/abs/2209.02544). Where we differ: N random rows are sampled once an epoch and assigned to the
    nodes from another starting row at every layer of every pass, while the authors sample all anew; sign(0) is 1.

    SELFRec (the authors' code) and SSLRec call different maths SimGCL; this is the authors'. They leave layer 0 out of
    LightGCN's mean: set encoder.initial_weight to 0.

    >>> import polars as pl
    >>> graph = Graph.from_interactions(pl.DataFrame({"user": [0, 0, 1, 2], "item": [0, 1, 1, 2]}), 3, 3)
    >>> view, x = Noise(length=0.1).sample(graph, torch.Generator().manual_seed(0)), torch.eye(6)
    >>> (view.propagate(x, 0) - graph.adjacency @ x).norm(dim=1)
    tensor([0.1000, 0.1000, 0.1000, 0.1000, 0.1000, 0.1000])
    """

    kind: Literal["noise"] = "noise"
    length: Annotated[float, Field(ge=0)] = 0.1
    """Length of the noise (the authors' eps)."""

    @override
    def needs_one_process(self) -> str | None:
        return None

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """The random rows of an epoch, twice (`NoiseSampler.rows`), and those that they are made from."""
        return (Need("", 2 * sizes.table(), 2 * sizes.table()),)

    @override
    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        seed = int(torch.randint(2**62, (1,), generator=generator, device=generator.device))
        return View((graph.adjacency,), noise_sampler=NoiseSampler(self.length, graph.num_nodes, seed))


class NoiseSampler:
    """Samples noise x -> x + sign(x) * d, d [N, D] random with rows of one length.

    Sampling N x D numbers can cost more than the layer itself: the rows are sampled once an epoch and reassigned, from
    another starting row, at every call.
    """

    def __init__(self, length: float, nodes: int, seed: int) -> None:
        self.length, self.nodes, self.seed = length, nodes, seed
        self.starts = torch.Generator().manual_seed(seed)
        self.rows = torch.empty(0)  # [2N, D]: N random rows twice, so that N from any start are a slice

    def __call__(self) -> LayerNoise:
        """The noise of one layer in one pass."""
        return partial(self.add, int(torch.randint(self.nodes, (1,), generator=self.starts)))

    @no_grad
    def add(self, start: int, x: Tensor, rows: Tensor | None) -> Tensor:
        """See `LayerNoise`; node n gets the random row start + n."""
        noise = self.random_rows(x)[start:]
        if rows is not None:
            return x.add_(noise.index_select(0, rows).copysign_(x))
        block = BLOCK if x.device.type == "cpu" else len(x)
        for some, others in zip(x.split(block), noise[: len(x)].split(block), strict=True):
            some.add_(torch.copysign(others, some))
        return x

    def random_rows(self, x: Tensor) -> Tensor:
        """The epoch's random rows, as wide as x and on its device: [2N, D]."""
        if self.rows.shape[1:] != x.shape[1:]:
            generator = torch.Generator(x.device).manual_seed(self.seed)
            random = torch.rand(self.nodes, x.shape[1], generator=generator, device=x.device)
            self.rows = (functional.normalize(random) * self.length).repeat(2, 1)
        return self.rows
