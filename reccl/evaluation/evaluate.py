"""Evaluate: full ranking of all items for every user with held-out interactions, of all of them and of groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Self

import polars as pl
from pydantic import Field

from reccl.data.columns import ITEM
from reccl.data.dataset import Dataset
from reccl.data.pairs import drop_pairs
from reccl.data.user_items import UserItemCSR
from reccl.evaluation.item_hits import ItemHits
from reccl.evaluation.result import EvaluationResult, Group
from reccl.evaluation.slices import GROUPS, Slices
from reccl.evaluation.top_k import best_items, score_chunks, top_k, top_k_bytes
from reccl.lazy import torch
from reccl.memory import ROW, Need, Sizes
from reccl.metrics import PER_USER, coverage
from reccl.scorers import Scorer
from reccl.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

ALL = ""
"""Name of the plain metrics among the groups'."""
CANDIDATES = ("cold", "warm")
"""Scenarios whose lists hold the items of one slice only, cold_items or warm_items."""

WORKING = 30
"""Bytes for each known interaction while they are grouped by user."""


class Evaluation(Settings):
    """What is measured."""

    cutoffs: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (10, 20)
    """List lengths (k) at which every metric is taken."""
    hide: Literal["known", "none", "train"] = "known"
    """Items left out of a user's list: those of train and validation rows when test is measured (known), or of training
    rows alone (train), as ColdRec, GAR and ALDI do; held-out rows that repeat one do not count then. Or nothing (none),
    for what is bought again and again; `reccl recommend` then lists what users had, too."""

    def memory(self, sizes: Sizes, users: int) -> tuple[Need, ...]:
        """Bytes of ranking all items for so many `users`: what is known of everybody, lists, hits and metrics, and the
        scores of a chunk; `WORKING` for each row while rows are grouped.
        """
        lists = users * (5 * ROW * max(self.cutoffs) + ROW * len(self.cutoffs) * (len(PER_USER) + 1))
        known = ROW * (sizes.known + 2 * sizes.num_users)
        return (
            Need("known interactions", known, WORKING * sizes.known),
            Need("evaluation's lists", lists, top_k_bytes(sizes, users), ("evaluation.cutoffs",)),
        )

    def metric_names(self) -> list[str]:
        """Every metric's name, e.g. ndcg_at_10."""
        return [f"{name}_at_{k}" for k in self.cutoffs for name in (*PER_USER, "coverage")]

    def group_metric_names(self) -> list[str]:
        """Every metric's name for every group that a split can have, e.g. overall/ndcg_at_10."""
        return [f"{group}/{name}_at_{k}" for group in GROUPS for k in self.cutoffs for name in PER_USER]


@dataclass(frozen=True, eq=False)
class Evaluator:
    """Held-out interactions, grouped by user once, to measure any number of scorers of the same users and items.

    >>> held_out = pl.DataFrame({"user": [0, 1], "item": [2, 0]})
    >>> trained = pl.DataFrame({"user": [0, 1], "item": [0, 1]})
    >>> evaluator = Evaluator.of_rows(held_out, trained, Evaluation(cutoffs=(1,)), num_users=2, num_items=3)
    >>> scorer = Scorer(torch.eye(2), torch.tensor([[3.0, 1.0], [2.0, 3.0], [1.0, 2.0]]))
    >>> evaluator(scorer).means()["recall_at_1"]
    0.0
    """

    evaluation: Evaluation
    users: Tensor  # [n] with at least one relevant item
    relevant: Mapping[str, UserItemCSR]  # ALL, slice of items, cold, warm -> every user's relevant items
    seen: UserItemCSR  # items left out of every user's list
    candidates: Mapping[str, Tensor]  # cold, warm -> [I] bool: the items that are ranked
    members: Mapping[str, Tensor]  # slice of users, overall -> [n] bool

    @classmethod
    def of(
        cls,
        data: Dataset,
        part: str,
        evaluation: Evaluation,
        *,
        groups: bool = True,
        device: torch.device | str = "cpu",
    ) -> Self:
        """Of one part of a data set, `validation` or `test`, with the `groups` that its training rows make.

        Rows of pairs that are hidden are not relevant. `data` is what the scorers are trained on: after a refit,
        `Dataset.merge_validation()`.
        """
        size = (len(data.user_ids), len(data.item_ids))
        hidden = data.hidden_before(part, evaluation.hide)
        slices = Slices.of(data.train, *size) if groups else None
        relevant = drop_pairs(data.part(part), hidden, len(data.item_ids))
        return cls.of_rows(relevant, hidden, evaluation, *size, slices, device)

    @classmethod
    def of_rows(
        cls,
        relevant: pl.DataFrame,
        known: pl.DataFrame,
        evaluation: Evaluation,
        num_users: int,
        num_items: int,
        slices: Slices | None = None,
        device: torch.device | str = "cpu",
    ) -> Self:
        """Of tables of user and item row numbers; see `evaluate`."""
        slices = slices or Slices({}, {})
        present = slices.present_groups(relevant)

        def group_rows(rows: pl.DataFrame) -> UserItemCSR:
            return UserItemCSR.from_interactions(rows, num_users, num_items).to(torch.device(device))

        slices = slices.to(torch.device(device))
        targets = {ALL: group_rows(relevant)}
        for name, items in slices.item_slices.items():
            if name in present:
                targets[name] = group_rows(relevant.filter(pl.Series(items.cpu().numpy()).gather(relevant[ITEM])))
        targets |= {name: targets[f"{name}_items"] for name in CANDIDATES if name in present}
        users = targets[ALL].counts.nonzero().squeeze(1)  # [n]
        members = {name: of[users] for name, of in slices.user_slices.items() if name in present}
        if "overall" in present:
            members["overall"] = (targets["cold"].counts[users] > 0) & (targets["warm"].counts[users] > 0)
        candidates = {name: slices.item_slices[f"{name}_items"] for name in CANDIDATES if name in present}
        return cls(evaluation, users, targets, group_rows(known), candidates, members)

    def __call__(self, scorer: Scorer) -> EvaluationResult:
        """Rank and measure; see `evaluate`."""
        longest, scenarios = max(self.evaluation.cutoffs), bool(self.candidates)
        lists: list[Tensor] = []
        hits: dict[str, list[Tensor]] = {name: [] for name in self.relevant}
        chunks = (
            score_chunks(scorer, self.users, self.seen) if scenarios else top_k(scorer, self.users, longest, self.seen)
        )
        for users, found, *_ in chunks:  # found: scores [b, I] where candidates are ranked apart, else lists [b, K]
            best = best_items(found, longest)[0] if scenarios else found  # [b, K]
            lists.append(best)
            for name, relevant in self.relevant.items():
                counted = relevant.counts[users] > 0  # [b]
                ranked = best[counted]
                if name in self.candidates:
                    ranked = rank_candidates(self.candidates[name], found, counted.nonzero().squeeze(1), ranked)
                hits[name].append(relevant.contains(users[counted], ranked))
        return self.summarize(torch.cat(lists) if lists else torch.empty(0, longest).long(), hits)

    def measure_lists(self, lists: Tensor) -> EvaluationResult:
        """Measure lists [n, K] of `users`, in their order, by whomever they were made; -1 where an item is unknown.

        Scenarios whose lists hold the items of one slice only (cold, warm) are left out: these lists hold all.
        """
        lists, hits = lists.to(self.users.device), {}
        for name, relevant in self.relevant.items():
            if name not in self.candidates:
                counted = relevant.counts[self.users] > 0  # [n]
                hits[name] = [relevant.contains(self.users[counted], lists[counted])]
        return self.summarize(lists, hits)

    def summarize(self, ranked: Tensor, hits: Mapping[str, list[Tensor]]) -> EvaluationResult:
        """The result of lists [n, K] of `users`, and of the hits of each group by chunk."""
        groups = {}
        for name in hits:
            relevant = self.relevant[name]
            counts = relevant.counts[self.users]  # [n]
            counted = counts > 0
            groups[name] = Group(self.users[counted].cpu(), self.user_metrics(hits[name], counts[counted]))
        plain = groups.pop(ALL)
        items = self.seen.num_items
        catalog = {f"coverage_at_{k}": coverage(ranked[:, :k], items) for k in self.evaluation.cutoffs}
        members = {name: of.cpu() for name, of in self.members.items()}
        held_out = torch.bincount(self.relevant[ALL].item, minlength=items)  # [I]
        found = torch.cat(hits[ALL]) if hits[ALL] else ranked > 0  # [n, K]
        item_hits = ItemHits.of(ranked, found, held_out, self.evaluation.cutoffs)
        return EvaluationResult(plain.users, plain.per_user, catalog, members, groups, item_hits)

    def user_metrics(self, hits: list[Tensor], counts: Tensor) -> dict[str, Tensor]:
        """name_at_k -> [n], from hits by chunk ([b, K] each) and numbers of relevant items [n]."""
        cutoffs = self.evaluation.cutoffs
        whole = torch.cat(hits).double() if hits else torch.empty(0, max(cutoffs)).double()
        return {
            f"{name}_at_{k}": metric(resize_lists(whole, k), counts).cpu()
            for k in cutoffs
            for name, metric in PER_USER.items()
        }


def evaluate(
    scorer: Scorer,
    relevant: pl.DataFrame,
    known: pl.DataFrame,
    evaluation: Evaluation,
    slices: Slices | None = None,
) -> EvaluationResult:
    """Rank all items for every user of `relevant`, hide the `known` ones, and measure the lists.

    Both tables hold user and item row numbers. An item that is both known and relevant can not be recommended; it
    still counts as relevant. No user at all gives empty metrics (nan means). An `Evaluator` does the same for many
    scorers, and groups the rows once.

    With `slices` the same pass gives, for every group that `relevant` has:
    - slices of users: the same metrics, averaged over those users;
    - slices of items: the same lists, and only the slice's items are relevant. A user counts who has one;
    - the three scenarios of strict item cold start, in which relevant and ranked are: cold: cold items; warm: warm
      items; overall: all items, and only users count who have both cold and warm relevant items. (ColdRec, Bei et al.
      2024, https://github.com/YuanchenBei/ColdRec; GAR, Chen et al., SIGIR 2022; ALDI, Huang et al., SIGIR 2023.)

    >>> scorer = Scorer(torch.eye(2), torch.tensor([[3.0, 1.0], [2.0, 3.0], [1.0, 2.0]]))  # user 0: items 0, 1, 2
    >>> known = pl.DataFrame({"user": [0, 1], "item": [0, 1]})
    >>> held_out = pl.DataFrame({"user": [0, 1], "item": [1, 0]})
    >>> result = evaluate(scorer, held_out, known, Evaluation(cutoffs=(1, 2)))
    >>> result.per_user["recall_at_1"].tolist(), result.means()["mrr_at_2"]
    ([1.0, 0.0], 0.75)
    """
    evaluator = Evaluator.of_rows(
        relevant, known, evaluation, scorer.num_users, scorer.num_items, slices, scorer.device
    )
    return evaluator(scorer)


def rank_candidates(candidates: Tensor, scores: Tensor, users: Tensor, lists: Tensor) -> Tensor:
    """Lists of candidates ([I] bool) alone, for the given users ([n]) of a chunk: scores [b, I] -> [n, K].

    `lists` [n, K] are their lists of all items; those that hold candidates alone stay as they are.
    """
    again = (~candidates[lists.clamp(min=0)] & (lists >= 0)).any(1)  # [n]
    items = candidates.nonzero().squeeze(1)  # [C]
    places, _ = best_items(scores[users[again][:, None], items], lists.shape[1])  # of [m, C]
    ranked = lists.clone()
    ranked[again] = resize_lists(items[places.clamp(min=0)].masked_fill(places < 0, -1), lists.shape[1], empty=-1)
    return ranked


def resize_lists(lists: Tensor, k: int, empty: int = 0) -> Tensor:
    """[n, k]: the first k places, `empty` ones at the end where the lists are shorter."""
    return torch.nn.functional.pad(lists[:, :k], (0, max(0, k - lists.shape[1])), value=empty)
