"""Evaluate: full ranking of all items for every user with held-out interactions, of all of them and of groups."""

from typing import Annotated, Literal

import polars as pl
import torch
from pydantic import Field
from torch import Tensor

from reccl.data.columns import ITEM
from reccl.data.user_items import UserItemCSR
from reccl.evaluation.result import EvaluationResult, Group
from reccl.evaluation.slices import GROUPS, Slices
from reccl.evaluation.top_k import best_of, scored, top_k
from reccl.metrics import PER_USER, coverage
from reccl.scorers import Scorer
from reccl.settings import Settings

CANDIDATES = ("cold", "warm")
"""Views whose lists hold the items of one slice only, cold_items or warm_items."""


class Evaluation(Settings):
    """What is measured."""

    cutoffs: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (10, 20)
    """List lengths (k) at which every metric is taken."""
    hide: Literal["known", "train"] = "known"
    """Items left out of a user's list: those of train and validation rows when test is measured (known), or of training
    rows alone (train), as ColdRec, GAR and ALDI do."""

    def names(self) -> list[str]:
        """Every metric's name, e.g. ndcg_at_10."""
        return [f"{name}_at_{k}" for k in self.cutoffs for name in (*PER_USER, "coverage")]

    def names_of_groups(self) -> list[str]:
        """Every metric's name for every group that a split can have, e.g. overall/ndcg_at_10."""
        return [f"{group}/{name}_at_{k}" for group in GROUPS for k in self.cutoffs for name in PER_USER]


def evaluate(
    scorer: Scorer,
    relevant: pl.DataFrame,
    known: pl.DataFrame,
    evaluation: Evaluation,
    slices: Slices | None = None,
) -> EvaluationResult:
    """Rank all items for every user of `relevant`, hide the `known` ones, and measure the lists.

    Both tables hold user and item row numbers. An item that is both known and relevant can not be recommended; it
    still counts as relevant. No user at all gives empty metrics (nan means).

    With `slices` the same pass gives, for every group that `relevant` has:
    - slices of users: the same metrics, averaged over those users;
    - slices of items: the same lists, and only the slice's items are relevant. A user counts if he has one;
    - the three views of strict item cold start, in which relevant and ranked are: cold: cold items; warm: warm items;
      overall: all items, and only users count who have both cold and warm relevant items. (ColdRec, Bei et al. 2024,
      https://github.com/YuanchenBei/ColdRec; GAR, Chen et al., SIGIR 2022; ALDI, Huang et al., SIGIR 2023.)
    """
    users, items, most = len(scorer.user_embeddings), len(scorer.item_embeddings), max(evaluation.cutoffs)
    device = scorer.item_embeddings.device
    slices = (slices or Slices({}, {})).to(device)
    present = slices.groups(relevant)

    def by_user(rows: pl.DataFrame) -> UserItemCSR:
        return UserItemCSR.from_interactions(rows, users, items).to(device)

    targets = {"": by_user(relevant)}
    targets |= {name: by_user(within(relevant, of)) for name, of in slices.items.items() if name in present}
    targets |= {view: targets[f"{view}_items"] for view in CANDIDATES if view in present}
    hidden, tested = by_user(known), targets[""].counts.nonzero().squeeze(1)  # [n]
    lists: list[Tensor] = []
    hits: dict[str, list[Tensor]] = {name: [] for name in targets}
    views = any(view in present for view in CANDIDATES)
    chunks = scored(scorer, tested, hidden) if views else top_k(scorer, tested, most, hidden)
    for rows, found, *_ in chunks:
        best = best_of(found, most)[0] if views else found  # [b, K]
        lists.append(best)
        for name, target in targets.items():
            asked = target.counts[rows] > 0  # [b]
            ranked = best[asked]
            if name in CANDIDATES:
                ranked = best_among(slices.items[f"{name}_items"], found, asked.nonzero().squeeze(1), ranked)
            hits[name].append(target.contains(rows[asked], ranked))
    groups = {}
    for name, target in targets.items():
        counts = target.counts[tested]  # [n]
        asked = counts > 0
        groups[name] = Group(tested[asked].cpu(), metrics(hits[name], counts[asked], evaluation))
    everybody = groups.pop("")
    members = {name: of[tested].cpu() for name, of in slices.users.items() if name in present}
    if "overall" in present:
        both = targets["cold"].counts[tested].bool() & targets["warm"].counts[tested].bool()
        members["overall"] = both.cpu()
    ranked = torch.cat(lists) if lists else torch.empty(0, most).long()  # [n, K]
    catalog = {f"coverage_at_{k}": coverage(ranked[:, :k], items) for k in evaluation.cutoffs}
    return EvaluationResult(everybody.users, everybody.per_user, catalog, members, groups)


def within(rows: pl.DataFrame, members: Tensor) -> pl.DataFrame:
    """The rows whose item is one of the members ([I] bool)."""
    return rows.filter(pl.Series(members.cpu().numpy()).gather(rows[ITEM]))


def best_among(candidates: Tensor, scores: Tensor, users: Tensor, best: Tensor) -> Tensor:
    """Lists of candidates ([I] bool) alone, for the given users ([n]) of a chunk: scores [b, I] -> [n, K].

    `best` [n, K] are their lists of all items. Those that hold candidates alone are kept as they are.
    """
    again = (~candidates[best.clamp(min=0)] & (best >= 0)).any(1)  # [n]
    items = candidates.nonzero().squeeze(1)  # [C]
    places, _ = best_of(scores[users[again][:, None], items], best.shape[1])  # of [m, C]
    lists = best.clone()
    lists[again] = at_length(items[places.clamp(min=0)].masked_fill(places < 0, -1), best.shape[1], empty=-1)
    return lists


def metrics(hits: list[Tensor], counts: Tensor, evaluation: Evaluation) -> dict[str, Tensor]:
    """name_at_k -> [n] from hits by chunk ([b, K] each) and numbers of relevant items [n]."""
    whole = torch.cat(hits).double() if hits else torch.empty(0, max(evaluation.cutoffs)).double()
    return {
        f"{name}_at_{k}": metric(at_length(whole, k), counts).cpu()
        for k in evaluation.cutoffs
        for name, metric in PER_USER.items()
    }


def at_length(lists: Tensor, k: int, empty: int = 0) -> Tensor:
    """[n, k]: the first k places, `empty` ones at the end where the lists are shorter."""
    return torch.nn.functional.pad(lists[:, :k], (0, max(0, k - lists.shape[1])), value=empty)
