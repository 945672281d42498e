"""Full softmax: the positive against every other candidate there is."""

import torch
from torch import Tensor


def full_softmax(logits: Tensor, row: Tensor, positive: Tensor, log_weight: Tensor | None = None) -> Tensor:
    """Softmax cross-entropy with the whole catalogue as candidates (the multinomial likelihood of Mult-VAE,
    Liang et al., WWW 2018, eq. 2; https://arxiv.org/abs/1802.05814).

    L = mean over interactions (u, i) of log( sum_j w_j exp(s_uj) ) - s_ui

    Interactions of one user share the sum over candidates, so that it is computed once a user.

    Args:
        logits: [n, M] similarity / temperature of n distinct anchors to all M candidates.
        row: [B] which anchor each interaction belongs to.
        positive: [B] which candidate it is with.
        log_weight: [M] log w_j, how much each candidate counts as a negative; None: all 1.

    """
    weighted = logits if log_weight is None else logits + log_weight
    return (torch.logsumexp(weighted.float(), 1)[row] - logits[row, positive].float()).mean()
