"""Queue: the latest keys of a momentum encoder, as negatives beyond the batch."""

import torch
from torch import Tensor
from typing_extensions import override

from reccl.encoders import Encoder
from reccl.encoders.encoder import Rows
from reccl.training.term_module import TermModule


class Queue(TermModule):
    """First in, first out: the newest Q keys and the nodes that they are keys of.

    Momentum Contrast for Unsupervised Visual Representation Learning, He et al., CVPR 2020;
    https://arxiv.org/abs/1911.05722. Keys come from an encoder that changes slowly, so that old ones stay comparable.

    Where we differ: every key is stored with its node, so that a node is never contrasted with an older key of itself;
    the queue starts with keys of random nodes, not with noise.
    """

    keys: Tensor
    nodes: Tensor
    place: Tensor

    def __init__(self, key_of: Rows, nodes: int, size: int, generator: torch.Generator) -> None:
        super().__init__()
        first = torch.randint(nodes, (size,), generator=generator, device=generator.device)  # [Q]
        self.register_buffer("keys", key_of(first).detach().float().clone())  # [Q, D]
        self.register_buffer("nodes", first)
        self.register_buffer("place", torch.zeros((), dtype=torch.long, device=first.device))  # of the oldest key
        self.pending: tuple[Tensor, Tensor] | None = None

    def enqueue_after_step(self, keys: Tensor, nodes: Tensor) -> None:
        """Keys [n, D] of nodes [n] of this step; they join the queue after it."""
        self.pending = keys.detach(), nodes

    @override
    def after_step(self, encoder: Encoder) -> None:
        if self.pending is not None:
            self.enqueue(*self.pending)
            self.pending = None

    def enqueue(self, keys: Tensor, nodes: Tensor) -> None:
        """Replace the oldest keys; of more than Q new ones the last stay."""
        size = len(self.nodes)
        keys, nodes = keys[-size:].to(self.keys), nodes[-size:]
        places = (self.place + torch.arange(len(nodes), device=nodes.device)) % size  # [n]
        self.keys[places], self.nodes[places] = keys, nodes
        self.place.add_(len(nodes)).remainder_(size)
