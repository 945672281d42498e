"""Cold users and items are placed by their first interactions, by their sides' own fold-in."""

from dataclasses import replace

import polars as pl
import pytest
import torch

from reccl.data.dataset import Dataset, build
from reccl.data.ingest.funnel import Funnel
from reccl.data.ingest.tables import Tables
from reccl.data.splits import ColdItems, ColdUsers, RandomPerUser, Split
from reccl.errors import RunError
from reccl.evaluation import Evaluation
from reccl.few_shot import few_shot_curves
from reccl.recommend import Model
from reccl.scorers import Scorer

EVALUATION = Evaluation(cutoffs=(10,))


def world(planted: pl.DataFrame, split: Split) -> tuple[Model, Dataset]:
    """The planted world, and a scorer that knows each trained node by its blocks in the training rows."""
    data = build(Tables(Funnel.read(planted.lazy())), split)
    item_block = torch.from_numpy((data.item_ids.ids.to_numpy() - 10) // 3 % 4)
    user_block = torch.tensor([int(name[1:]) % 4 for name in data.user_ids.ids])
    user, item = (torch.from_numpy(data.train[side].to_numpy(writable=True)).long() for side in ("user", "item"))
    users = torch.zeros(len(data.user_ids), 4).index_add_(0, user, torch.eye(4)[item_block[item]])
    items = torch.zeros(len(data.item_ids), 4).index_add_(0, item, torch.eye(4)[user_block[user]])
    normalize = torch.nn.functional.normalize
    return Model.of(Scorer(normalize(users), normalize(items)), data), data


@pytest.mark.parametrize(("split", "name"), [(ColdUsers(cold=0.3), "cold_users"), (ColdItems(cold=0.3), "cold_items")])
def test_cold_nodes_find_their_block_after_a_few_interactions(planted: pl.DataFrame, split: Split, name: str) -> None:
    curves = few_shot_curves(*world(planted, split), EVALUATION, shots=(0, 1, 5))
    assert set(curves) == {name, f"{name}_popularity"}
    values = [curves[name][number]["ndcg_at_10"] for number in (0, 1, 5)]
    assert values[0] < 0.8 * min(values[1:])
    assert values[2] > 1.3 * curves[f"{name}_popularity"][5]["ndcg_at_10"]


def test_with_nothing_given_cold_users_get_what_is_popular_whatever_their_embeddings(planted: pl.DataFrame) -> None:
    model, data = world(planted, ColdUsers(cold=0.3))
    misleading = replace(model.scorer, user_embeddings=torch.randn(200, 4, generator=torch.Generator().manual_seed(1)))
    curves = few_shot_curves(replace(model, scorer=misleading), data, EVALUATION, shots=(0, 1))
    for metric in ("ndcg_at_10", "recall_at_10"):
        assert curves["cold_users"][0][metric] >= 0.9 * curves["cold_users_popularity"][0][metric]  # ties apart


def test_the_model_is_not_changed(planted: pl.DataFrame) -> None:
    model, data = world(planted, ColdUsers(cold=0.3))
    before = {name: tensor.clone() for name, tensor in model.scorer.tensors().items()}
    few_shot_curves(model, data, EVALUATION, shots=(0, 1))
    assert all(torch.equal(before[name], tensor) for name, tensor in model.scorer.tensors().items())


@pytest.mark.parametrize(("split", "shots"), [(RandomPerUser(), 1), (ColdUsers(cold=0.3), 50)])
def test_without_cold_rows_enough_it_says_what_to_train_with(planted: pl.DataFrame, split: Split, shots: int) -> None:
    with pytest.raises(RunError, match=rf"more than {shots} test rows: .*kind=cold_users, or give fewer --shots"):
        few_shot_curves(*world(planted, split), EVALUATION, shots=(0, shots))


def test_a_scorer_from_histories_has_no_curve_for_items_and_says_so(planted: pl.DataFrame) -> None:
    from reccl.scorers import Ease

    log: list[str] = []
    model, data = world(planted, ColdItems(cold=0.3))
    graph = data.build_graph()
    with pytest.raises(RunError):
        few_shot_curves(
            replace(model, scorer=Ease().build(graph, None)), data, EVALUATION, shots=(0, 1), log=log.append
        )
    assert log == ["no curve for cold items: this scorer ranks from the items that users have, and embeds no new items"]
