"""Strong generalization: users whom the model has never seen, with some of their items given."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import polars as pl
from pydantic import Field, model_validator
from typing_extensions import override

from reccl.data.columns import ITEM, USER
from reccl.data.splits.holdout import Fraction, HeldOut, Split, apply_by_user
from reccl.lazy import np


class StrongGeneralization(Split):
    """A random share of the users is for test, another for validation; none of their rows is a training row.

    A share of each such user's rows is given when the user is measured, and folded in (`reccl.cold_start.fold_in`);
    the others are to be predicted. The protocol of Liang et al., Variational Autoencoders for Collaborative Filtering,
    WWW 2018, https://arxiv.org/abs/1802.05814, on ML-20M, Netflix and MSD (10,000, 40,000 and 50,000 users a part):
    80 % given, the number to be predicted rounded down, items without a training row left out. They report NDCG@100 and
    a recall over min(k, relevant items), here `capped_recall`.

    Where we differ: items without training rows are dropped after a user's rows were drawn, not before.

    >>> rows = pl.DataFrame({"user": sorted([0, 1, 2, 3] * 5), "item": [*range(5)] * 4})
    >>> held = StrongGeneralization(test_users=1, validation_users=0.25).split(rows)
    >>> held.test.sum(), held.given_test.sum(), held.validation.sum(), held.given_validation.sum()
    (1, 4, 1, 4)
    """

    kind: Literal["strong_generalization"] = "strong_generalization"
    of_pairs: ClassVar[bool] = True
    of_users: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = (ITEM,)
    keep_cold: bool = False
    """Keep held-out rows whose item has no training rows; false drops them. Held-out users stay in any case."""
    test_users: Fraction | Annotated[int, Field(ge=1)] = 0.1
    """Share of the users, or their number, whose rows are for test."""
    validation_users: Fraction | Annotated[int, Field(ge=1)] = 0.1
    """Share of the users, or their number, whose rows are for validation."""
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of each such user's rows that is to be predicted, rounded down; the others are given. A user with too few
    rows for one is not measured."""

    @model_validator(mode="after")
    def _leave_some(self) -> Self:
        """Refuse shares that leave no user to train on."""
        shares = [share for share in (self.test_users, self.validation_users) if share < 1]
        if sum(shares) >= 1:
            raise ValueError("test_users + validation_users must be below 1: no user is left to train on")
        return self

    @override
    def split(self, rows: pl.DataFrame) -> HeldOut:
        random = np.random.default_rng(self.seed)
        users = rows[USER].unique().drop_nulls().sort()
        shuffled = users.gather(random.permutation(len(users)))
        tested, validated = (count_of(wanted, len(users)) for wanted in (self.test_users, self.validation_users))
        of_test, of_validation = (
            rows[USER].is_in(some.implode()).fill_null(False)
            for some in (shuffled[:tested], shuffled[tested : tested + validated])
        )
        drawn = rows.select(USER, draw=pl.Series(random.random(rows.height)))
        chosen = pl.col("draw").rank("ordinal").over(USER) <= (pl.len() * self.held_out).floor().over(USER)
        target = apply_by_user(drawn, lambda some: some.select(chosen).to_series())
        return HeldOut(of_test & target, of_validation & target, of_test & ~target, of_validation & ~target)


def count_of(wanted: float, users: int) -> int:
    """A number of users, or a share of them as one."""
    return round(wanted * users) if wanted < 1 else int(wanted)
