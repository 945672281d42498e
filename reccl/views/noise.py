"""Noise: the whole graph, each layer's embeddings a little displaced."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import normalize

from reccl.data.graph import Graph
from reccl.views.view import View, ViewSettings


class Noise(ViewSettings):
    """SimGCL: after every layer add a random vector of length `length` that points into the embedding's own orthant.

    Are Graph Augmentations Necessary? Yu et al., SIGIR 2022, eq. 6-8: e' = e + d, |d| = length,
    d = sign(e) * d', d' uniform in [0, 1]^D; https://arxiv.org/abs/2112.08679. Also the noise of XSimGCL
    (https://arxiv.org/abs/2209.02544). Drawn anew at every step.

    SELFRec (the authors' code) and SSLRec call different maths SimGCL; this is the authors'. They leave layer 0 out of
    LightGCN's mean: set encoder.initial_weight to 0.
    """

    kind: Literal["noise"] = "noise"
    length: Annotated[float, Field(ge=0)] = 0.1
    """Length of the noise (the authors' eps)."""

    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        """See `ViewSettings.sample`."""

        def displace(x: Tensor, layer: int) -> Tensor:
            random = torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)  # [N, D]
            return x + x.sign() * normalize(random, dim=-1) * self.length

        return View((graph.adjacency,), displace)
