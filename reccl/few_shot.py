"""Few-shot: what the first interactions of cold users and cold items add to a recorded model, without training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import polars as pl
import torch
from torch import Tensor

from reccl.cold_start.fold_in import fold_in
from reccl.cold_start.fold_in_estimator import FoldInEstimator
from reccl.cold_start.sources import FOLD_IN, rank_unknown_by_popularity
from reccl.data.columns import ITEM, USER
from reccl.data.dataset import Dataset
from reccl.errors import RunError
from reccl.evaluation import Evaluation, Slices, UserItemCSR
from reccl.evaluation.k_shot import SHOTS, FoldIn, k_shot_curve, split_shots
from reccl.recommend import Model
from reccl.scorers import Scorer

Curve = Mapping[int, Mapping[str, float]]  # interactions given -> metric -> mean
POPULARITY = "popularity"
"""Ends the name of a baseline's curve: most interactions first, those that are given counted."""


def few_shot_curves(
    model: Model,
    data: Dataset,
    evaluation: Evaluation,
    *,
    shots: Sequence[int] = SHOTS,
    seed: int = 42,
    log: Callable[[str], None] = lambda _: None,
) -> dict[str, Curve]:
    """The k-shot curves `cold_users` and `cold_items`, and each beside popularity, of a model trained on `data.train`.

    A cold node is embedded anew at every point from the rows given to it (`reccl.cold_start.fold_in`); with no row it
    keeps the embedding that the model gives it. Items are embedded from their users as users are from their items,
    where scores are products of embeddings; another scorer has no curve for them. Raises RunError where no cold node
    has enough rows.
    """
    curves: dict[str, Curve] = {}
    known = data.known_before("test")
    for side, fold_in_side in ((USER, user_fold_in(model, data)), (ITEM, item_fold_in(model, data))):
        split = split_shots(data.test, side, cold_nodes(data, side), max(shots), seed)
        if not split.nodes:
            continue
        if fold_in_side is None:
            log(f"no curve for cold {side}s: this scorer ranks from the items that users have, and embeds no new items")
            continue
        log(f"{split.nodes:,} cold {side}s with more than {max(shots):,} rows")
        slices = Slices.of(data.train, len(data.user_ids), len(data.item_ids)) if side == ITEM else None
        for name, each in ((f"cold_{side}s", fold_in_side), (f"cold_{side}s_{POPULARITY}", popularity_fold_in(data))):
            curves[name] = k_shot_curve(each, split, known, evaluation, shots, slices)
    if not curves:
        raise RunError(
            f"no cold user or item has more than {max(shots)} test rows: train with a split that has such, e.g. "
            "data.split.kind=cold_users, or give fewer --shots"
        )
    return curves


def cold_nodes(data: Dataset, side: str) -> Tensor:
    """[n] True for the users (items) without training rows."""
    size = len(data.user_ids if side == USER else data.item_ids)
    return torch.bincount(torch.from_numpy(data.train[side].to_numpy(writable=True)).long(), minlength=size) == 0


def user_fold_in(model: Model, data: Dataset) -> FoldIn:
    """Embeds users from the items given to them."""
    scorer, towers = model.scorer, model.towers
    every_item = None if towers.items is None else torch.ones_like(scorer.item_embeddings[:, 0], dtype=torch.bool)
    users = None if towers.users is None else cold_nodes(data, USER).to(scorer.device)
    trained = group_by_user(data.train, scorer)

    def fold_in_users(given: pl.DataFrame) -> Scorer:
        own = group_by_user(given, scorer)
        prior = model.feature_prior
        folded = fold_in(scorer, trained, own, feature_items=every_item, feature_users=users, feature_prior=prior)
        placed = torch.where(own.counts > 0, FOLD_IN, model.sources.users)
        return rank_unknown_by_popularity(folded, replace(model.sources, users=placed), model.popularity)

    return fold_in_users


def item_fold_in(model: Model, data: Dataset) -> FoldIn | None:
    """Embeds items from the users given to them: the same with the sides swapped. None where scores are no products.

    An item that has an embedding from its features keeps it, and moves by how its users differ from the average item's.
    """
    if model.scorer.history is not None or model.scorer.personal is not None:
        return None
    scorer = swap_scorer(model.scorer)
    every_user = None if model.towers.users is None else torch.ones_like(scorer.item_embeddings[:, 0], dtype=torch.bool)
    trained = group_by_user(swap_sides(data.train), scorer)
    estimate = FoldInEstimator.of(scorer, trained, every_user)

    def fold_in_items(given: pl.DataFrame) -> Scorer:
        own = group_by_user(swap_sides(given), scorer)
        if model.towers.items is None:
            folded = swap_scorer(fold_in(scorer, trained, own, feature_items=every_user))
            placed = torch.where(own.counts > 0, FOLD_IN, model.sources.items)
            return rank_unknown_by_popularity(folded, replace(model.sources, items=placed), model.popularity)
        rows = own.counts.nonzero().squeeze(1)  # [n]
        empty = group_by_user(swap_sides(given.clear()), scorer)
        step = estimate(own.select_users(rows)) - estimate(empty.select_users(rows))  # [n, D]
        return swap_scorer(Scorer(scorer.user_embeddings.index_add(0, rows, step), scorer.item_embeddings))

    return fold_in_items


def popularity_fold_in(data: Dataset) -> FoldIn:
    """Most interactions first, those given counted."""

    def rank_by_popularity(given: pl.DataFrame) -> Scorer:
        items = torch.from_numpy(pl.concat([data.train[ITEM], given[ITEM]]).to_numpy(writable=True)).long()
        counts = torch.bincount(items, minlength=len(data.item_ids)).float()
        return Scorer(torch.ones(len(data.user_ids), 1), counts[:, None])

    return rank_by_popularity


def swap_scorer(scorer: Scorer) -> Scorer:
    """Users and items in each other's place."""
    return Scorer(scorer.item_embeddings, scorer.user_embeddings)


def swap_sides(rows: pl.DataFrame) -> pl.DataFrame:
    """Users and items in each other's place."""
    return rows.select(pl.col(ITEM).alias(USER), pl.col(USER).alias(ITEM))


def group_by_user(rows: pl.DataFrame, scorer: Scorer) -> UserItemCSR:
    """Rows grouped by user, on the scorer's device."""
    return UserItemCSR.from_interactions(rows, scorer.num_users, scorer.num_items).to(scorer.device)
