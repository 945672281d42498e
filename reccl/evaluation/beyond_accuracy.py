"""Beyond accuracy: lists of held-out users, measured for accuracy, novelty, variety, popularity and calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reccl.data.labels import Labels
from reccl.data.user_items import UserItemCSR
from reccl.evaluation.evaluate import resize_lists
from reccl.evaluation.top_k import top_k
from reccl.lazy import torch
from reccl.metrics import coverage, ndcg, recall
from reccl.metrics.beyond_accuracy import (
    average_popularity,
    gini,
    intra_list_diversity,
    miscalibration,
    novelty,
    popularity_lift,
    serendipity,
)
from reccl.scorers import Scorer

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Listeners:
    """Users with held-out rows, and what is known of them and of the items."""

    users: Tensor  # [n] rows
    relevant: UserItemCSR  # their held-out items
    past: UserItemCSR  # what every user had before, which lists do not repeat
    vectors: Tensor | None  # [I, D] embeddings by which items are alike; None: labels tell
    labels: Labels | None  # of the items in one column

    def measure(self, lists: Tensor, k: int) -> dict[str, float]:
        """Every metric at k of lists [n, K] (rows of items, -1 where empty), by name; means over users.

        recall, ndcg, coverage as everywhere; the others are those of `reccl.metrics.beyond_accuracy`. Items are alike
        by their labels where there are some, else by their embeddings. Those that cannot be measured are left out.
        """
        lists = resize_lists(lists, k, empty=-1)  # [n, k]
        popularity = torch.bincount(self.past.item, minlength=self.past.num_items).float()  # [I]
        counts = self.relevant.counts[self.users]
        hits = self.relevant.contains(self.users, lists).double()
        of_users = {
            "recall": recall(hits, counts),
            "ndcg": ndcg(hits, counts),
            "novelty": novelty(lists, popularity, len(self.past.counts)),
            "average_popularity": average_popularity(lists, popularity),
            "serendipity": serendipity(lists, hits, self.find_expected(lists, popularity, k)),
        }
        shares = None if self.labels is None else self.labels.to_shares(torch.arange(self.past.num_items))  # [I, C]
        alike = self.vectors if shares is None else torch.nn.functional.normalize(shares, dim=1)
        if alike is not None and alike.shape[1]:
            of_users["intra_list_diversity"] = intra_list_diversity(lists, alike)
        if shares is not None:
            own = self.past.select_users(self.users).sum_vectors(shares.double())  # [n, C]
            of_users["miscalibration"] = miscalibration(lists, shares, own)
        before = self.past.select_users(self.users).sum_vectors(popularity.double()[:, None]).squeeze(1)  # [n]
        before = before / self.past.counts[self.users]  # nan for users without any
        means = {name: float(values.nanmean()) for name, values in of_users.items()}
        of_all = {"coverage": coverage(lists, self.past.num_items), "gini": gini(lists, self.past.num_items)}
        of_all["popularity_lift"] = popularity_lift(lists, popularity, before)
        return {f"{name}_at_{k}": value for name, value in {**means, **of_all}.items()}

    def find_expected(self, lists: Tensor, popularity: Tensor, k: int) -> Tensor:
        """Which items of the lists [n, k] are among the k most popular ones that their user does not have: [n, k]."""
        popular = Scorer(torch.ones(len(self.past.counts), 1), popularity[:, None])
        expected = torch.cat([items for _, items, _ in top_k(popular, self.users, k, self.past)])  # [n, k]
        return (lists[:, :, None] == expected[:, None, :]).any(2)
