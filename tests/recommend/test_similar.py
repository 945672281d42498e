"""Items are similar where the same users score them high, whatever the scorer is made of."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from reccl.data.dataset import Dataset
from reccl.recommend import Model, extend_model
from reccl.recommend.similar import find_similar_items, find_similar_users
from reccl.scorers import Ease, Scorer, Svd
from reccl.scorers.weighted_sum import weighted_sum
from tests.recommend.conftest import model_of


def scorers(data: Dataset) -> dict[str, Scorer]:
    graph = data.build_graph()
    ease, svd = Ease().build(graph, None), Svd(dimension=8).build(graph, None)
    return {"embeddings": model_of(data).scorer, "histories": ease, "blend": weighted_sum([svd, ease], [0.3, 1.0])}


@pytest.mark.parametrize("kind", ["embeddings", "histories", "blend"])
def test_the_similarity_of_items_is_the_correlation_of_their_scores_over_users(
    planted_dataset: Dataset, kind: str
) -> None:
    model = Model.of(scorers(planted_dataset)[kind], planted_dataset)
    users = torch.arange(len(model.user_ids))
    expected = np.corrcoef(model.scorer.scores(users).double().numpy().T)  # [I, I]
    found = find_similar_items(extend_model(model), torch.tensor([5, 0]), 7)
    assert found.columns == ["item", "similar_item", "similarity", "rank"]
    for row, part in zip((5, 0), found.partition_by("item", maintain_order=True), strict=True):
        others = np.delete(np.arange(len(expected)), row)
        best = others[np.argsort(-expected[row, others], kind="stable")[:7]]
        assert part["similar_item"].to_list() == model.item_ids.to_ids(pl.Series(best)).to_list()
        assert part["similarity"].to_numpy() == pytest.approx(expected[row, best], abs=1e-4)
        assert part["rank"].to_list() == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("kind", ["embeddings", "histories", "blend"])
def test_the_similarity_of_users_is_the_correlation_of_their_scores_over_items(
    planted_dataset: Dataset, kind: str
) -> None:
    model = Model.of(scorers(planted_dataset)[kind], planted_dataset)
    expected = np.corrcoef(model.scorer.scores(torch.arange(len(model.user_ids))).double().numpy())  # [U, U]
    found = find_similar_users(extend_model(model), torch.tensor([3]), 4)
    rows = model.user_ids.to_rows(found["similar_user"]).to_numpy()
    expected[3, 3] = -2
    assert found["similarity"].to_numpy() == pytest.approx(np.sort(expected[3])[::-1][:4], abs=1e-4)
    assert expected[3, rows] == pytest.approx(found["similarity"].to_numpy(), abs=1e-4)


def test_popularity_and_the_way_lengths_are_shared_change_nothing(model: Model) -> None:
    scorer, turn = model.scorer, torch.linspace(0.2, 3.0, 8)
    popular = torch.cat([scorer.item_embeddings / turn, model.popularity[:, None]], 1)
    same = Scorer(torch.cat([scorer.user_embeddings * turn, torch.ones(scorer.num_users, 1)], 1), popular)
    rows = torch.arange(10)
    before = find_similar_items(extend_model(model), rows, 5)
    after = find_similar_items(extend_model(replace(model, scorer=same)), rows, 5)
    assert before["similar_item"].equals(after["similar_item"])
    assert before["similarity"].to_numpy() == pytest.approx(after["similarity"].to_numpy(), abs=1e-4)


def test_planted_blocks_are_each_others_neighbors(planted_dataset: Dataset) -> None:
    model = Model.of(Svd(dimension=8).build(planted_dataset.build_graph(), None), planted_dataset)
    trained = (model.popularity > 0).nonzero().squeeze(1)
    found = find_similar_items(extend_model(model), trained, 5)
    same = (found["item"] - 10) // 3 % 4 == (found["similar_item"] - 10) // 3 % 4
    assert same.mean() > 0.95


def test_items_about_which_nothing_is_known_are_similar_to_nothing(planted_dataset: Dataset) -> None:
    rows = planted_dataset.train.filter(pl.col("item") != 4)
    unseen = replace(planted_dataset, train=rows, validation=rows.clear(), test=rows.clear())
    found = find_similar_items(extend_model(model_of(unseen)), torch.arange(4), 200)
    assert unseen.item_ids.ids[4] not in found["similar_item"]
    assert found.filter(pl.col("rank") == 1).height == 4
