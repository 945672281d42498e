"""Full softmax: the positive against every other candidate there is."""

import torch
from torch import Tensor
from torch.nn.functional import softplus


def full_softmax(
    logits: Tensor,
    row: Tensor,
    positive: Tensor,
    log_weight: Tensor | None = None,
    known: tuple[Tensor, Tensor] | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """Softmax cross-entropy with the whole catalog as candidates (the multinomial likelihood of Mult-VAE,
    Liang et al., WWW 2018, eq. 2; https://arxiv.org/abs/1802.05814).

    L = mean over interactions (u, i) of log( sum_j w_j exp(s_uj) ) - s_ui

    Interactions of one user share the sum over candidates, so that it is computed once a user. With `known`, the sum
    is over the positive and the candidates that the anchor is not known to like, as sampled softmax losses with
    rejected positives have it (SL in https://github.com/Tiny-Snow/IR-Benchmark; SL of BSL, Wu et al., ICDE 2024,
    rejects none): an anchor's many positives then do not push each other away.

    Args:
        logits: [n, M] similarity / temperature of n distinct anchors to all M candidates.
        row: [B] which anchor each interaction belongs to.
        positive: [B] which candidate it is with.
        log_weight: [M] log w_j, how much each candidate counts as a negative; None: all 1.
        known: (anchor, candidate) places of all known positives; they are no negatives. None: all candidates are.
        weight: [B] how much each interaction counts in the mean; None: all alike.

    """
    weighted = logits if log_weight is None else logits + log_weight
    own = logits[row, positive].float()  # [B]
    if known is None:
        return mean(torch.logsumexp(weighted.float(), 1)[row] - own, weight)
    unknown = weighted.float().index_put(known, torch.tensor(-torch.inf, device=logits.device))  # [n, M]
    return mean(softplus(torch.logsumexp(unknown, 1)[row] - own), weight)


def mean(losses: Tensor, weight: Tensor | None) -> Tensor:
    """Mean of [B] by weight [B]; a scalar."""
    return losses.mean() if weight is None else (weight * losses).sum() / weight.sum()
