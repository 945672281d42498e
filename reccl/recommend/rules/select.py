"""Select: the best items of every user under rules."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from reccl.data.user_items import UserItemCSR
from reccl.evaluation.top_k import best_items, score_chunks, top_k
from reccl.recommend.rules.at_most import take_at_most
from reccl.recommend.rules.diversity import Calibrated
from reccl.recommend.rules.new_items import POOL, give_places, lift_of, places_for
from reccl.recommend.rules.rerank import rerank_calibrated, rerank_mmr
from reccl.recommend.rules.resolved import Candidates, ResolvedRules
from reccl.scorers import Scorer


def select_top_k(
    scorer: Scorer, users: Tensor, k: int, hidden: UserItemCSR | None, rules: ResolvedRules
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The same as `reccl.evaluation.top_k`, under rules: (users [b], items [b, k], scores [b, k]).

    Filters are applied to all items before any is chosen. Scores stay those of the model: after a re-ranking they need
    not fall with the rank.
    """
    if rules.new_items is not None:
        yield from select_with_new_items(scorer, users, k, hidden, rules)
        return
    greedy = bool(rules.caps) or rules.diversity is not None
    if not greedy and rules.candidates is None and not scorer.item_operators:
        yield from top_k_among(scorer, users, k, join(hidden, rules.exclude), rules.allowed)
        return
    for rows, scores in score_chunks(scorer, users, join(hidden, rules.exclude)):
        if rules.allowed is not None:
            scores[:, ~rules.allowed] = -torch.inf
        if rules.candidates is not None:
            keep_candidates(scores, rows, rules.candidates)
        items, best = choose(scores.cpu(), rows.cpu(), k, rules) if greedy else best_items(scores, k)
        yield rows, items, best


def select_with_new_items(
    scorer: Scorer, users: Tensor, k: int, hidden: UserItemCSR | None, rules: ResolvedRules
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """`select_top_k`, with the boost of new items, and in every list their share."""
    assert rules.new_items is not None
    rest, is_new = replace(rules, new_items=None), rules.new_items
    of_new = replace(rest, allowed=is_new if rules.allowed is None else is_new & rules.allowed)
    places, boost = places_for(rules.new_item_share, k), rules.new_item_boost
    for rows, items, best in select_top_k(scorer, users, max(k, POOL) if boost else k, hidden, rest):
        found = [(new, scores) for _, new, scores in select_top_k(scorer, rows, k if boost else places, hidden, of_new)]
        new_items, new_best = (torch.cat(each).to(best.device) for each in zip(*found, strict=True))
        fresh = is_new.to(best.device)
        rules.places_before.count += int((fresh[items[:, :k].clamp(min=0)] & (items[:, :k] >= 0)).sum())
        yield rows, *give_places(items, best, new_items, new_best, fresh, k, places, lift_of(best, boost))


def choose(scores: Tensor, rows: Tensor, k: int, rules: ResolvedRules) -> tuple[Tensor, Tensor]:
    """The list of each user by caps and diversity: [b, I] -> items [b, k], scores [b, k]."""
    if rules.diversity is None:
        return take_at_most(scores, k, rules.caps)
    items, best = best_items(scores, max(k, rules.diversity.pool))  # [b, p]
    items, best = pad(items, (0, 1), value=-1), pad(best, (0, 1), value=-torch.inf)  # [b, p + 1] an empty place
    pool, size, weight = (items, best), min(k, items.shape[1] - 1), rules.diversity.weight
    if isinstance(rules.diversity, Calibrated):
        assert rules.labels is not None and rules.past is not None
        order = rerank_calibrated(*pool, size, weight, rules.labels, rules.past.select_users(rows), rules.caps)
    else:
        order = rerank_mmr(*pool, size, weight, rules.labels, rules.vectors, rules.caps)
    return items.gather(1, order), best.gather(1, order)


def top_k_among(
    scorer: Scorer, users: Tensor, k: int, hidden: UserItemCSR | None, allowed: Tensor | None
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """`top_k` of a scorer of embeddings among the `allowed` items ([I] bool), which are all that is scored."""
    if allowed is None:
        yield from top_k(scorer, users, k, hidden)
        return
    rows = allowed.nonzero().squeeze(1)  # [i]
    if not len(rows):
        yield users, users.new_full((len(users), 1), -1), scorer.item_embeddings.new_full((len(users), 1), -torch.inf)
        return
    among = Scorer(scorer.user_embeddings, scorer.item_embeddings[rows])
    for chunk, items, best in top_k(among, users, k, None if hidden is None else select_items(hidden, allowed)):
        yield chunk, torch.where(items >= 0, rows.to(items.device)[items.clamp(min=0)], -1), best


def select_items(pairs: UserItemCSR, allowed: Tensor) -> UserItemCSR:
    """Pairs of the `allowed` items ([I] bool) alone, which are numbered anew."""
    keep = allowed[pairs.item]  # [E]
    number = allowed.cumsum(0) - 1  # [I]
    before = torch.cat([keep.new_zeros(1, dtype=torch.long), keep.cumsum(0)])  # [E + 1]
    return UserItemCSR(before[pairs.start], number[pairs.item[keep]], int(allowed.sum()))


def join(first: UserItemCSR | None, second: UserItemCSR | None) -> UserItemCSR | None:
    """The pairs of either."""
    if first is None or second is None:
        return first or second
    return first.union(second)


def keep_candidates(scores: Tensor, rows: Tensor, candidates: Candidates) -> None:
    """Set scores [b, I] of other items to -inf for the users who choose among candidates of their own."""
    place, item = candidates.items.gather_pairs(rows)
    own = torch.ones_like(scores, dtype=torch.bool)
    own[candidates.choosers[rows]] = False
    own[place, item] = True
    scores.masked_fill_(~own, -torch.inf)
