"""Placement: where the parameters of each user, or item, of new data come from."""

from dataclasses import dataclass

import polars as pl
import torch
from torch import Tensor

from reccl.data.columns import ITEM, USER
from reccl.data.dataset import Dataset
from reccl.data.ids import IdMap, contrast_ids
from reccl.data.user_items import UserItemCSR
from reccl.errors import DataError
from reccl.recommend import Model


@dataclass(frozen=True)
class Placement:
    """The n nodes of one side of new data, and what an earlier model knows of them."""

    carried: Tensor  # [n] row of the earlier model whose parameters a node takes over; -1: none
    history: UserItemCSR  # [n] rows of the other side, in the earlier model, that training rows join a new node to
    features: Tensor  # [n] bool: nodes that are new, have no such row, and have features that a tower reads

    @property
    def folded(self) -> Tensor:
        """[n] bool: new nodes that are placed by their training rows."""
        return (self.carried < 0) & (self.history.counts > 0)

    def describe(self) -> str:
        """How many nodes come from where.

        >>> history = UserItemCSR(torch.tensor([0, 2, 3, 3]), torch.tensor([0, 1, 1]), 2)
        >>> Placement(torch.tensor([4, -1, -1]), history, torch.zeros(3, dtype=torch.bool)).describe()
        '1 carried over, 1 placed by their rows, 1 as without'
        """
        counts = {
            "carried over": int((self.carried >= 0).sum()),
            "placed by their rows": int(self.folded.sum()),
            "placed by their features": int(self.features.sum()),
        }
        rest = len(self.carried) - sum(counts.values())
        return ", ".join(f"{count:,} {what}" for what, count in {**counts, "as without": rest}.items() if count)


def place_nodes(model: Model, data: Dataset) -> dict[str, Placement]:
    """Side (user, item) -> placement of its nodes in `data`. Raises DataError where the model knows none of them.

    An id is carried over where the model has interactions of it: other rows were never trained.
    """
    sides = {USER: (model.user_ids, data.user_ids), ITEM: (model.item_ids, data.item_ids)}
    rows = {side: match_ids(old, new) for side, (old, new) in sides.items()}
    degrees = {
        USER: model.known.counts,
        ITEM: torch.bincount(model.known.item, minlength=len(model.item_ids)),
    }
    carried = {side: torch.where(degrees[side][found.clamp(min=0)] > 0, found, -1) for side, found in rows.items()}
    for side, (old, new) in sides.items():
        if not (carried[side] >= 0).any():
            raise DataError(f"no {side} of this data was trained on in the earlier run: {contrast_ids(new.ids, old)}")
    towers = {USER: (model.towers.users, data.user_table), ITEM: (model.towers.items, data.item_table)}
    made = {}
    for side, other in ((USER, ITEM), (ITEM, USER)):
        history = join_rows(data.train, side, other, carried, len(degrees[other]))
        tower, table = towers[side]
        left = (carried[side] < 0) & (history.counts == 0)
        made[side] = Placement(
            carried[side], history, left if tower is not None and table is not None else torch.zeros_like(left)
        )
    return made


def match_ids(old: IdMap, new: IdMap) -> Tensor:
    """[n] row among the old ids of each new one; -1: it is not there."""
    return torch.from_numpy(old.to_rows(new.ids).fill_null(-1).to_numpy(writable=True)).long()


def join_rows(train: pl.DataFrame, side: str, other: str, carried: dict[str, Tensor], size: int) -> UserItemCSR:
    """Of each new node of a side, the carried nodes of the other side that it has training rows with, by old row."""
    new = pl.Series((carried[side] < 0).numpy())
    rows = train.filter(new.gather(train[side]))
    old = pl.Series(carried[other].numpy()).gather(rows[other])
    pairs = pl.DataFrame({USER: rows[side], ITEM: old}).filter(pl.col(ITEM) >= 0)
    return UserItemCSR.from_interactions(pairs, len(carried[side]), size)
