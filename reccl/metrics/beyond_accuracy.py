"""Beyond accuracy: how new, varied and popular what lists hold is. Lists [n, k] are rows of items, -1 if empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


def novelty(lists: Tensor, popularity: Tensor, num_users: int) -> Tensor:
    """Mean self-information of a list's items, -log2 p(i), p(i) the share of users who have i: [n] bits.

    Zhou et al., PNAS 2010 (https://doi.org/10.1073/pnas.1000488107). An item that nobody has counts as one that one
    user has. `popularity` [I] counts the users of each item.

    >>> import torch
    >>> novelty(torch.tensor([[0, 1], [1, -1]]), torch.tensor([4.0, 1.0]), num_users=8)
    tensor([2., 3.], dtype=torch.float64)
    """
    share = popularity.double().clamp(min=1) / max(1, num_users)  # [I]
    return mean_of_items(-share.log2(), lists)


def average_popularity(lists: Tensor, popularity: Tensor) -> Tensor:
    """Mean number of users of a list's items, [n] (ARP; Yin et al., VLDB 2012)."""
    return mean_of_items(popularity.double(), lists)


def popularity_lift(lists: Tensor, popularity: Tensor, past: Tensor) -> float:
    """How much more popular lists are than what their users have: (GAP of lists - GAP of pasts) / GAP of pasts.

    GAP is the mean over users of the mean popularity of their items (Abdollahpouri et al., RecSys 2020,
    https://doi.org/10.1145/3383313.3418487). `past` [n] is the mean popularity of what each user has, nan for users
    without items, who are left out. 0: as popular; 1: twice as popular.
    """
    listed, known = average_popularity(lists, popularity), past.double()
    both = ~known.isnan() & (lists >= 0).any(1)
    before = known[both].mean()
    return float((listed[both].mean() - before) / before)


def gini(lists: Tensor, catalog: int) -> float:
    """Gini index of how often each of the catalog's items is listed, in [0, 1]: 0 equally, near 1 a few items only.

    G = sum over i of (2 i - I - 1) c_i / (I sum c), c ascending (Adomavicius and Kwon, TKDE 2012).

    >>> import torch
    >>> gini(torch.tensor([[0, 1], [2, 3]]), 4), gini(torch.tensor([[0], [0]]), 4)
    (0.0, 0.75)
    """
    counts = torch.bincount(lists[lists >= 0], minlength=catalog).double().sort().values  # [I]
    place = torch.arange(1, catalog + 1, dtype=torch.float64)
    return float(((2 * place - catalog - 1) * counts).sum() / (catalog * counts.sum()).clamp(min=1))


def intra_list_diversity(lists: Tensor, vectors: Tensor) -> Tensor:
    """Mean of 1 - cosine over all pairs of a list's items, [n]; 0 for fewer than two (Smyth and McClave, 2001).

    `vectors` [I, D] are of length one, or zero: such an item is unlike all others.
    """
    there = lists >= 0  # [n, k]
    found = vectors[lists.clamp(min=0)].double() * there[:, :, None]  # [n, k, D]
    alike = found.sum(1).square().sum(1) - found.square().sum((1, 2))  # [n] twice the sum over pairs
    count = there.sum(1).double()
    pairs = (count * (count - 1)).clamp(min=1)
    return torch.where(count > 1, 1 - alike / pairs, 0.0)


def serendipity(lists: Tensor, hits: Tensor, expected: Tensor) -> Tensor:
    """Share of a list that is relevant and not expected, [n] (Ge, Delgado-Battenfeld and Jannach, RecSys 2010).

    `hits` [n, k] is 1 where a place is relevant; `expected` [n, k] True where an item would be among the k most popular
    ones that the user does not have, the primitive recommender there.
    """
    return (hits.double() * ~expected).sum(1) / lists.shape[1]


def miscalibration(lists: Tensor, shares: Tensor, target: Tensor) -> Tensor:
    """KL(p || q') between the labels of what a user has (p) and of the list (q), [n]; nan for users without labels.

    p and q are means of p(g | i), `shares` [I, C]; q' = .99 q + .01 p (Steck, RecSys 2018). `target` [n, C] is p, or a
    multiple of it. 0: the list has the same shares of labels as the past.
    """
    listed = (shares[lists.clamp(min=0)].double() * (lists >= 0)[:, :, None]).sum(1)  # [n, C]
    listed = listed / listed.sum(1, keepdim=True).clamp(min=1e-12)
    total = target.double().sum(1, keepdim=True)
    wanted = target.double() / total.clamp(min=1e-12)
    mixed = (0.99 * listed + 0.01 * wanted).clamp(min=1e-12)
    divergence = torch.where(wanted > 0, wanted * (wanted / mixed).log(), 0.0).sum(1)
    return torch.where(total.squeeze(1) > 0, divergence, torch.nan)


def mean_of_items(values: Tensor, lists: Tensor) -> Tensor:
    """The mean of item values [I] over each list, [n]; 0 for an empty one."""
    there = lists >= 0
    total = (values[lists.clamp(min=0)] * there).sum(1)
    return total / there.sum(1).clamp(min=1)
