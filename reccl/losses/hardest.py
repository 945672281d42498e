"""Hardest: of a pool of negatives, those that score highest now."""

import torch
from torch import Tensor


def hardest(negatives: Tensor, hidden: Tensor | None, number: int | None) -> tuple[Tensor, Tensor | None]:
    """Dynamic negative sampling, Zhang et al., SIGIR 2013; https://doi.org/10.1145/2484028.2484126.

    The paper draws a pool of candidates uniformly and trains on the one that the current model ranks first. Here the
    pool is whatever negatives were drawn, and `number` of them stay.

    Args:
        negatives: [B, M] scores of the pool.
        hidden: [B, M] True where a candidate does not count; it is never among the hardest unless too few are left.
        number: how many to keep, k; None: all.

    Returns the scores [B, k] that are kept, and which of them do not count [B, k].

    """
    if number is None or number >= negatives.shape[1]:
        return negatives, hidden
    shown = negatives if hidden is None else negatives.masked_fill(hidden, -torch.inf)
    place = shown.detach().topk(number, dim=1, sorted=False).indices  # [B, k]
    return negatives.gather(1, place), None if hidden is None else hidden.gather(1, place)
