"""Encoded: features as codes and numbers, for networks that learn an embedding of every word."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from reccl.data.features.fitted import FittedFeatures


@dataclass(frozen=True)
class Features:
    """n nodes' features. Category 0 means unknown, missing, or not seen among the trained nodes."""

    categories: dict[str, tuple[Tensor, int]] = field(default_factory=dict)  # name -> (codes [n], number of codes)
    lists: dict[str, tuple[Tensor, int]] = field(default_factory=dict)  # name -> (codes [n, longest], 0 pads)
    numbers: Tensor | None = None  # [n, F] standardized; 0 where missing
    fitted: "FittedFeatures | None" = None  # what encodes other tables in the same way
