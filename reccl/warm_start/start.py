"""Start: the parameters of an earlier run, carried over by raw id into an encoder of new data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import torch
from torch import Tensor

from reccl.cold_start.fold_in_estimator import FoldInEstimator
from reccl.data.columns import ITEM, USER
from reccl.data.dataset import Dataset
from reccl.data.features import FittedFeatures
from reccl.data.user_items import UserItemCSR
from reccl.encoders import EncoderSettings
from reccl.errors import RunError, join_names
from reccl.evaluation import Evaluation
from reccl.recommend import Model
from reccl.recommend.known_pairs import MOST_KNOWN, count_known_pairs
from reccl.scorers import Scorer
from reccl.warm_start.placement import Placement, place_nodes

if TYPE_CHECKING:
    from reccl.encoders import Encoder

SCALED = ("numeric", "date", "bins", "rbf")
"""Kinds of features whose columns mean nearly the same after they are fitted again."""
RIDGE = 1e-3
"""Ridge of the map from scorer to parameters, as a share of the mean eigenvalue."""


@dataclass(frozen=True)
class WarmStart:
    """Where a training begins: an earlier run's encoder at its best epoch, and its model, which knows the ids.

    Rows of ids that are known are carried over by id. A new node that has training rows with known ones is placed by
    them: the fold-in estimator (`reccl.cold_start.fold_in_estimator`), fitted to the rows of the earlier parameters in
    place of the scorer's embeddings, for items with the sides swapped. A new node without such rows, but with features
    that the earlier model's tower reads, is placed by the tower, whose output a ridge regression over the known nodes
    maps to the parameters. The others begin as without a warm start. Weights of networks are carried over as they are.
    Optimizer, schedule and all that terms learn (temperatures, predictors) begin anew.
    """

    run: str  # id
    name: str
    encoder: Mapping[str, Any]  # its settings, as YAML has them; empty: a closed form
    state: Mapping[str, Tensor]  # of the encoder
    model: Model

    def check(self, settings: EncoderSettings | None, data: Dataset, evaluation: Evaluation) -> dict[str, Placement]:
        """Where every node's parameters will come from; empty where there is nothing to carry.

        Raises RunError where the encoders do not fit, or where the earlier run has seen what is to be predicted,
        DataError where no id is known.
        """
        if settings is None:
            return {}
        if not self.encoder:
            raise RunError(f"{self.described} cannot be started from: it is a closed form, without an encoder")
        old, new = self.encoder, settings.model_dump(mode="json")
        for key in ("kind", "class", "dimension"):
            if old.get(key) != new.get(key):
                raise RunError(
                    f"{self.described} cannot be started from: its encoder.{key} is {old.get(key)}, here {new.get(key)}"
                )
        known, pairs = count_known_pairs(self.model, data, evaluation.hide)
        if evaluation.hide != "none" and known > MOST_KNOWN * pairs:  # else a pair may be known, and come again
            raise RunError(
                f"{self.described} knew {known:,} of the {pairs:,} pairs that are to be predicted, so that its "
                "parameters hold answers: split by time (data.split.kind=temporal) in both runs, or train without it"
            )
        return place_nodes(self.model, data)

    def describe(self, placements: Mapping[str, Placement]) -> str:
        """What is carried over, in one line."""
        if not placements:
            return f"{self.described}: nothing to carry over, a closed form is computed from the rows alone"
        return f"{self.described}: " + "; ".join(f"{side}s {made.describe()}" for side, made in placements.items())

    @property
    def described(self) -> str:
        """The run in a few words."""
        return f"run {self.run[:8]} ({self.name})"

    @torch.no_grad()
    def carry_into(self, encoder: Encoder, placements: Mapping[str, Placement], data: Dataset) -> None:
        """Give a fresh encoder of `data` these parameters, in place. Raises RunError where they do not fit."""
        fresh = {name: tensor.detach().cpu() for name, tensor in encoder.state_dict().items()}
        tables = encoder.node_tables()
        if not tables:
            raise RunError(f"encoder {type(encoder).__name__} names no tables of its nodes, which a warm start needs")
        self.require_fit(fresh, tables)
        self.require_features(encoder.fitted_features())
        old = {USER: len(self.model.user_ids), ITEM: len(self.model.item_ids)}
        parts = {
            name: dict(zip(sides, self.state[name].split([old[side] for side in sides]), strict=True))
            for name, sides in tables.items()
        }  # name -> side -> [n, D]
        placed = self.place(parts, placements, data, by_features=not encoder.fitted_features())
        started = dict(self.state)
        for name, sides in tables.items():
            new = fresh[name].split([len(placements[side].carried) for side in sides])
            rows = [
                fill(placements[side], part, parts[name][side], placed.get(side))
                for side, part in zip(sides, new, strict=True)
            ]
            started[name] = torch.cat(rows)
        encoder.load_state_dict({name: started[name] for name in fresh})

    def require_fit(self, fresh: Mapping[str, Tensor], tables: Mapping[str, tuple[str, ...]]) -> None:
        """Raise RunError where the parameters have other names, or other shapes but for the number of nodes."""
        if fresh.keys() != self.state.keys():
            apart = fresh.keys() ^ self.state.keys()
            raise RunError(
                f"{self.described} cannot be started from: only one of both encoders has {join_names(apart)}"
            )
        for name, tensor in fresh.items():
            first = 1 if name in tables else 0  # rows may differ
            if tensor.shape[first:] != self.state[name].shape[first:]:
                shapes = (list(each.shape[first:]) for each in (self.state[name], tensor))
                raise RunError("{} cannot be started from: its {} is {}, here {}".format(self.described, name, *shapes))

    def require_features(self, features: Mapping[str, FittedFeatures]) -> None:
        """Raise RunError where the encoder's networks read other columns than those of the earlier run."""
        towers = {USER: self.model.towers.users, ITEM: self.model.towers.items}
        for side, new in features.items():
            tower = towers[side]
            old = tower.features if tower is not None and isinstance(tower.features, FittedFeatures) else None
            if old is None or not same_columns(old, new):
                raise RunError(
                    f"{self.described} cannot be started from: its encoder reads features of {side}s, whose columns "
                    "are not those of this data (a word is new or gone), or were not kept: train without it"
                )

    def place(
        self,
        parts: Mapping[str, Mapping[str, Tensor]],
        placements: Mapping[str, Placement],
        data: Dataset,
        *,
        by_features: bool,
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Side -> which of its nodes ([n] bool) get a new row, and the rows [m, D]: by training rows, then features."""
        rows = {side: part for sides in parts.values() for side, part in sides.items()}  # side -> [n, D]
        made = {}
        for side, other in ((USER, ITEM), (ITEM, USER)):
            placement = placements[side]
            which = torch.zeros_like(placement.carried, dtype=torch.bool)
            values = torch.zeros(len(which), rows[side].shape[1]) if side in rows else torch.zeros(0)
            if {side, other} <= rows.keys() and placement.folded.any():
                known = self.model.known if side == USER else swap_sides(self.model.known)
                estimate = FoldInEstimator.of(Scorer(rows[side].float(), rows[other].float()), known)
                new = placement.folded.nonzero().squeeze(1)
                values[new] = estimate(placement.history.select_users(new))
                which = which | placement.folded
            if side in rows and by_features and placement.features.any():
                values[placement.features] = self.embed(side, placement, rows[side], data)
                which = which | placement.features
            if which.any():
                made[side] = which, values[which]
        return made

    def embed(self, side: str, placement: Placement, rows: Tensor, data: Dataset) -> Tensor:
        """Parameters [m, D] of nodes by their features; `rows` [n, D] are the earlier ones of the side.

        Ridge regression, over the nodes that are carried over, of their parameters on what the tower makes of their
        features: a content model may use components of its own in the scorer's space.
        """
        user = side == USER
        tower = self.model.towers.users if user else self.model.towers.items
        table = data.user_table if user else data.item_table
        assert tower is not None, "placed by features without a tower"
        assert table is not None, "placed by features without a table"
        known = placement.carried >= 0
        x = tower.embed(table.filter(pl.Series(known.numpy()))).double()  # [n, D']
        y = rows[placement.carried[known]].double()  # [n, D]
        new = tower.embed(table.filter(pl.Series(placement.features.numpy()))).double()  # [m, D']
        gram = (x - x.mean(0)).T @ (x - x.mean(0))  # [D', D']
        ridge = RIDGE * gram.diagonal().mean().clamp(min=1e-30)
        weight = torch.linalg.solve(gram + ridge * torch.eye(len(gram)), (x - x.mean(0)).T @ (y - y.mean(0)))  # [D', D]
        placed: Tensor = (new - x.mean(0)) @ weight + y.mean(0)
        return placed.float()


def fill(placement: Placement, fresh: Tensor, old: Tensor, placed: tuple[Tensor, Tensor] | None) -> Tensor:
    """The rows of one side [n, D]: carried over, placed, or fresh."""
    rows: Tensor = fresh.clone()
    known = placement.carried >= 0
    rows[known] = old[placement.carried[known]].to(rows)
    if placed is not None:
        rows[placed[0]] = placed[1].to(rows)
    return rows


def swap_sides(known: UserItemCSR) -> UserItemCSR:
    """Users of every item."""
    user, item = known.gather_pairs(torch.arange(len(known.counts)))
    rows = pl.DataFrame({USER: item.numpy(), ITEM: user.numpy()})
    return UserItemCSR.from_interactions(rows, known.num_items, len(known.counts))


def same_columns(old: FittedFeatures, new: FittedFeatures) -> bool:
    """Whether weights that were learned for the columns of one mean the same for the other."""
    if old.columns != new.columns:
        return False
    return all(
        one.settings.kind == other.settings.kind
        and (
            one.settings.kind in SCALED
            or (
                one.state.tensors.keys() == other.state.tensors.keys()
                and all(torch.equal(value, other.state.tensors[name]) for name, value in one.state.tensors.items())
            )
        )
        for one, other in zip(old.features, new.features, strict=True)
    )
