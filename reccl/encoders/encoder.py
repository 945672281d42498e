"""Encoder: turns a view of the graph, or features, into embeddings of users and items."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.tower import Towers
from reccl.settings import Settings
from reccl.views import View

Rows = Callable[[Tensor | None], Tensor]
"""rows [B] -> embeddings [B, D], [B, M] -> [B, M, D]; None -> all of them."""


@dataclass(frozen=True)
class Embeddings:
    """What an encoder gives: a function a side, so that an encoder may compute only the rows that are asked for."""

    users: Rows  # [B] -> [B, D]; None -> [U, D]
    items: Rows  # [B] -> [B, D]; None -> [I, D]
    initial_users: Rows  # the trainable rows that they come from (layer 0), for L2
    initial_items: Rows
    layers: tuple["Embeddings", ...] = ()  # after each hop, where the encoder has hops
    aligned: tuple["Embeddings", "Embeddings"] | None = None  # by graph alone, by features alone
    towers: Towers = field(default_factory=Towers)  # what places new nodes, where the encoder has such


class Encoder(nn.Module):
    """Holds the parameters. `forward(view)` gives Embeddings."""

    def forward(self, view: View) -> Embeddings:
        """Encode what the view shows."""
        raise NotImplementedError


class EncoderSettings(Settings):
    """The config of an encoder."""

    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        """The module with fresh parameters. All that is given comes from training rows; the generator is a CPU one."""
        raise NotImplementedError


def rows_of(table: Tensor) -> Rows:
    """Look rows up in a table [n, D]."""
    return lambda rows: table if rows is None else embedding(rows, table)


def at_start(view: View, nodes: Tensor) -> Tensor:
    """Layer 0 as the view shows it: a table of all nodes, [N, D] -> [N, D]."""
    if view.disturb is None:
        return nodes
    (shown,) = view.disturb(torch.arange(len(nodes), device=nodes.device), [nodes])
    return shown
