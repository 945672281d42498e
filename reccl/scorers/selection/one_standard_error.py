"""One standard error: by how much one of two scorers must be better on validation rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def clearly_better(new: Tensor, old: Tensor, errors: float = 1.0) -> bool:
    """Whether one is better than the other for the same users, [n] and [n], by more than so many standard errors.

    What validation rows prefer by less is preferred by chance: where nothing stands out, settings stay as they were
    written (the one-standard-error rule of Breiman et al., Classification and Regression Trees, 1984, section 3.4.3,
    for paired differences).

    >>> import torch
    >>> old = torch.tensor([0.1, 0.2, 0.3, 0.4])
    >>> clearly_better(old + 0.01, old), clearly_better(old + torch.tensor([0.3, -0.25, 0.0, 0.0]), old)
    (True, False)
    """
    gain = (new - old).double()
    return bool(gain.mean() > errors * gain.std(correction=0) / len(gain) ** 0.5)
