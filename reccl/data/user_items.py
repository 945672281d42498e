"""User items: which items each user has, in compressed rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import polars as pl

from reccl.data.pairs import distinct_keys, pair_keys
from reccl.data.sparse import make_csr
from reccl.lazy import sparse, torch

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from torch import Tensor


@dataclass(frozen=True)
class UserItemCSR:
    """Items of every user: those of user u are item[start[u] : start[u + 1]], ascending, each once; some with weights.

    >>> rows = pl.DataFrame({"user": [0, 0, 2], "item": [3, 1, 1]})
    >>> user_items = UserItemCSR.from_interactions(rows, users=3, items=4)
    >>> user_items.counts.tolist(), user_items.item.tolist()
    ([2, 0, 1], [1, 3, 1])
    >>> user_items.contains(torch.tensor([0, 2]), torch.tensor([[3, 2], [1, 3]])).tolist()
    [[True, False], [True, False]]
    """

    start: Tensor  # [U + 1]
    item: Tensor  # [E]
    num_items: int  # I
    weight: Tensor | None = None  # [E] how much each item counts; None: 1

    @classmethod
    def from_interactions(cls, rows: pl.DataFrame, users: int, items: int) -> Self:
        """Group rows (columns user, item: row numbers) of so many `users` and `items`, without weights."""
        keys = torch.from_numpy(distinct_keys(pair_keys(rows, items)))  # [E]
        start = torch.zeros(users + 1, dtype=torch.long)
        start[1:] = torch.bincount(keys // max(1, items), minlength=users).cumsum(0)
        return cls(start, keys.remainder_(max(1, items)), items)

    def to(self, device: torch.device) -> UserItemCSR:
        """The same on another device."""
        weight = None if self.weight is None else self.weight.to(device)
        return UserItemCSR(self.start.to(device), self.item.to(device), self.num_items, weight)

    @property
    def counts(self) -> Tensor:
        """[U] items of each user."""
        return self.start.diff()

    def gather_pairs(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """All (place in `users`, item) pairs of the given users ([B] row numbers): [P], [P]."""
        place, entry = self.find_entries(users)
        return place, self.item[entry]

    def find_entries(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """All (place in `users`, place in `item`) pairs of the given users, as `gather_pairs`: [P], [P]."""
        count = self.counts[users]  # [B]
        place = torch.repeat_interleave(torch.arange(len(users), device=users.device), count)  # [P]
        within = torch.arange(len(place), device=users.device) - torch.repeat_interleave(count.cumsum(0) - count, count)
        return place, self.start[users][place] + within

    @property
    def values(self) -> Tensor:
        """[E] the weights; ones, float32, where there are none."""
        return torch.ones(len(self.item), device=self.item.device) if self.weight is None else self.weight

    @property
    def unweighted(self) -> UserItemCSR:
        """The same items, each counted once."""
        return UserItemCSR(self.start, self.item, self.num_items)

    def with_weights(self, weight: Tensor) -> UserItemCSR:
        """The same items with other weights [E]."""
        return UserItemCSR(self.start, self.item, self.num_items, weight)

    def scale(self, factor: float) -> UserItemCSR:
        """The same with weights that are `factor` times as large."""
        return self.with_weights(self.values * factor)

    def resize(self, users: int, items: int) -> UserItemCSR:
        """The same among more users, who have no items, and more items."""
        more = self.start[-1:].expand(users - len(self.counts))
        return UserItemCSR(torch.cat([self.start, more]), self.item, items, self.weight)

    def select_users(self, users: Tensor) -> UserItemCSR:
        """The given users ([n] row numbers) alone, in that order."""
        count, entry = self.counts[users], self.find_entries(users)[1]
        start, weight = torch.cat([count.new_zeros(1), count.cumsum(0)]), self.weight
        return UserItemCSR(start, self.item[entry], self.num_items, None if weight is None else weight[entry])

    def keep_used(self) -> tuple[UserItemCSR, Tensor]:
        """The same of the items alone that anybody has, numbered anew, and which these are: [i] ascending."""
        used = torch.zeros(self.num_items, dtype=torch.bool, device=self.item.device)  # [I]
        used[self.item] = True
        items = used.nonzero().squeeze(1)
        number = used.cumsum(0) - 1  # [I]
        return UserItemCSR(self.start, number[self.item], len(items), self.weight), items

    def union(self, other: UserItemCSR) -> UserItemCSR:
        """The items that each user has in either; as many users and items as the larger has. Weights, where one has
        them, are summed; an item without one counts 1.
        """
        items, users = max(self.num_items, other.num_items), max(len(self.counts), len(other.counts))
        pairs = [part.gather_pairs(torch.arange(len(part.counts), device=part.item.device)) for part in (self, other)]
        keys, place = torch.cat([user * items + item for user, item in pairs]).unique(return_inverse=True)  # ascending
        weight = None
        if self.weight is not None or other.weight is not None:
            weight = torch.bincount(place, torch.cat([self.values, other.values]).double(), minlength=len(keys)).float()
        count = torch.bincount(keys // items, minlength=users)
        return UserItemCSR(torch.cat([count.new_zeros(1), count.cumsum(0)]), keys % items, items, weight)

    def sum_vectors(self, vectors: Tensor) -> Tensor:
        """The sum of the item vectors [I, D] over each user's items, by their weights: [U, D]."""
        return self.resize(len(self.counts), len(vectors)).to_sparse(vectors.dtype) @ vectors

    def to_sparse(self, dtype: torch.dtype | None = None) -> Tensor:
        """[U, I] CSR of the weights, or of ones."""
        return make_csr(
            self.start, self.item, self.values.to(dtype or torch.float32), (len(self.counts), self.num_items)
        )

    def to_scipy(self) -> csr_matrix:
        """R [U, I] of the weights, or of ones, as a SciPy matrix, float32, on the CPU."""
        values, size = self.values.cpu().numpy(), (len(self.counts), self.num_items)
        return sparse.csr_matrix((values, self.item.cpu().numpy(), self.start.cpu().numpy()), shape=size)

    def contains(self, users: Tensor, items: Tensor) -> Tensor:
        """[B, K] True where items[b, k] is an item of users[b]; by binary search, without a U x I table."""
        place, own = self.gather_pairs(users)
        keys = place * self.num_items + own  # [P] ascending
        asked = torch.arange(len(users), device=users.device)[:, None] * self.num_items + items  # [B, K]
        if len(keys) == 0:
            return torch.zeros_like(asked, dtype=torch.bool)
        found = keys[torch.searchsorted(keys, asked).clamp(max=len(keys) - 1)] == asked
        return found & (items >= 0)  # -1 marks an empty place
