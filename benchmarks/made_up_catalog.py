"""Made-up catalog: interactions with items in clusters, and the best lists that can be told from how they were drawn.

Every 500 items are a cluster, and a user has three, the n-th of all with probability ~ n^-.5. A user has 40
interactions: nine in ten are with items of the own clusters, the n-th of a cluster with probability ~ n^-.8, the others
with those of any cluster. Of some users five are held out. Every item has one more interaction, with a user who has its
cluster, so that it is in the catalog. Numbers of items say nothing of their clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from reccl.data.dataset import Dataset
from reccl.data.user_items import UserItemCSR

CLUSTER, CLUSTERS, STRANGE = 500, 3, 0.1
"""Items in a cluster, clusters of a user, share of interactions with items of any cluster."""


@dataclass(frozen=True)
class Sizes:
    """How many users there are, interactions of each, those held out, and of how many users."""

    users: int = 60_000
    rows: int = 40
    held_out: int = 5
    measured: int = 2000


@dataclass(frozen=True)
class MadeUp:
    """A data set, and what its interactions were drawn by."""

    data: Dataset
    clusters: NDArray[np.int64]  # [U, 3] clusters of each user
    items: NDArray[np.int64]  # [C, 500] items of each cluster, likeliest first

    def best_lists(self, users: torch.Tensor, known: UserItemCSR, k: int) -> torch.Tensor:
        """The k likeliest items of each user ([n]) that are not known: [n, k].

        Of 50 clusters and more the last item of an own one is likelier than the first of any other.
        """
        near = likelihood(CLUSTER, 0.8)
        lists = np.empty((len(users), k), np.int64)
        for place, user in enumerate(users.tolist()):
            own, times = np.unique(self.clusters[user], return_counts=True)
            share = (1 - STRANGE) / CLUSTERS * times + STRANGE / len(self.items)  # of a cluster
            likely, items = (near * share[:, None]).ravel(), self.items[own].ravel()
            unknown = ~np.isin(items, known.item[known.start[user] : known.start[user + 1]].numpy())
            lists[place] = items[unknown][(-likely[unknown]).argsort(kind="stable")[:k]]
        return torch.from_numpy(lists)


def likelihood(number: int, exponent: float) -> NDArray[np.float64]:
    """[n] probabilities by a power law."""
    weights = 1 / np.arange(1, number + 1) ** exponent
    return weights / weights.sum()


def make_up(items: int, sizes: Sizes, seed: int) -> MadeUp:
    """So many items, a multiple of 500, and their interactions."""
    random, clusters, shape = np.random.default_rng(seed), items // CLUSTER, (sizes.users, sizes.rows)
    own = random.choice(clusters, (sizes.users, CLUSTERS), p=likelihood(clusters, 0.5))  # [U, 3]
    picked = np.take_along_axis(own, random.integers(0, CLUSTERS, shape), 1)  # [U, rows] clusters
    strange = random.random(shape) < STRANGE
    picked[strange] = random.integers(0, clusters, int(strange.sum()))
    place = random.choice(CLUSTER, shape, p=likelihood(CLUSTER, 0.8))
    first = own.ravel().argsort(kind="stable")  # (user, cluster) pairs by cluster
    start = np.searchsorted(own.ravel()[first], np.arange(clusters + 1))
    nth = np.repeat(np.arange(clusters), CLUSTER)  # [I] cluster of each item
    someone = first[(start[nth] + random.random(items) * np.diff(start)[nth]).astype(np.int64)] // CLUSTERS  # [I]
    user = np.concatenate([np.repeat(np.arange(sizes.users), sizes.rows), someone])
    item = np.concatenate([(picked * CLUSTER + place).ravel(), np.arange(items)])
    drawn = np.arange(len(user)) < sizes.users * sizes.rows
    held_out = drawn & (user < sizes.measured) & (np.arange(len(user)) % sizes.rows < sizes.held_out)
    number = random.permutation(items)
    rows = pl.DataFrame({"user": user, "item": number[item], "part": np.where(held_out, "validation", "train")})
    rows = rows.sort("part").unique(["user", "item"], keep="first", maintain_order=True)
    return MadeUp(Dataset.from_frame(rows, part="part"), own, number.reshape(clusters, CLUSTER))


if __name__ == "__main__":
    print(make_up(50_000, Sizes(), 0).data)
