"""Diversity: how the best of a list are put in another order, so that it is less of the same."""

from dataclasses import dataclass

from reccl.errors import ConfigError

POOL = 100
"""Best items that a list is chosen from, unless k asks for more."""


@dataclass(frozen=True)
class Mmr:
    """Maximal marginal relevance, Carbonell and Goldstein, SIGIR 1998: one item after another is taken that maximizes

    (1 - weight) s(u, i) - weight max over j in the list of sim(i, j),

    with s scaled to [0, 1] over the pool of a user's best items, and sim the cosine of the two items' labels in the
    column `by`, or of their embeddings without one.

    weight 0 is the order of scores. Where we differ: weight is that of diversity (1 - lambda there).
    """

    weight: float = 0.3
    by: str | None = None
    pool: int = POOL

    def __post_init__(self) -> None:
        """Raise ConfigError for what cannot be."""
        check_weight("mmr", self.weight, self.pool)


@dataclass(frozen=True)
class Calibrated:
    """Calibrated recommendations, Steck, RecSys 2018 (https://doi.org/10.1145/3240323.3240372): lists whose shares of
    labels are those of the user's past. One item after another is taken that maximizes

    (1 - weight) sum over i in the list of s(u, i) - weight KL(p || q),   q' = (1 - .01) q + .01 p in place of q,

    with p(g | u) the mean over the user's items of p(g | i), an item's labels in the column `by` sharing one, q(g | u)
    the same of the list, and s scaled to [0, 1] over the pool. Users without labels in their past keep their order.
    """

    by: str
    weight: float = 0.5
    pool: int = POOL

    def __post_init__(self) -> None:
        """Raise ConfigError for what cannot be."""
        check_weight("calibrated", self.weight, self.pool)


Diversity = Mmr | Calibrated


def check_weight(name: str, weight: float, pool: int) -> None:
    """Raise ConfigError where a weight is not a share, or a pool is empty."""
    if not 0 <= weight <= 1:
        raise ConfigError(f"{name} weight {weight}: it is a share, from 0 (scores alone) to 1")
    if pool < 1:
        raise ConfigError(f"{name} pool {pool}: at least one item")
