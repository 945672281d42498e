"""Interactions by user: which items each user has, in compressed rows."""

from dataclasses import dataclass
from typing import Self

import polars as pl
import torch
from torch import Tensor

from reccl.data.columns import ITEM, USER


@dataclass(frozen=True)
class UserItemCSR:
    """Items of every user: those of user u are item[start[u] : start[u + 1]], ascending, each once."""

    start: Tensor  # [U + 1]
    item: Tensor  # [E]
    num_items: int  # I

    @classmethod
    def of(cls, rows: pl.DataFrame, users: int, items: int) -> Self:
        """Group rows (user, item: row numbers)."""
        pairs = rows.select(USER, ITEM).unique().sort(USER, ITEM)
        count = torch.bincount(torch.from_numpy(pairs[USER].to_numpy(writable=True)).long(), minlength=users)
        start = torch.cat([torch.zeros(1, dtype=torch.long), count.cumsum(0)])
        return cls(start, torch.from_numpy(pairs[ITEM].to_numpy(writable=True)).long(), items)

    def to(self, device: torch.device) -> "UserItemCSR":
        """The same on another device."""
        return UserItemCSR(self.start.to(device), self.item.to(device), self.num_items)

    @property
    def counts(self) -> Tensor:
        """[U] items of each user."""
        return self.start.diff()

    def pairs(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """All (place in `users`, item) pairs of the given users: [P], [P]."""
        count = self.counts[users]  # [B]
        place = torch.repeat_interleave(torch.arange(len(users), device=users.device), count)  # [P]
        within = torch.arange(len(place), device=users.device) - torch.repeat_interleave(count.cumsum(0) - count, count)
        return place, self.item[self.start[users][place] + within]

    def within(self, users: int, items: int) -> "UserItemCSR":
        """The same among more users, who have nothing, and more items."""
        more = self.start[-1:].expand(users - len(self.counts))
        return UserItemCSR(torch.cat([self.start, more]), self.item, items)

    def some(self, users: Tensor) -> "UserItemCSR":
        """The given users ([n] row numbers) alone, in that order."""
        count = self.counts[users]
        return UserItemCSR(torch.cat([count.new_zeros(1), count.cumsum(0)]), self.pairs(users)[1], self.num_items)

    def union(self, other: "UserItemCSR") -> "UserItemCSR":
        """The items that each user has here or there; as many users and items as the larger has."""
        items, users = max(self.num_items, other.num_items), max(len(self.counts), len(other.counts))
        pairs = [part.pairs(torch.arange(len(part.counts), device=part.item.device)) for part in (self, other)]
        keys = torch.cat([user * items + item for user, item in pairs]).unique()  # ascending
        count = torch.bincount(keys // items, minlength=users)
        return UserItemCSR(torch.cat([count.new_zeros(1), count.cumsum(0)]), keys % items, items)

    def sums(self, vectors: Tensor) -> Tensor:
        """The sum of the item vectors [I, D] over each user's items: [U, D]."""
        return self.within(len(self.counts), len(vectors)).sparse(vectors.dtype) @ vectors

    def sparse(self, kind: torch.dtype = torch.float32) -> Tensor:
        """[U, I] CSR of ones."""
        ones = torch.ones(len(self.item), dtype=kind, device=self.item.device)
        size = (len(self.counts), self.num_items)
        return torch.sparse_csr_tensor(self.start, self.item, ones, size, check_invariants=False)

    def contains(self, users: Tensor, items: Tensor) -> Tensor:
        """[B, K] True where items[b, k] is one of users[b]'s; by binary search, no table of U x I."""
        place, own = self.pairs(users)
        keys = place * self.num_items + own  # [P] ascending
        asked = torch.arange(len(users), device=users.device)[:, None] * self.num_items + items  # [B, K]
        if len(keys) == 0:
            return torch.zeros_like(asked, dtype=torch.bool)
        found = keys[torch.searchsorted(keys, asked).clamp(max=len(keys) - 1)] == asked
        return found & (items >= 0)  # -1 marks an empty place
