"""K-shot: how fast lists improve as cold users or cold items get their first interactions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from torch import Tensor

from reccl.data.columns import ITEM, USER
from reccl.evaluation.evaluate import Evaluation, Evaluator
from reccl.evaluation.slices import Slices
from reccl.scorers import Scorer

SHOTS = (0, 1, 3, 5, 10)
"""Interactions that a cold node is given."""

FoldIn = Callable[[pl.DataFrame], Scorer]
"""From given rows (user, item: row numbers) to a scorer that takes them into account, without training."""


@dataclass(frozen=True)
class KShotSplit:
    """Held-out rows of cold nodes, split into those that are given and those that are to be predicted."""

    given: pl.DataFrame  # user, item, shot: the first, second, .. row that its node is given, from 0
    targets: pl.DataFrame  # user, item
    nodes: int  # cold nodes with enough rows


def split_shots(rows: pl.DataFrame, side: str, cold: Tensor, max_shots: int, seed: int) -> KShotSplit:
    """Give `max_shots` rows of every cold node, in a seeded order, and keep the rest as targets.

    Args:
        rows: held-out user and item row numbers.
        side: `user` or `item`: whose nodes are cold.
        cold: [n] True for each cold node of that side.
        max_shots: the largest number of interactions given. Nodes with no row beyond them are left out.
        seed: of the order.

    """
    own = rows.select(USER, ITEM).unique().sort(USER, ITEM)
    own = own.filter(pl.Series(cold.cpu().numpy()).gather(own[side]))
    draw = pl.Series(np.random.default_rng(seed).permutation(own.height))
    ordered = own.with_columns(draw.alias("shot")).filter(pl.len().over(side) > max_shots)
    ordered = ordered.with_columns(pl.col("shot").rank("ordinal").over(side) - 1).sort(USER, ITEM)
    is_given = pl.col("shot") < max_shots
    return KShotSplit(ordered.filter(is_given), ordered.filter(~is_given).drop("shot"), ordered[side].n_unique())


def k_shot_curve(
    fold_in: FoldIn,
    split: KShotSplit,
    known: pl.DataFrame,
    evaluation: Evaluation,
    shots: Sequence[int] = SHOTS,
    slices: Slices | None = None,
) -> dict[int, dict[str, float]]:
    """Metrics after each number of given interactions: shots -> metric -> mean over users.

    All items are ranked; with `slices`, their cold items alone (the scenario `cold` of `evaluate`), so that cold items
    do not gain by standing above all warm ones.

    Every point has the same users, targets and candidates: the `known` rows and all rows that are given sooner or later
    are hidden at every point. (Warm-up in steps as in Warm Up Cold-start Advertisements, Pan et al., SIGIR 2019;
    https://doi.org/10.1145/3331184.3331268. Where we differ: full ranking instead of predicted clicks, and the model
    is not trained on what is given.)
    """
    given = split.given.select(USER, ITEM)
    hidden = pl.concat([known.select(USER, ITEM), given])
    evaluator, curve = None, {}
    for number in shots:
        scorer = fold_in(given.filter(split.given["shot"] < number))
        evaluator = evaluator or Evaluator.of_rows(
            split.targets, hidden, evaluation, scorer.num_users, scorer.num_items, slices, scorer.device
        )
        result = evaluator(scorer)
        curve[number] = result.group_means()["cold"] if slices else result.means()
    return curve
