"""A share of every list for new items is what a search of all lists finds, and no list becomes shorter."""

import re
from itertools import combinations
from pathlib import Path

import polars as pl
import pytest
import torch

import reccl
from reccl.data.user_items import UserItemCSR
from reccl.errors import ConfigError, DataError
from reccl.recommend.rules import ResolvedRules, select_top_k
from reccl.recommend.rules.new_items import places_for
from reccl.scorers import Scorer
from tests.cli.conftest import Shop


def best_lists(scores: torch.Tensor, is_new: torch.Tensor, k: int, places: int) -> list[list[int]]:
    """Of all lists of the items that a user may get, as long as can be, with as many new ones as can be up to `places`,
    the one of the largest sum.
    """
    found = []
    for row in scores:
        left = [item for item in range(len(row)) if row[item] > -torch.inf]
        size = min(k, len(left))
        least = min(places, sum(bool(is_new[item]) for item in left))
        lists = [each for each in combinations(left, size) if sum(bool(is_new[item]) for item in each) >= least]
        best = max(lists, key=lambda each: float(row[list(each)].sum()))
        found.append(sorted(best, key=lambda item: -float(row[item])))
    return found


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("filtered", [False, True])
def test_lists_are_those_of_a_search_of_all(share: float, filtered: bool) -> None:
    draw = torch.Generator().manual_seed(0)
    users, items = torch.randn(20, 4, generator=draw), torch.randn(10, 4, generator=draw)
    is_new, allowed = torch.arange(10) % 4 == 0, torch.arange(10) % 5 != 3
    seen = pl.DataFrame({"user": torch.randint(20, (80,), generator=draw).numpy()})
    seen = seen.with_columns(item=pl.Series(torch.randint(10, (80,), generator=draw).numpy()))
    hidden = UserItemCSR.from_interactions(seen, 20, 10)
    scores = users @ items.T
    scores[hidden.gather_pairs(torch.arange(20))] = -torch.inf
    if filtered:
        scores[:, ~allowed] = -torch.inf
    rules = ResolvedRules(allowed if filtered else None, new_items=is_new, new_item_share=share)
    lists = [
        [item for item in row if item >= 0]
        for _, found, _ in select_top_k(Scorer(users, items), torch.arange(20), 5, hidden, rules)
        for row in found.tolist()
    ]
    assert lists == best_lists(scores, is_new, 5, places_for(share, 5))


@pytest.mark.parametrize("boost", [0.25, 1.0, 1e6])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_boosted_lists_are_those_of_boosted_scores_and_tell_the_models(boost: float, share: float) -> None:
    draw = torch.Generator().manual_seed(1)
    users, items = torch.randn(20, 4, generator=draw), torch.randn(150, 4, generator=draw)
    is_new, scores = torch.arange(150) % 7 == 0, users @ items.T
    rules = ResolvedRules(new_items=is_new, new_item_share=share, new_item_boost=boost)
    best = scores.sort(dim=1, descending=True).values[:, :100]
    boosted = scores.double() + boost * best.std(dim=1, correction=0, keepdim=True) * is_new
    ((_, lists, told),) = select_top_k(Scorer(users, items), torch.arange(20), 10, None, rules)
    torch.testing.assert_close(told, scores.gather(1, lists))
    expected = boosted.argsort(dim=1, descending=True)
    for row, order in zip(lists.tolist(), expected.tolist(), strict=True):
        sure = [item for item in order if is_new[item]][: places_for(share, 10)]
        others = [item for item in order if item not in sure][: 10 - len(sure)]
        assert row == sorted(sure + others, key=order.index)
    plain = scores.argsort(dim=1, descending=True)[:, :10]
    assert rules.places_before.count == int(is_new[plain].sum()) < int(is_new[lists].sum())


@pytest.fixture(scope="module")
def shop() -> reccl.Recommender:
    """A model of a shop whose columns have names of their own."""
    rows = pl.DataFrame({"customer": [u for u in range(40) for _ in range(8)]})
    rows = rows.with_columns(
        sku=pl.Series([f"s{(u % 4) + 4 * ((u + i) % 10):02d}" for u in range(40) for i in range(8)])
    )
    products = pl.DataFrame({"article": [f"s{i:02d}" for i in range(40)], "kind": [f"k{i % 4}" for i in range(40)]})
    data = reccl.Dataset.from_frame(rows, user="customer", item="sku", items=products, items_id="article")
    return reccl.train("methods/ease", data, progress=False)


NEW = pl.DataFrame({"article": ["n1", "n2"], "kind": ["k1", "k1"]})


@pytest.mark.parametrize("name", ["item", "sku", "article"])
def test_new_items_are_read_by_any_name_that_the_data_gives_them(shop: reccl.Recommender, name: str) -> None:
    lists = shop.recommend(k=10, new_items=NEW.rename({"article": name}))
    assert {"n1", "n2"} <= set(lists["item"])
    history = pl.DataFrame({"customer": [99], "sku": ["s01"]})
    assert shop.recommend(users=[99], k=1, history=history)["source"].to_list() == ["fold_in"]
    assert shop.score(history.with_columns(customer=pl.lit(1)))["score"].is_not_null().all()


def test_every_list_has_the_share_and_its_length(shop: reccl.Recommender) -> None:
    lists = shop.recommend(k=10, new_items=NEW, rules=reccl.Rules(new_item_share=0.2))
    counts = lists.group_by("user").agg(pl.len(), pl.col("item").is_in(["n1", "n2"]).sum().alias("new"))
    assert counts["len"].to_list() == [10] * 40
    assert counts["new"].to_list() == [2] * 40
    assert lists.select(pl.col("score").diff().over("user").max() <= 0).to_series().all()


def test_a_share_that_cannot_be_kept_is_an_error(shop: reccl.Recommender) -> None:
    with pytest.raises(DataError, match="knows no new items"):
        shop.recommend(k=5, rules=reccl.Rules(new_item_share=0.2))
    with pytest.raises(ConfigError, match="from 0 to 1"):
        reccl.Rules(new_item_share=2)
    with pytest.raises(ConfigError, match="leave one of them out"):
        reccl.Rules(new_item_share=0.1, at_most={"kind": 1})


def test_a_boost_that_cannot_be_is_an_error(shop: reccl.Recommender) -> None:
    with pytest.raises(DataError, match="new_item_boost: this model knows no new items"):
        shop.recommend(k=5, rules=reccl.Rules(new_item_boost=0.2))
    for boost in (-1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="a number from 0 up"):
            reccl.Rules(new_item_boost=boost)
    with pytest.raises(ConfigError, match="new_item_boost cannot be kept"):
        reccl.Rules(new_item_boost=0.1, diversity=reccl.Mmr(0.3))


def test_what_a_boost_did_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = pl.DataFrame({"user": [u for u in range(40) for _ in range(8)]})
    rows.with_columns(item=pl.Series([(u % 4) + 4 * ((u + i) % 10) for u in range(40) for i in range(8)])).write_csv(
        "t.csv"
    )
    pl.DataFrame({"item": range(40), "kind": [f"k{i % 4}" for i in range(40)]}).write_csv("items.csv")
    pl.DataFrame({"item": [98, 99], "kind": ["k1", "k1"]}).write_csv("new.csv")
    command = Shop(tmp_path)
    sets = ("data.pipeline=table", "data.interactions=t.csv", "data.items=items.csv", "cold_start={}")
    words = [word for each in sets for word in ("--set", each)]
    assert command("train", "--config", "methods/ease.yaml", "--no-plots", *words).code == 0
    asked = ("recommend", "--new-items", "new.csv", "--k", "5", "--include-seen", "--out", "l.csv")
    plain, lifted = (command(*asked, *more).err for more in ((), ("--new-item-boost", "50")))
    assert "by their scores alone" not in plain
    before = re.search(r"new items: ([\d.]+)% of the rows, in", plain)
    assert before
    assert f"new items: 40.0% of the rows ({before[1]}% by their scores alone), in 40 of 40 lists; 2 of 2" in lifted
