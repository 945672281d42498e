"""A distilled scorer is one vector a user and one an item that list what the teacher lists."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from reccl.cold_start import ColdStart, embed_cold_nodes
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.encoders.encoder import lookup_in
from reccl.errors import TrainingError
from reccl.evaluation import Evaluation, Evaluator, HeldOutMetric
from reccl.recommend import Model, extend_model, recommend
from reccl.recommend.explain import Explainer
from reccl.recommend.export import export_vectors
from reccl.recommend.similar import find_similar_items
from reccl.scorers import Ease, EmbeddingScorer, GraphFilter, ItemKnn, Popularity, Random, Scorer, Svd
from reccl.scorers.selection import Blend, Distillation, GridSearch
from tests.scorers.as_served import require_same_lists

BLEND = Blend(parts={"ease": Ease(l2=20), "filter": GraphFilter(rank=6), "svd": Svd(dimension=5)})
D = 8


def everyone(scorer: Scorer) -> torch.Tensor:
    return scorer.scores(torch.arange(scorer.num_users))


@pytest.fixture(scope="module")
def distilled(planted_graph: Graph) -> Scorer:
    return Distillation(teacher=BLEND, dimension=D, epochs=20).build(planted_graph, None)


@pytest.fixture(scope="module")
def model(distilled: Scorer, planted_dataset: Dataset) -> Model:
    return Model.of(distilled, planted_dataset)


class TestTheStudent:
    def test_is_one_vector_a_user_and_one_an_item(self, distilled: Scorer, planted_graph: Graph) -> None:
        assert distilled.user_embeddings.shape == (planted_graph.num_users, D)
        assert distilled.item_embeddings.shape == (planted_graph.num_items, D)
        assert not distilled.item_operators and distilled.history is None and distilled.personal is None

    def test_ranks_held_out_items_as_well_as_the_teacher(
        self, distilled: Scorer, planted_dataset: Dataset, planted_graph: Graph
    ) -> None:
        evaluator = Evaluator.of(planted_dataset, "test", Evaluation())
        student, teacher, popular = (
            evaluator(scorer).means()["ndcg_at_10"]
            for scorer in (distilled, BLEND.build(planted_graph, None), Popularity().build(planted_graph, None))
        )
        assert student > 0.97 * teacher > 1.5 * popular

    def test_lists_what_a_teacher_of_its_own_size_lists(self, planted_graph: Graph) -> None:
        teacher = Svd(dimension=D).build(planted_graph, None)
        student = Distillation(teacher=Svd(dimension=D), dimension=D + 1).build(planted_graph, None)
        best = []
        for scorer in (teacher, student):
            scores = everyone(scorer)
            scores[planted_graph.user.long(), planted_graph.item.long()] = -torch.inf
            best.append(scores.topk(10).indices.tolist())
        assert np.mean([len({*a} & {*b}) / 10 for a, b in zip(*best, strict=True)]) > 0.9

    def test_ranks_what_users_have_where_lists_show_it(self, planted_graph: Graph) -> None:
        item, share = ItemKnn(), {}
        for own in ("hidden", "ranked"):
            scorer = Distillation(teacher=item, dimension=D, own=own, epochs=20).build(planted_graph, None)
            teacher, student = (everyone(each).topk(5).indices for each in (item.build(planted_graph, None), scorer))
            share[own] = np.mean(
                [len({*a.tolist()} & {*b.tolist()}) / 5 for a, b in zip(teacher, student, strict=True)]
            )
        assert share["ranked"] > share["hidden"] + 0.02

    def test_has_nothing_to_say_about_those_without_training_rows(self) -> None:
        graph = Graph.from_interactions(pl.DataFrame({"user": [0, 0, 1, 1], "item": [0, 1, 1, 2]}), 3, 4)
        random = torch.Generator().manual_seed(0)
        tables = [lookup_in(torch.randn(count, 2, generator=random)) for count in (3, 4)]
        settings = Distillation(teacher=EmbeddingScorer(), dimension=2)
        found = settings.build(graph, Embeddings(*tables, *tables))
        assert found.user_embeddings[2].tolist() == [0, 0]
        by_features = Embeddings(*tables, *tables, users_by_features=True, items_by_features=True)
        assert (settings.build(graph, by_features).user_embeddings[2] != 0).all()


class TestTheBuilder:
    def test_drafts_are_the_teachers_lists(self, planted_graph: Graph) -> None:
        builder = Distillation(teacher=BLEND).builder(planted_graph)
        torch.testing.assert_close(everyone(builder.draft(None)), everyone(BLEND.build(planted_graph, None)))

    def test_selects_what_the_teacher_leaves_open_and_keeps_it(
        self, planted_graph: Graph, planted_dataset: Dataset
    ) -> None:
        metric = HeldOutMetric.of(Evaluator.of(planted_dataset, "validation", Evaluation()), "ndcg_at_10")
        part = GridSearch(scorer=Svd(dimension=30), grid={"dimension": [1, 4]})
        teacher = Blend(parts={"directions": part, "noise": Random()})
        builder = Distillation(teacher=teacher, dimension=4).builder(planted_graph)
        tuned = builder.tuned_on(None, metric)
        assert tuned.settings.teacher == teacher.builder(planted_graph).tuned_on(None, metric).settings
        assert tuned.settings.teacher.weights["noise"] < 0.5
        torch.testing.assert_close(everyone(tuned.build(None)), everyone(tuned.settings.build(planted_graph, None)))
        assert tuned.tuned_on(None, metric) is tuned

    def test_what_the_teacher_cannot_is_said_before_training(self, planted_graph: Graph) -> None:
        settings = Distillation(teacher=Ease(max_items=100))
        assert not settings.fits(planted_graph)
        with pytest.raises(TrainingError, match="up to 100 items"):
            settings.check(planted_graph)
        assert Distillation(teacher=EmbeddingScorer()).needs_embeddings()
        assert not Distillation(teacher=Popularity()).needs_embeddings()
        assert not Distillation(teacher=Random()).learns()


class TestTheModel:
    def test_what_is_exported_ranks_as_recommended(
        self, model: Model, planted_dataset: Dataset, tmp_path: Path
    ) -> None:
        vectors = export_vectors(model, tmp_path / "v")
        assert vectors.whole and vectors.dimension == D
        users, items = (np.load(tmp_path / "v" / f"{side}s.npy") for side in ("user", "item"))
        assert users.shape[1] == items.shape[1] == D
        users_of, ids = (pl.read_parquet(tmp_path / "v" / f"{side}s.parquet")[side] for side in ("user", "item"))
        scores = users @ items.T  # [U, I]
        place = {item: row for row, item in enumerate(ids.to_list())}
        known = pl.concat([planted_dataset.train, planted_dataset.validation])
        for user, item in known.select("user", "item").iter_rows():
            scores[user, place[planted_dataset.item_ids.ids[item]]] = -np.inf
        expected = {
            user: [ids[int(row)] for row in np.argsort(-scores[place])[:10]] for place, user in enumerate(users_of)
        }
        listed = pl.concat(recommend(model, k=10)).group_by("user", maintain_order=True).agg("item")
        assert dict(zip(listed["user"], listed["item"].to_list(), strict=True)) == expected

    def test_scores_the_same_from_disk_and_as_served(self, model: Model, tmp_path: Path) -> None:
        require_same_lists(model, tmp_path)

    def test_similar_items_are_of_the_own_block_and_scores_are_explained(
        self, model: Model, planted_dataset: Dataset
    ) -> None:
        asked = torch.arange(20)
        found = find_similar_items(extend_model(model), asked, 5)
        blocks = (
            [(item - 10) // 3 % 4 for item in found["item"]],
            [(item - 10) // 3 % 4 for item in found["similar_item"]],
        )
        assert np.mean(np.equal(*blocks)) > 0.9
        explained = Explainer(extend_model(model))(0, 4)
        assert explained.score == pytest.approx(float(model.scorer.scores(torch.tensor([0]))[0, 4]), rel=1e-4)
        assert len(explained.contributions) > 0

    def test_new_histories_are_folded_in_among_items_of_their_block(self, model: Model) -> None:
        history = pl.DataFrame({"user": ["new"] * 6, "item": [10 + 3 * item for item in (1, 5, 9, 13, 17, 21)]})
        lists = pl.concat(recommend(extend_model(model, history=history), pl.Series("user", ["new"]), 5))
        assert lists["source"].unique().to_list() == ["fold_in"]
        assert ((lists["item"] - 10) // 3 % 4 == 1).mean() > 0.7


class TestColdStart:
    def test_features_place_items_and_users_as_they_do_for_any_embeddings(self, planted_dataset: Dataset) -> None:
        cold_items, cold_users = [3, 50, 91, 118], [1, 60, 130]
        train = planted_dataset.train.filter(~pl.col("item").is_in(cold_items) & ~pl.col("user").is_in(cold_users))
        data = replace(planted_dataset, train=train)
        graph, features = data.build_graph(), data.build_feature_tables()
        builder = Distillation(teacher=BLEND, dimension=D).builder(graph)
        found = embed_cold_nodes(ColdStart(), builder, features, None, None, 0)
        scores = everyone(found.scorer)
        warm = [user for user in range(len(data.user_ids)) if user not in cold_users]
        own = [scores[[user for user in warm if user % 4 == item % 4], item].mean() for item in cold_items]
        others = [scores[[user for user in warm if user % 4 != item % 4], item].mean() for item in cold_items]
        assert np.mean(own) > np.mean(others)
        assert found.scorer.user_embeddings[cold_users].abs().sum(1).min() > 0
        assert found.towers.items is not None and found.towers.users is not None
