"""The best items found block by block are those of plain torch.topk over whole rows of scores."""

from importlib import import_module

import polars as pl
import pytest
import torch
from torch import Tensor

from reccl.data.user_items import UserItemCSR
from reccl.evaluation import top_k
from reccl.evaluation.blocks import ItemBlocks
from reccl.scorers import Scorer
from reccl.scorers.item_operators import ItemOperator

BLOCKS = import_module("reccl.evaluation.blocks")
TOP = import_module("reccl.evaluation.top_k")  # the package's name `top_k` is the function
USERS, ITEMS = 70, 1003  # neither is a multiple of a block, nor the items of a group


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (BLOCKS, TOP):
        monkeypatch.setattr(module, "BLOCK_USERS", 32)
        monkeypatch.setattr(module, "BLOCK_ITEMS", 100)
    monkeypatch.setattr(BLOCKS, "SAMPLE_BLOCKS", 3)
    monkeypatch.setattr(TOP, "SAMPLE_BLOCKS", 3)


def scorer_of(kind: torch.dtype = torch.float64, dimension: int = 8) -> Scorer:
    random = torch.Generator().manual_seed(0)
    users, items = (torch.randn(n, dimension, generator=random, dtype=kind) for n in (USERS, ITEMS))
    return Scorer(users, items)


def hidden_of(share: float, scorer: Scorer) -> UserItemCSR:
    """The best items of every user, and others at random."""
    drawn = torch.rand(USERS, ITEMS, generator=torch.Generator().manual_seed(1)) < share
    drawn |= scorer.user_embeddings @ scorer.item_embeddings.T > 8
    user, item = drawn.nonzero().T
    return UserItemCSR.from_interactions(pl.DataFrame({"user": user.numpy(), "item": item.numpy()}), USERS, ITEMS)


def plain(scorer: Scorer, users: Tensor, k: int, hidden: UserItemCSR | None) -> tuple[Tensor, Tensor]:
    scores = scorer.user_embeddings[users] @ scorer.item_embeddings.T
    if hidden is not None:
        scores[hidden.gather_pairs(users)] = -torch.inf
    best, items = torch.topk(scores, k, dim=1)
    return items.masked_fill(best == -torch.inf, -1), best


def require_plain(scorer: Scorer, k: int, hidden: UserItemCSR | None) -> None:
    users = torch.randperm(USERS, generator=torch.Generator().manual_seed(2))
    assert TOP.suits_blocks(scorer, users, k)
    rows, items, best = (torch.cat(each) for each in zip(*top_k(scorer, users, k, hidden), strict=True))
    expected, scores = plain(scorer, users, k, hidden)
    assert torch.equal(rows, users)
    assert torch.equal(items, expected)
    torch.testing.assert_close(best, scores)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("k", [1, 4, 15])
@pytest.mark.parametrize("share", [None, 0.1, 0.995])
def test_the_lists_are_those_of_topk(kind: torch.dtype, k: int, share: float | None) -> None:
    scorer = scorer_of(kind)
    require_plain(scorer, k, None if share is None else hidden_of(share, scorer))


@pytest.mark.parametrize("descending", [True, False])
def test_items_may_be_sorted_by_how_good_they_are(descending: bool) -> None:
    scorer = scorer_of(dimension=1)
    users = scorer.user_embeddings.abs()
    require_plain(Scorer(users, scorer.item_embeddings.sort(0, descending=descending).values), 10, None)


def test_equal_scores_come_in_the_order_of_topk() -> None:
    scorer = scorer_of()
    coarse = Scorer(scorer.user_embeddings.round(), scorer.item_embeddings.round())
    require_plain(coarse, 10, hidden_of(0.1, coarse))
    require_plain(Scorer(torch.zeros(USERS, 8), scorer.item_embeddings.float()), 10, None)


def test_scores_that_are_not_a_number_do_not_hide_others() -> None:
    scorer = scorer_of()
    scorer.item_embeddings[500] = torch.nan
    scorer.item_embeddings[7] = torch.inf
    ((_, items, best), *_) = top_k(scorer, torch.arange(USERS), 5)
    expected, scores = plain(scorer, torch.arange(32), 5, None)
    assert torch.equal(items, expected)
    torch.testing.assert_close(best, scores, equal_nan=True)


def test_most_users_need_no_second_look_and_bad_luck_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = scorer_of()
    items, best, certain = ItemBlocks(scorer.item_embeddings).top_k(scorer.user_embeddings, 10)
    assert certain.float().mean() > 0.9
    expected, scores = plain(scorer, torch.arange(USERS), 10, None)
    assert torch.equal(items[certain], expected[certain])
    torch.testing.assert_close(best[certain], scores[certain])
    too_high = torch.full((USERS, 1), 100.0).double()
    monkeypatch.setattr(ItemBlocks, "threshold", lambda self, sample, k: too_high[: len(sample[0])])
    assert not ItemBlocks(scorer.item_embeddings).top_k(scorer.user_embeddings, 10)[2].any()
    require_plain(scorer, 10, None)


def test_few_users_or_items_and_item_operators_are_ranked_by_whole_rows() -> None:
    scorer = scorer_of()
    everybody = torch.arange(USERS)
    assert TOP.suits_blocks(scorer, everybody, 10)
    assert not TOP.suits_blocks(scorer, everybody[:3], 10)
    assert not TOP.suits_blocks(scorer, everybody, 100)
    assert not TOP.suits_blocks(Scorer(scorer.user_embeddings, scorer.item_embeddings[:500]), everybody, 1)
    operators = (ItemOperator((torch.eye(ITEMS),)),)
    assert not TOP.suits_blocks(Scorer(scorer.user_embeddings, scorer.item_embeddings, None, operators), everybody, 10)
