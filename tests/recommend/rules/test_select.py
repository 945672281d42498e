"""Lists under rules are those that a brute-force search gives."""

from math import ceil, log

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reccl.data.labels import Labels
from reccl.data.user_items import UserItemCSR
from reccl.recommend.rules.diversity import Calibrated, Mmr
from reccl.recommend.rules.resolved import Candidates, ResolvedRules
from reccl.recommend.rules.select import select_top_k
from reccl.scorers import Scorer
from reccl.scorers.item_operators import ItemOperator

Pairs = set[tuple[int, int]]


class World:
    """A few users and items with distinct scores, drawn from a seed."""

    def __init__(self, seed: int, users: int, items: int, *, histories: bool = False) -> None:
        random = np.random.default_rng(seed)
        self.random, self.users, self.items = random, users, items
        one, other = (torch.from_numpy(random.normal(size=(count, 3))).float() for count in (users, items))
        self.scorer = Scorer(one, other)
        if histories:
            matrix = torch.from_numpy(random.normal(size=(items, items))).float()
            self.scorer = Scorer(one, other, self.csr(self.pairs(0.4)), (ItemOperator((matrix,)),))
        self.scores = self.scorer.scores(torch.arange(users)).double().numpy()  # [U, I]

    def pairs(self, share: float) -> Pairs:
        """Some pairs of user and item."""
        there = self.random.random((self.users, self.items)) < share
        return {(int(user), int(item)) for user, item in zip(*there.nonzero(), strict=True)}

    def csr(self, pairs: Pairs) -> UserItemCSR:
        """The same for the code."""
        rows = pl.DataFrame(sorted(pairs), schema={"user": pl.Int64, "item": pl.Int64}, orient="row")
        return UserItemCSR.from_interactions(rows, self.users, self.items)

    def choices(self, pairs: Pairs, choosers: np.ndarray) -> Candidates:
        """The pairs of the choosers, some of whom may have none."""
        rows = [(user, item) for user, item in sorted(pairs) if choosers[user]]
        rows += [(user, None) for user in choosers.nonzero()[0].tolist()]
        table = pl.DataFrame(rows, schema={"user": pl.Int64, "item": pl.Int64}, orient="row")
        return Candidates.of(table, self.users, self.items)

    def labels(self, values: int) -> list[list[str]]:
        """Up to three labels an item."""
        return [
            [f"g{value}" for value in self.random.choice(values, self.random.integers(0, min(3, values) + 1), False)]
            for _ in range(self.items)
        ]

    def select(self, k: int, hidden: Pairs, rules: ResolvedRules) -> list[list[int]]:
        """What the code gives, checked for scores and whole places."""
        lists = []
        for rows, items, scores in select_top_k(
            self.scorer, torch.arange(self.users), k, self.csr(hidden) if hidden else None, rules
        ):
            for user, some, values in zip(rows.tolist(), items.tolist(), scores.tolist(), strict=True):
                own = [item for item in some if item >= 0]
                assert values[: len(own)] == pytest.approx([self.scores[user, item] for item in own], abs=1e-4)
                assert some[len(own) :] == [-1] * (len(some) - len(own))
                lists.append(own)
        return lists


cases = settings(max_examples=30, deadline=None)
sizes = st.tuples(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 30), st.integers(1, 12))


@cases
@given(sizes, st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_filters_come_before_the_choice(
    size: tuple[int, int, int, int], histories: bool, allows: bool, excludes: bool, names: bool
) -> None:
    seed, users, items, k = size
    world = World(seed, users, items, histories=histories)
    hidden, exclude, candidates = world.pairs(0.2), world.pairs(0.2), world.pairs(0.3)
    choosers = world.random.random(users) < 0.6
    allowed = torch.from_numpy(world.random.random(items) < 0.6)
    rules = ResolvedRules(
        allowed=allowed if allows else None,
        exclude=world.csr(exclude) if excludes else None,
        candidates=world.choices(candidates, choosers) if names else None,
    )
    for user, found in enumerate(world.select(k, hidden, rules)):
        own = {item for who, item in candidates if who == user}
        chooses = names and choosers[user]
        left = [
            item
            for item in range(items)
            if (user, item) not in hidden
            and (not allows or allowed[item])
            and (not excludes or (user, item) not in exclude)
            and (not chooses or item in own)
        ]
        assert found == sorted(left, key=lambda item: -world.scores[user, item])[:k]


def room_for(item: int, taken: list[int], caps: list[tuple[list[list[str]], int]]) -> bool:
    """Whether an item fits into a list."""
    return all(sum(label in labels[other] for other in taken) < most for labels, most in caps for label in labels[item])


@cases
@given(sizes, st.integers(1, 3), st.integers(1, 4), st.booleans())
def test_at_most_so_many_of_a_label(size: tuple[int, int, int, int], most: int, values: int, two: bool) -> None:
    seed, users, items, k = size
    world = World(seed, users, items)
    caps = [(world.labels(values), most)] + ([(world.labels(2), most + 1)] if two else [])
    hidden = world.pairs(0.2)
    rules = ResolvedRules(caps=tuple((Labels.of(pl.Series(labels, dtype=pl.List(pl.String))), n) for labels, n in caps))
    for user, found in enumerate(world.select(k, hidden, rules)):
        expected: list[int] = []
        for item in sorted(range(items), key=lambda item: -world.scores[user, item]):
            if (user, item) not in hidden and len(expected) < k and room_for(item, expected, caps):
                expected.append(item)
        assert found == expected


def cosine(first: list[str], second: list[str]) -> float:
    """Of sets of labels."""
    shared = len(set(first) & set(second))
    return shared / (len(first) * len(second)) ** 0.5 if shared else 0.0


def scaled(world: World, user: int, pool: list[int]) -> dict[int, float]:
    """Scores from 0 to 1 over a pool."""
    values = [world.scores[user, item] for item in pool]
    low, high = min(values), max(values)
    return {item: (world.scores[user, item] - low) / max(high - low, 1e-12) for item in pool}


@cases
@given(sizes, st.floats(0, 1), st.integers(1, 20), st.booleans(), st.booleans())
def test_maximal_marginal_relevance(
    size: tuple[int, int, int, int], weight: float, pool: int, capped: bool, by_embedding: bool
) -> None:
    seed, users, items, k = size
    world = World(seed, users, items)
    labels, hidden = world.labels(4), world.pairs(0.2)
    column = Labels.of(pl.Series(labels, dtype=pl.List(pl.String)))
    vectors = torch.nn.functional.normalize(world.scorer.item_embeddings, dim=1)
    kind = {"vectors": vectors} if by_embedding else {"labels": column}
    by = None if by_embedding else "genre"
    rules = ResolvedRules(diversity=Mmr(weight, by=by, pool=pool), caps=((column, 2),) * capped, **kind)

    def alike(item: int, other: int) -> float:
        return float(vectors[item] @ vectors[other]) if by_embedding else cosine(labels[item], labels[other])

    for user, found in enumerate(world.select(k, hidden, rules)):
        best = [int(item) for item in np.argsort(-world.scores[user]) if (user, item) not in hidden][: max(k, pool)]
        relevance = scaled(world, user, best) if best else {}
        taken: list[int] = []
        for item in found:
            left = [o for o in best if o not in taken and (not capped or room_for(o, taken, [(labels, 2)]))]
            closest = {o: max((alike(o, other) for other in taken), default=0.0) for o in left}
            gain = {o: (1 - weight) * relevance[o] - weight * closest[o] for o in left}
            assert gain[item] == pytest.approx(max(gain.values()), abs=1e-5)
            taken.append(item)
        left = [o for o in best if o not in taken and (not capped or room_for(o, taken, [(labels, 2)]))]
        assert len(found) == k or not left


def divergence(target: dict[str, float], shares: dict[str, float]) -> float:
    """KL(p || q') as Steck writes it."""
    return sum(p * log(p / (0.99 * shares.get(g, 0.0) + 0.01 * p)) for g, p in target.items() if p > 0)


def spread(labels: list[list[str]], items: list[int]) -> dict[str, float]:
    """p(g) of a set of items: the mean of p(g | i) over those with labels."""
    total: dict[str, float] = {}
    labeled = [item for item in items if labels[item]]
    for item in labeled:
        for label in labels[item]:
            total[label] = total.get(label, 0.0) + 1 / len(labels[item]) / len(labeled)
    return total


@cases
@given(sizes, st.floats(0, 1), st.booleans())
def test_calibration(size: tuple[int, int, int, int], weight: float, capped: bool) -> None:
    seed, users, items, k = size
    world = World(seed, users, items)
    labels, past, hidden = world.labels(4), world.pairs(0.3), world.pairs(0.2)
    column = Labels.of(pl.Series(labels, dtype=pl.List(pl.String)))
    diversity, caps = Calibrated("genre", weight, pool=15), ((column, 2),) * capped
    rules = ResolvedRules(diversity=diversity, labels=column, past=world.csr(past), caps=caps)
    for user, found in enumerate(world.select(k, hidden, rules)):
        best = [int(item) for item in np.argsort(-world.scores[user]) if (user, item) not in hidden][: max(k, 15)]
        relevance = scaled(world, user, best) if best else {}
        target = spread(labels, [i for who, i in sorted(past) if who == user])
        taken: list[int] = []
        for item in found:
            left = [o for o in best if o not in taken and (not capped or room_for(o, taken, [(labels, 2)]))]
            gain = {one: relevance[one] for one in left}
            for one in gain if target else ():
                gain[one] = (1 - weight) * gain[one] - weight * divergence(target, spread(labels, [*taken, one]))
            assert gain[item] == pytest.approx(max(gain.values()), abs=1e-4)
            taken.append(item)
        left = [o for o in best if o not in taken and (not capped or room_for(o, taken, [(labels, 2)]))]
        assert len(found) == k or not left


def test_many_items_of_which_few_are_allowed_go_through_blocks() -> None:
    world = World(3, 300, 20_000)
    allowed = torch.from_numpy(world.random.random(20_000) < 0.7)
    hidden = {(user, item) for user in range(300) for item in world.random.integers(0, 20_000, 5).tolist()}
    found = world.select(10, hidden, ResolvedRules(allowed=allowed))
    scores = world.scores.copy()
    scores[:, ~allowed.numpy()] = -np.inf
    for user, item in hidden:
        scores[user, item] = -np.inf
    for user in (0, 7, 299):
        assert found[user] == np.argsort(-scores[user])[:10].tolist()


@cases
@given(sizes, st.floats(0, 1), st.floats(0, 5), st.booleans(), st.booleans())
def test_new_items_have_their_share_and_their_boost(
    size: tuple[int, int, int, int], share: float, boost: float, allows: bool, names: bool
) -> None:
    seed, users, items, k = size
    world = World(seed, users, items)
    hidden, candidates = world.pairs(0.2), world.pairs(0.5)
    choosers = world.random.random(users) < 0.6
    allowed, is_new = (world.random.random(items) < part for part in (0.7, 0.3))
    rules = ResolvedRules(
        allowed=torch.from_numpy(allowed) if allows else None,
        candidates=world.choices(candidates, choosers) if names else None,
        new_items=torch.from_numpy(is_new),
        new_item_share=share,
        new_item_boost=boost,
    )
    for user, found in enumerate(world.select(k, hidden, rules)):
        own = {item for who, item in candidates if who == user}
        chooses = names and choosers[user]
        left = [
            item
            for item in range(items)
            if (user, item) not in hidden and (not allows or allowed[item]) and (not chooses or item in own)
        ]
        spread_of_best = np.std([world.scores[user, item] for item in left]) if left else 0.0  # fewer than the pool
        rank = {item: world.scores[user, item] + boost * spread_of_best * is_new[item] for item in left}
        order = sorted(left, key=lambda item: -rank[item])
        sure = [item for item in order if is_new[item]][: min(k, ceil(share * k - 1e-9))]
        others = [item for item in order if item not in sure][: k - len(sure)]
        assert len(found) == len(set(found)) == min(k, len(left))
        expected = sorted(sure + others, key=lambda item: -rank[item])
        assert [rank[item] for item in found] == pytest.approx([rank[item] for item in expected], abs=1e-4)
        assert sum(bool(is_new[item]) for item in found) >= len(sure)
