"""Tower: embeds nodes without interactions by their features, in the space that the scorer ranks in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import polars as pl

from reccl.data.features import FittedFeatures
from reccl.lazy import functional, no_grad, torch

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 8192
"""Nodes that are embedded at a time."""
CELLS = 2**25
"""Features of so many nodes times columns are in memory at a time: 128 MiB."""


@dataclass(frozen=True)
class Tower:
    """A network of one side (users or items) from features to the *scorer's* space:

    e = [0 ; a (W_m relu( ... relu(W_1 x + b_1) ...) + b_m) ; c],   x [F] the features

    What the layers give is made no longer than `longest`, so that a node unlike all that were trained on is not
    believed more than any of them. Zeros, a and c fit it into rows that hold other components too (see
    `reccl.cold_start`), so that the scorer's `user_embeddings` and `item_embeddings` can be extended by the rows of
    `embed`: scores of old and new items are then comparable in one list. A content model exports one tower for each
    side that it has features of, and None for the other; rows of nodes without training rows already hold the tower's
    output. Use it as `Model.of(scorer, data, towers)`, `towers` a `Towers`.
    """

    features: FittedFeatures
    layers: tuple[tuple[Tensor, Tensor], ...]  # weight [out, in], bias [out]; ReLU between, none after the last
    unit_norm: bool = False  # scale the output of the layers to length one
    zeros: int = 0  # components before the output
    scale: float = 1.0  # a
    constants: tuple[float, ...] = ()  # c, components after the output
    longest: float | None = None  # length from which on the output of the layers is shortened; None: never

    @no_grad
    def embed(self, table: pl.DataFrame, device: torch.device | None = None) -> Tensor:
        """Rows of a feature table, in raw values, to [n, D]. Columns that are missing count as unknown."""
        rows = max(1, CELLS // max(1, len(self.features.columns)))
        parts = [table.slice(at, rows) for at in range(0, max(1, table.height), rows)]
        return torch.cat([self.embed_matrix(self.features.transform(part).to(device or "cpu")) for part in parts])

    def embed_matrix(self, x: Tensor) -> Tensor:
        """Encoded features [n, F] to [n, D]."""
        return torch.cat([self.embed_rows(rows) for rows in x.split(ROWS)] or [self.embed_rows(x)])

    def embed_rows(self, x: Tensor) -> Tensor:
        """Encoded features [n, F] to [n, D], all at once."""
        for place, (weight, bias) in enumerate(self.layers):
            x = functional.linear(functional.relu(x) if place else x, weight.to(x.device), bias.to(x.device))
        if self.longest is not None:
            x = x * (self.longest / x.norm(dim=1, keepdim=True).clamp(min=1e-30)).clamp(max=1)
        x = self.scale * (functional.normalize(x) if self.unit_norm else x)
        return torch.cat([x.new_zeros(len(x), self.zeros), x, x.new_tensor(self.constants).expand(len(x), -1)], 1)

    def tensors(self) -> dict[str, Tensor]:
        """The network as plain tensors by name; `from_tensors` reads them back. Features are saved by their owner."""
        named = {
            "unit_norm": torch.tensor(self.unit_norm),
            "zeros": torch.tensor(self.zeros),
            "scale": torch.tensor(self.scale, dtype=torch.float64),
            "constants": torch.tensor(self.constants, dtype=torch.float64),
        }
        if self.longest is not None:
            named["longest"] = torch.tensor(self.longest, dtype=torch.float64)
        for place, (weight, bias) in enumerate(self.layers):
            named |= {f"weight_{place}": weight, f"bias_{place}": bias}
        return named

    @classmethod
    def from_tensors(cls, features: FittedFeatures, named: Mapping[str, Tensor]) -> Self:
        """The tower that `tensors` wrote, over its features."""
        layers = list[tuple[torch.Tensor, torch.Tensor]]()
        while (name := f"weight_{len(layers)}") in named:
            layers.append((named[name], named[f"bias_{len(layers)}"]))
        frame = (bool(named["unit_norm"]), int(named["zeros"]), float(named["scale"]))
        longest = float(named["longest"]) if "longest" in named else None
        return cls(features, tuple(layers), *frame, tuple(named["constants"].tolist()), longest)


@dataclass(frozen=True)
class Towers:
    """The towers of a model; None where a side has none, and new nodes of that side cannot be embedded by features."""

    users: Tower | None = None
    items: Tower | None = None
