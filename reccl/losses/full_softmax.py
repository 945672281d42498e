"""Full softmax: the positive against all other candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.lazy import functional, torch
from reccl.losses.weighted_mean import weighted_mean

if TYPE_CHECKING:
    from torch import Tensor


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

    Interactions of one user share the sum over candidates, which is computed once per user. With `known`, the sum is
    over the positive and the candidates that the anchor is not known to like, as in sampled softmax losses that reject
    positives (SL in https://github.com/Tiny-Snow/IR-Benchmark; SL of BSL, Wu et al., ICDE 2024, rejects none): an
    anchor's many positives then do not push each other away.

    Args:
        logits: [n, M] similarity / temperature of n distinct anchors to all M candidates.
        row: [B] which anchor each interaction belongs to.
        positive: [B] which candidate it is with.
        log_weight: [M] log w_j, how much each candidate counts as a negative; None: all 1.
        known: (anchor, candidate) places of all known positives; they are no negatives. None: all candidates are.
        weight: [B] weight of each interaction in the mean; None: all equal.

    >>> user, item = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 2])  # user 0 likes items 0 and 1, user 1 likes 2
    >>> full_softmax(torch.zeros(2, 3), user, item)  # log 3
    tensor(1.0986)
    >>> full_softmax(torch.zeros(2, 3), user, item, known=(user, item))  # mean of log 2, log 2 and log 3
    tensor(0.8283)

    """
    weighted = logits if log_weight is None else logits + log_weight
    own = logits[row, positive].float()  # [B]
    if known is None:
        return weighted_mean(torch.logsumexp(weighted.float(), 1)[row] - own, weight)
    unknown = weighted.float().index_put(known, torch.tensor(-torch.inf, device=logits.device))  # [n, M]
    return weighted_mean(functional.softplus(torch.logsumexp(unknown, 1)[row] - own), weight)
