"""History: what full propagation gave at the step that ran it last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from reccl.encoders.propagation import Propagation


@dataclass(frozen=True)
class History:
    """A weighted sum w_0 T_0 + .. + w_L T_L of layers as they were."""

    weights: tuple[float, ...]
    behind: Tensor  # [N, D] w_1 T_1 + .. + w_L T_L, constant
    start: Tensor | None = None  # [N, D] T_0, where it is kept

    @classmethod
    @torch.no_grad()
    def of(cls, propagation: Propagation, weights: Sequence[float], *, keep_start: bool) -> Self:
        """Of a propagation's layers; it runs its hops, with gradients as it was made."""
        behind = propagation.state.lookup([0.0, *weights[1:]], None).clone()
        return cls(tuple(weights), behind, propagation.state.start.detach().clone() if keep_start else None)
