"""A teacher's lists are its best items, softened to one perplexity; a student's loss is the cross-entropy with them."""

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from reccl.data.user_items import UserItemCSR
from reccl.scorers import Scorer
from reccl.scorers.perplexity import soften
from reccl.scorers.student import Lessons, list_loss, teach
from reccl.scorers.teacher_lists import TeacherLists

USERS, ITEMS, RANK = 30, 20, 4
EVERYBODY, CANDIDATES = torch.arange(USERS), torch.ones(ITEMS, dtype=torch.bool)


def softmax(values: np.ndarray) -> np.ndarray:
    weight = np.exp(values - values.max())
    return weight / weight.sum()


def perplexity_of(shares: np.ndarray) -> float:
    positive = shares[shares > 0]
    return float(np.exp(-(positive * np.log(positive)).sum()))


@pytest.fixture(scope="module")
def teacher() -> Scorer:
    """Scores of rank four, each user's on a scale of its own."""
    random = torch.Generator().manual_seed(3)
    users, items = torch.randn(USERS, RANK, generator=random), torch.randn(ITEMS, RANK, generator=random)
    return Scorer(users * torch.logspace(-2, 2, USERS)[:, None], items)


@pytest.fixture(scope="module")
def own() -> UserItemCSR:
    """The user u has the items u % 20 and (u + 7) % 20; the last user has all but two."""
    rows = [sorted({user % ITEMS, (user + 7) % ITEMS}) for user in range(USERS - 1)] + [list(range(ITEMS - 2))]
    counts = torch.tensor([0] + [len(row) for row in rows])
    return UserItemCSR(counts.cumsum(0), torch.tensor([item for row in rows for item in row]), ITEMS)


@pytest.mark.parametrize("perplexity", [1.5, 4.0, 9.5])
def test_softened_rows_have_the_perplexity_and_keep_the_proportions_of_a_softmax(perplexity: float) -> None:
    scores = np.random.default_rng(0).normal(0, [[0.01], [1], [300]], (3, 12))
    found, inverse = soften(torch.from_numpy(scores), torch.full((3,), perplexity, dtype=torch.double))
    for row, share, factor in zip(scores, found.numpy(), inverse, strict=True):
        unit = row.max() - row.mean()

        def gap(log: float, row: np.ndarray = row, unit: float = unit) -> float:
            return perplexity_of(softmax(row * np.exp(log) / unit)) - perplexity

        expected = np.exp(brentq(gap, -14, 10)) / unit
        assert float(factor) == pytest.approx(expected, rel=1e-4)
        np.testing.assert_allclose(share, softmax(row * expected), atol=1e-5)


def test_lists_are_the_best_of_what_is_not_hidden(teacher: Scorer, own: UserItemCSR) -> None:
    candidates = CANDIDATES.clone()
    candidates[3] = False
    found = TeacherLists.of(teacher, EVERYBODY, candidates, own, RANK, length=6, perplexity=2.0, seed=0)
    assert found.users.tolist() == list(range(USERS))
    scores = teacher.scores(EVERYBODY).double().numpy()
    for user, (listed, shares) in enumerate(zip(found.items.tolist(), found.shares.double().numpy(), strict=True)):
        left = [
            item for item in range(ITEMS) if item != 3 and item not in own.item[own.start[user] : own.start[user + 1]]
        ]
        expected = sorted(left, key=lambda item: -scores[user, item])[:6]
        assert listed == expected + [-1] * (6 - len(expected))
        assert shares[len(expected) :].tolist() == [0] * (6 - len(expected))
        assert perplexity_of(shares) == pytest.approx(max(1, min(2.0, len(expected) / 3)), rel=1e-3)
        assert np.all(np.diff(shares) <= 0)


def test_vectors_start_as_the_scores_less_their_means_over_the_temperature(teacher: Scorer) -> None:
    found = TeacherLists.of(teacher, EVERYBODY, CANDIDATES, None, RANK, length=9, perplexity=2.0, seed=0)
    scores = teacher.scores(EVERYBODY).double().numpy()
    started = (found.user_vectors @ found.item_vectors.T).double().numpy()
    for user in range(USERS):
        listed, shares = found.items[user].long().numpy(), found.shares[user].double().numpy()
        inverse = np.log(shares[0] / shares[3]) / (scores[user, listed[0]] - scores[user, listed[3]])
        expected = inverse * (scores[user] - scores[user].mean())
        np.testing.assert_allclose(started[user], expected, atol=2e-2 * np.abs(expected).max())
    assert float(found.user_vectors.square().mean()) == pytest.approx(float(found.item_vectors.square().mean()))


def test_users_for_whom_all_items_are_alike_teach_nothing() -> None:
    users = torch.tensor([[1.0], [0.0], [-2.0]])
    flat = Scorer(users, torch.arange(5.0)[:, None])
    found = TeacherLists.of(flat, torch.arange(3), torch.ones(5, dtype=torch.bool), None, 1, 5, 2.0, 0)
    assert found.users.tolist() == [0, 2]
    nobody = TeacherLists.of(flat, torch.tensor([1]), torch.ones(5, dtype=torch.bool), None, 1, 5, 2.0, 0)
    learned, items = teach(nobody, None, Lessons(2, 4, 0.1, 10, 0))
    assert learned.shape == (0, 1) and items.isfinite().all()


@pytest.fixture(scope="module")
def batch() -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(1)
    users, items = torch.randn(3, 5, generator=random), torch.randn(8, 5, generator=random)
    lists = torch.tensor([[4, 0, 7], [1, 2, 3], [6, 5, -1]])
    shares = torch.tensor([[0.5, 0.25, 0.25], [0.4, 0.4, 0.2], [0.9, 0.1, 0.0]])
    return users, items, lists, shares


HIDDEN = (torch.tensor([0, 0, 2]), torch.tensor([1, 2, 0]))


def test_the_loss_is_the_cross_entropy_of_the_softmax_over_what_is_not_hidden(batch: tuple[torch.Tensor, ...]) -> None:
    users, items, lists, shares = (part.numpy() for part in batch)
    logits, total = (users @ items.T).astype(float), 0.0
    logits[HIDDEN] = -np.inf
    for row, listed, share in zip(logits, lists, shares, strict=True):
        p = softmax(row)
        total -= sum(q * np.log(p[item]) for item, q in zip(listed, share, strict=True) if item >= 0)
    assert float(list_loss(*batch, HIDDEN)) == pytest.approx(total / 3, rel=1e-5)
    everything = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    assert float(list_loss(*batch, HIDDEN, everything)) == pytest.approx(total / 3, rel=1e-5)


def test_drawn_items_stand_for_the_rest_without_bias(batch: tuple[torch.Tensor, ...]) -> None:
    users, items, lists, shares = (part[:1] if part.shape[0] == 3 else part for part in batch)
    hidden = (HIDDEN[0][:2], HIDDEN[1][:2])
    own = float((shares * (users @ items.T)[0, lists]).sum())
    sums = [
        float((list_loss(users, items, lists, shares, hidden, torch.tensor(drawn)) + own).exp())
        for drawn in combinations(range(8), 6)  # of 3 that are neither listed nor hidden, one at least is drawn
    ]
    exact = float((list_loss(users, items, lists, shares, hidden) + own).exp())
    assert np.mean(sums) == pytest.approx(exact, rel=1e-4)
    assert np.std(sums) > 0.01 * exact


@pytest.mark.parametrize("candidates", [100, 12], ids=["all", "drawn"])
def test_fewer_dimensions_than_the_teacher_has_learn_more_than_its_decomposition(
    teacher: Scorer, own: UserItemCSR, candidates: int
) -> None:
    lists = TeacherLists.of(teacher, EVERYBODY, CANDIDATES, own, 2, length=12, perplexity=3.0, seed=0)
    learned = teach(lists, own, Lessons(60, 8, 0.05, candidates, 0))
    before, after = (
        float(list_loss(users, items, lists.items.long(), lists.shares, own.gather_pairs(EVERYBODY)))
        for users, items in ((lists.user_vectors, lists.item_vectors), learned)
    )
    entropy = -float((lists.shares * lists.shares.clamp(min=1e-30).log()).sum(1).mean())
    assert entropy < after < entropy + 0.5 * (before - entropy)
