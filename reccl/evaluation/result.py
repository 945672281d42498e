"""EvaluationResult: metrics of every user, of all of them and of groups, and their means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from reccl.data.columns import USER
from reccl.data.ids import IdMap
from reccl.evaluation.item_hits import ItemHits
from reccl.evaluation.slices import GROUPS, HARMONIC_MEANS

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Group:
    """Users of a group whose relevant items, or whose lists, are not those of the plain metrics."""

    users: Tensor  # [n]
    per_user: Mapping[str, Tensor]  # name_at_k -> [n], float64


@dataclass(frozen=True)
class EvaluationResult:
    """Metrics of one held-out part."""

    users: Tensor  # [n] users with at least one relevant item
    per_user: Mapping[str, Tensor]  # name_at_k -> [n], float64
    catalog: Mapping[str, float]  # coverage_at_k
    members: Mapping[str, Tensor] = field(default_factory=dict)  # slice of users, and overall -> [n] bool
    groups: Mapping[str, Group] = field(default_factory=dict)  # slice of items, cold, warm
    item_hits: ItemHits | None = None  # of the lists of all items

    def means(self) -> dict[str, float]:
        """Every metric, averaged over users where it is one of users; those of groups as `cold_items/recall_at_20`."""
        of_groups = {
            f"{group}/{name}": value for group, means in self.group_means().items() for name, value in means.items()
        }
        return {**user_means(self.per_user), **self.catalog, **of_groups}

    def group_means(self) -> dict[str, dict[str, float]]:
        """Group -> metric -> mean, harmonic means included."""
        found = {group: user_means(per_user) for group, _, per_user in self.by_group()}
        for name, (one, other) in HARMONIC_MEANS.items():
            if one in found and other in found:
                found[name] = {metric: harmonic_mean(found[one][metric], found[other][metric]) for metric in found[one]}
        return {name: found[name] for name in GROUPS if name in found}

    def group_sizes(self) -> dict[str, int]:
        """How many users each group's mean is over."""
        return {group: len(users) for group, users, _ in self.by_group()}

    def by_group(self) -> Iterator[tuple[str, Tensor, Mapping[str, Tensor]]]:
        """(group, its users, their metrics)."""
        for name, members in self.members.items():
            yield name, self.users[members], {metric: values[members] for metric, values in self.per_user.items()}
        for name, group in self.groups.items():
            yield name, group.users, group.per_user

    def to_frame(self, ids: IdMap) -> pl.DataFrame:
        """One row a user, raw id first: metrics, slices of users as booleans, metrics of groups (null: not counted)."""
        rows = pl.Series(self.users.numpy())
        columns: dict[str, pl.Series] = {USER: ids.ids.gather(rows)}
        columns |= {name: pl.Series(values.float().numpy()) for name, values in self.per_user.items()}
        columns |= {name: pl.Series(members.numpy()) for name, members in self.members.items()}
        frame = pl.DataFrame({"__row": rows, **columns})
        for name, group in self.groups.items():
            values = {f"{name}/{metric}": pl.Series(of.float().numpy()) for metric, of in group.per_user.items()}
            of_group = pl.DataFrame({"__row": pl.Series(group.users.numpy()), **values})
            frame = frame.join(of_group, on="__row", how="left", maintain_order="left")
        return frame.drop("__row")


def user_means(per_user: Mapping[str, Tensor]) -> dict[str, float]:
    """The mean of each metric over users."""
    return {name: float(values.mean()) for name, values in per_user.items()}


def harmonic_mean(a: float, b: float) -> float:
    """2 a b / (a + b), 0 where both are: high only where both are.

    >>> harmonic_mean(0.5, 0.25), harmonic_mean(0.5, 0.0)
    (0.3333333333333333, 0.0)
    """
    return 2 * a * b / (a + b) if a + b else 0.0


def select_metric(frame: pl.DataFrame, metric: str) -> pl.DataFrame | None:
    """User and value of one metric of an `EvaluationResult.to_frame`, e.g. recall_at_20 or cold_users/recall_at_20.

    None where the frame does not have it: means over groups, such as harmonic ones, have no value for a user.
    """
    group, _, name = metric.rpartition("/")
    if metric in frame.columns:
        return frame.select(USER, value=metric).drop_nulls()
    if group in frame.columns and name in frame.columns:
        return frame.filter(group).select(USER, value=name)
    return None
