"""EvaluationResult: metrics of every user, of all of them and of groups, and their means."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl
from torch import Tensor

from reccl.data.columns import USER
from reccl.data.ids import IdMap
from reccl.evaluation.slices import GROUPS, HARMONIC


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

    def means(self) -> dict[str, float]:
        """Every metric, averaged over users where it is one of users; those of groups as `cold_items/recall_at_20`."""
        plain = {**{name: float(values.mean()) for name, values in self.per_user.items()}, **self.catalog}
        return plain | {
            f"{group}/{name}": value for group, means in self.of_groups().items() for name, value in means.items()
        }

    def of_groups(self) -> dict[str, dict[str, float]]:
        """Group -> metric -> mean, harmonic means included."""
        found = {group: averaged(per_user) for group, _, per_user in self.per_group()}
        for name, (one, other) in HARMONIC.items():
            if one in found and other in found:
                found[name] = {metric: harmonic(found[one][metric], found[other][metric]) for metric in self.per_user}
        return {name: found[name] for name in GROUPS if name in found}

    def sizes(self) -> dict[str, int]:
        """How many users each group's mean is over."""
        return {group: len(users) for group, users, _ in self.per_group()}

    def per_group(self) -> Iterator[tuple[str, Tensor, Mapping[str, Tensor]]]:
        """(group, its users, their metrics)."""
        for name, members in self.members.items():
            yield name, self.users[members], {metric: values[members] for metric, values in self.per_user.items()}
        for name, group in self.groups.items():
            yield name, group.users, group.per_user

    def table(self, ids: IdMap) -> pl.DataFrame:
        """One row a user, raw id first: metrics, slices of users as booleans, metrics of groups (null: not counted)."""
        numbers = pl.Series(self.users.numpy())
        columns: dict[str, pl.Series] = {USER: ids.ids.gather(numbers)}
        columns |= {name: pl.Series(values.float().numpy()) for name, values in self.per_user.items()}
        columns |= {name: pl.Series(members.numpy()) for name, members in self.members.items()}
        made = pl.DataFrame({"__row": numbers, **columns})
        for name, group in self.groups.items():
            values = {f"{name}/{metric}": pl.Series(of.float().numpy()) for metric, of in group.per_user.items()}
            theirs = pl.DataFrame({"__row": pl.Series(group.users.numpy()), **values})
            made = made.join(theirs, on="__row", how="left", maintain_order="left")
        return made.drop("__row")


def averaged(per_user: Mapping[str, Tensor]) -> dict[str, float]:
    """The mean of each metric over users."""
    return {name: float(values.mean()) for name, values in per_user.items()}


def harmonic(one: float, other: float) -> float:
    """2 a b / (a + b), 0 where both are: high only where both are."""
    return 2 * one * other / (one + other) if one + other else 0.0


def values_of(table: pl.DataFrame, metric: str) -> pl.DataFrame | None:
    """Columns user and value of one metric of a `EvaluationResult.table`, e.g. recall_at_20, cold_users/recall_at_20.

    None where the table does not have it: means over groups, such as harmonic ones, have no value for a user.
    """
    group, _, name = metric.rpartition("/")
    if metric in table.columns:
        return table.select(USER, value=metric).drop_nulls()
    if group in table.columns and name in table.columns:
        return table.filter(group).select(USER, value=name)
    return None
