"""Warm-up: what the first interactions of cold users and cold items bring to a recorded model, without training."""

from collections.abc import Callable, Mapping, Sequence

import polars as pl
import torch
from torch import Tensor

from reccl.cold_start.fold_in import fold_in
from reccl.cold_start.fold_in_estimator import FoldInEstimator
from reccl.data.columns import ITEM, USER
from reccl.data.dataset import Dataset
from reccl.errors import RunError
from reccl.evaluation import Evaluation, Slices, UserItemCSR
from reccl.evaluation.k_shot import SHOTS, Fold, curve, deal
from reccl.recommend import Model
from reccl.scorers import Scorer

Curve = Mapping[int, Mapping[str, float]]  # interactions given -> metric -> mean
POPULARITY = "popularity"
"""Ends the name of a curve to compare with: most interactions first, those that are given counted."""


def few_shot_curves(
    model: Model,
    data: Dataset,
    evaluation: Evaluation,
    *,
    shots: Sequence[int] = SHOTS,
    seed: int = 42,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Curve]:
    """The k-shot curves `cold_users` and `cold_items`, and each beside popularity, of a model trained on `data.train`.

    A cold node is placed anew at every point by the rows given to it (`reccl.cold_start.fold_in`); with no row it stays
    where the model has it. Items are placed by their users as users are by their items, where scores are products of
    embeddings; another scorer has no curve for them. Raises RunError where no cold node has rows enough.
    """
    curves: dict[str, Curve] = {}
    known = data.known_before("test")
    for side, fold in (("user", folds_users(model, data)), ("item", folds_items(model, data))):
        dealt = deal(data.test, side, untrained(data, side), max(shots), seed)
        if not dealt.nodes:
            continue
        if fold is None:
            say(f"no curve for cold {side}s: this scorer ranks from what users have, and has no place for new items")
            continue
        say(f"{dealt.nodes:,} cold {side}s with {max(shots):,} rows to give and more to ask")
        among = Slices.of(data.train, len(data.user_ids), len(data.item_ids)) if side == ITEM else None
        curves[f"cold_{side}s"] = curve(fold, dealt, known, evaluation, shots, among)
        curves[f"cold_{side}s_{POPULARITY}"] = curve(folds_popularity(data), dealt, known, evaluation, shots, among)
    if not curves:
        raise RunError(
            f"no cold user or item has more than {max(shots)} test rows: train with a split that has such, e.g. "
            "data.split.kind=cold_users, or give fewer --shots"
        )
    return curves


def untrained(data: Dataset, side: str) -> Tensor:
    """[n] True for the users (items) without training rows."""
    size = len(data.user_ids if side == USER else data.item_ids)
    return torch.bincount(torch.from_numpy(data.train[side].to_numpy(writable=True)).long(), minlength=size) == 0


def folds_users(model: Model, data: Dataset) -> Fold:
    """Users placed by the items given to them."""
    scorer, towers = model.scorer, model.towers
    every_item = None if towers.items is None else torch.ones_like(scorer.item_embeddings[:, 0], dtype=torch.bool)
    described = None if towers.users is None else untrained(data, USER).to(scorer.user_embeddings.device)
    trained = by_user(data.train, scorer)

    def fold(given: pl.DataFrame) -> Scorer:
        own = by_user(given, scorer)
        return fold_in(scorer, trained, own, placed=every_item, described=described, feature_prior=model.feature_prior)

    return fold


def folds_items(model: Model, data: Dataset) -> Fold | None:
    """Items placed by the users given to them: the same with the sides exchanged. None where scores are no products.

    An item that has its place by features keeps it, and moves by what its users say beyond the average item.
    """
    if model.scorer.history is not None:
        return None
    scorer = Scorer(model.scorer.item_embeddings, model.scorer.user_embeddings)
    every_user = None if model.towers.users is None else torch.ones_like(scorer.item_embeddings[:, 0], dtype=torch.bool)
    trained = by_user(exchanged(data.train), scorer)
    estimate = FoldInEstimator.of(scorer, trained, every_user)

    def fold(given: pl.DataFrame) -> Scorer:
        own = by_user(exchanged(given), scorer)
        if model.towers.items is None:
            return exchanged_scorer(fold_in(scorer, trained, own, placed=every_user))
        rows = own.counts.nonzero().squeeze(1)  # [n]
        nobody = by_user(exchanged(given.clear()), scorer)
        step = estimate(own.select_users(rows)) - estimate(nobody.select_users(rows))  # [n, D]
        return exchanged_scorer(Scorer(scorer.user_embeddings.index_add(0, rows, step), scorer.item_embeddings))

    return fold


def folds_popularity(data: Dataset) -> Fold:
    """Most interactions first, those given counted."""

    def fold(given: pl.DataFrame) -> Scorer:
        items = torch.from_numpy(pl.concat([data.train[ITEM], given[ITEM]]).to_numpy(writable=True)).long()
        counts = torch.bincount(items, minlength=len(data.item_ids)).float()
        return Scorer(torch.ones(len(data.user_ids), 1), counts[:, None])

    return fold


def exchanged_scorer(scorer: Scorer) -> Scorer:
    """Users and items in each other's place."""
    return Scorer(scorer.item_embeddings, scorer.user_embeddings)


def by_user(rows: pl.DataFrame, scorer: Scorer) -> UserItemCSR:
    """Rows grouped, on the scorer's device."""
    return UserItemCSR.from_interactions(rows, len(scorer.user_embeddings), len(scorer.item_embeddings)).to(
        scorer.item_embeddings.device
    )


def exchanged(rows: pl.DataFrame) -> pl.DataFrame:
    """Users and items in each other's place."""
    return rows.select(pl.col(ITEM).alias(USER), pl.col(USER).alias(ITEM))
