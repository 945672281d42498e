"""Ridge, random features and regression are their equations; a planted world's cold items find their block."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.linear_model import RidgeCV

from reccl.cold_start import ColdStart, ContentNeighbors, Regression, embed_cold_nodes, feature_model, regression
from reccl.cold_start.calibration import Calibration, Levels, search_calibration
from reccl.cold_start.feature_model import feature_scales
from reccl.cold_start.random_features import RandomFeatures
from reccl.cold_start.ridge import fit_ridge
from reccl.data.dataset import Dataset
from reccl.data.features import Categorical, FeatureSchema, FittedFeatures
from reccl.data.graph import Graph
from reccl.encoders import tower
from reccl.errors import ConfigError, DataError
from reccl.scorers import Ease, EmbeddingScorer, GraphFilter, Scorer, ScorerBuilder, ScorerSettings, Svd
from reccl.scorers.selection import Blend, GridSearch

COLD = 12
"""Items 0 .. 11 are not trained on, three of each block."""


@pytest.fixture(scope="module")
def cold(planted_dataset: Dataset) -> Dataset:
    train = planted_dataset.train.filter((pl.col("item") >= COLD) & (pl.col("user") >= 4))
    return replace(planted_dataset, train=train)


@pytest.fixture(scope="module")
def graph(cold: Dataset) -> Graph:
    return Graph.from_interactions(cold.train, 200, 120)


@pytest.fixture(scope="module")
def builder(graph: Graph) -> ScorerBuilder:
    return Svd(dimension=8, normalize=False).builder(graph)


@pytest.fixture(scope="module")
def scorer(builder: ScorerBuilder) -> Scorer:
    return builder.build(None)


@pytest.mark.parametrize("width", [5, 40])
def test_ridge_is_the_normal_equations_and_its_penalty_the_best_when_rows_are_left_out(width: int) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20, width)), random.normal(size=(20, 3))
    y += x[:, :3]

    def solve(x: np.ndarray, y: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
        a = x - x.mean(0)
        weights = np.linalg.solve(a.T @ a + penalty * np.eye(width), a.T @ (y - y.mean(0)))
        return weights, y.mean(0) - x.mean(0) @ weights

    def leave_one_out_error(penalty: float) -> float:
        total = 0.0
        for row in range(20):
            others = np.arange(20) != row
            weights, constant = solve(x[others], y[others], penalty)
            total += np.square(y[row] - x[row] @ weights - constant).sum()
        return total

    penalties = (0.1, 1.0, 10.0, 100.0)
    ridge = fit_ridge(torch.from_numpy(x), torch.from_numpy(y), penalties)
    weight, constant, penalty = ridge.weights, ridge.constant, ridge.penalty
    assert penalty == min(penalties, key=leave_one_out_error)
    expected = solve(x, y, penalty)
    np.testing.assert_allclose(weight, expected[0], atol=1e-6)
    np.testing.assert_allclose(constant, expected[1], atol=1e-6)
    library = RidgeCV(penalties).fit(x, y)
    assert library.alpha_ == penalty
    np.testing.assert_allclose(weight, library.coef_.T, atol=1e-6)
    alone = fit_ridge(torch.from_numpy(x), torch.from_numpy(y), (penalty,))
    np.testing.assert_allclose(alone.weights, weight, atol=1e-6)
    np.testing.assert_allclose(alone.constant, constant, atol=1e-6)
    for row in range(20):
        others = np.arange(20) != row
        weight, constant = solve(x[others], y[others], penalty)
        for found in (ridge, alone):
            np.testing.assert_allclose(found.left_out[row], x[row] @ weight + constant, atol=1e-6)


def test_random_units_make_the_arc_cosine_kernel() -> None:
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    scale = torch.tensor([1.0, 2.0, 0.5, 1.0])
    found = RandomFeatures.draw(scale, 50_000, seed=0)(x)
    whole = torch.cat([x * scale, torch.ones(6, 1)], 1).double().numpy()
    length = np.linalg.norm(whole, axis=1)
    angle = np.arccos(np.clip(whole @ whole.T / np.outer(length, length), -1, 1))
    expected = np.outer(length, length) * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi
    np.testing.assert_allclose(found @ found.T, expected, rtol=0.05, atol=0.1)


def test_features_are_equally_long_but_for_their_weights(cold: Dataset) -> None:
    tables = cold.build_feature_tables()
    fitted = tables.fit("items")
    x = tables.transform("items", fitted)
    scaled, names = x * feature_scales(fitted, x, {"group": 3.0}), fitted.columns
    for name, square in (("group", 9.0), ("tags", 1.0), ("size", 1.0)):
        own = [place for place, column in enumerate(names) if column.split("=")[0] == name]
        assert scaled[:, own].square().sum(1).mean().item() == pytest.approx(square, rel=1e-4)


@pytest.mark.parametrize(
    "items", [Regression(hidden=0), Regression(hidden=200), ContentNeighbors()], ids=["linear", "wide", "neighbors"]
)
def test_cold_items_go_to_their_own_block_and_trained_ones_stay(
    cold: Dataset, builder: ScorerBuilder, scorer: Scorer, items: Regression | ContentNeighbors
) -> None:
    whole = embed_cold_nodes(ColdStart(items=items), builder, cold.build_feature_tables(), None, None, 0)
    users = torch.arange(4, 200)
    before, after = scorer.scores(users), whole.scorer.scores(users)
    torch.testing.assert_close(after[:, COLD:], before[:, COLD:], rtol=1e-4, atol=1e-5)
    own = (torch.arange(COLD) % 4)[None, :] == (users % 4)[:, None]
    assert after[:, :COLD][own].mean() > after[:, :COLD][~own].mean() + after[:, :COLD].std()
    torch.testing.assert_close(
        whole.towers.items.embed(cold.item_table[:COLD]), whole.scorer.item_embeddings[:COLD], rtol=1e-4, atol=1e-5
    )


def test_features_that_are_not_kept_whole_give_the_same(
    cold: Dataset, builder: ScorerBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit() -> Scorer:
        return embed_cold_nodes(ColdStart(users=None), builder, cold.build_feature_tables(), None, None, 0).scorer

    whole, heights, transform = fit(), list[int](), FittedFeatures.transform

    def watched(self: FittedFeatures, table: pl.DataFrame) -> torch.Tensor:
        heights.append(table.height)
        return transform(self, table)

    monkeypatch.setattr(FittedFeatures, "transform", watched)
    for module in (feature_model, tower):
        monkeypatch.setattr(module, "CELLS", 64)
    monkeypatch.setattr(regression, "MOST_ROWS", 10**6)
    torch.testing.assert_close(fit().item_embeddings, whole.item_embeddings, rtol=1e-4, atol=1e-5)
    trained = cold.train["item"].n_unique()
    assert sorted(heights)[-1] == trained  # what is learned from; the others come in parts
    assert sorted(heights)[-2] < len(cold.item_ids) / 4


def test_cold_users_are_predicted_from_trained_ones(cold: Dataset, builder: ScorerBuilder) -> None:
    whole = embed_cold_nodes(ColdStart(), builder, cold.build_feature_tables(), None, None, 0)
    scores = whole.scorer.scores(torch.arange(4))
    own = torch.arange(120)[None, :] % 4 == torch.arange(4)[:, None]
    assert scores[own].mean() > scores[~own].mean() + 0.5 * scores.std()
    torch.testing.assert_close(whole.towers.users.embed(cold.user_table[:4]), whole.scorer.user_embeddings[:4])


@pytest.mark.parametrize("target", [None, Svd(dimension=8)])
def test_an_svd_is_predicted_where_the_scorer_has_no_embeddings(
    cold: Dataset, graph: Graph, target: Svd | None
) -> None:
    ease, tables = Ease().builder(graph), cold.build_feature_tables()
    whole = embed_cold_nodes(ColdStart(target_scorer=target), ease, tables, None, None, 0)
    users, own = torch.arange(4, 200), ease.build(None)
    torch.testing.assert_close(whole.scorer.scores(users)[:, COLD:], own.scores(users)[:, COLD:])
    block = torch.arange(COLD)[None, :] % 4 == users[:, None] % 4
    scores = whole.scorer.scores(users)[:, :COLD]
    assert scores[block].mean() > scores[~block].mean() + scores.std()


class OwnBlock:
    """Best are scores that are high in the user's own block."""

    users = torch.arange(4, 200)

    def score(self, scorer: Scorer) -> torch.Tensor:
        return scorer.scores(self.users)

    def __call__(self, scores: torch.Tensor) -> float:
        return float(self.per_user(scores).mean())

    def per_user(self, scores: torch.Tensor) -> torch.Tensor:
        own = torch.arange(COLD, 120)[None, :] % 4 == self.users[:, None] % 4  # [n, W]
        trained = scores[:, COLD:]
        return ((own / own.sum(1, keepdim=True) - 1 / own.shape[1]) * trained).sum(1) / trained.std(1)


def test_what_a_target_leaves_open_is_selected_on_validation_rows_and_kept(cold: Dataset, graph: Graph) -> None:
    ease, tables = Ease().builder(graph), cold.build_feature_tables()
    grid = GridSearch(scorer=Svd(dimension=1), grid={"dimension": [2, 4]})
    metric = OwnBlock()
    found = embed_cold_nodes(ColdStart(target_scorer=grid), ease, tables, None, metric, 0).cold_start
    assert isinstance(found.target_scorer, GridSearch)
    assert found.target_scorer.scorer == Svd(dimension=4)
    assert embed_cold_nodes(found, ease, tables, None, metric, 0).cold_start == found


class HalfCold:
    """Best are lists whose first place is cold for half of the users."""

    users = torch.arange(40)

    def score(self, scorer: Scorer) -> torch.Tensor:
        return scorer.scores(self.users)

    def __call__(self, scores: torch.Tensor) -> float:
        return -abs(float((scores.argmax(1) < 5).float().mean()) - 0.5)


def test_calibration_goes_where_the_metric_is_best() -> None:
    own, other = (torch.randn(40, 30, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    levels = Levels(own.topk(4).values[:, -1], *(torch.full((40,), value) for value in (0.5, 1.5, 1.0)))
    cold = torch.arange(5)
    found = search_calibration(levels, own, other[:, :5] - 1, cold, HalfCold())
    before, after = own.clone(), own.clone()
    before[:, cold] = levels.place(other[:, :5] - 1, torch.arange(40), Calibration())
    after[:, cold] = levels.place(other[:, :5] - 1, torch.arange(40), found)
    assert HalfCold()(after) > HalfCold()(before)


def test_a_given_calibration_stays_and_a_selected_one_is_kept(cold: Dataset, builder: ScorerBuilder) -> None:
    tables, given = cold.build_feature_tables(), ColdStart(scale=2.0, shift=-1.0)
    assert embed_cold_nodes(given, builder, tables, None, HalfCold(), 0).cold_start == given
    assert embed_cold_nodes(ColdStart(), builder, tables, None, HalfCold(), 0).cold_start == ColdStart()
    selected = embed_cold_nodes(ColdStart(calibration="metric"), builder, tables, None, HalfCold(), 0).cold_start
    assert selected.scale is not None
    assert embed_cold_nodes(selected, builder, tables, None, HalfCold(), 0).cold_start == selected


@pytest.mark.parametrize("settings", [Svd(dimension=8), Ease(), GraphFilter(rank=8)])
def test_new_items_get_the_exposure_of_their_like(cold: Dataset, graph: Graph, settings: ScorerSettings) -> None:
    found = embed_cold_nodes(ColdStart(), settings.builder(graph), cold.build_feature_tables(), None, None, 0)
    users = torch.arange(4, 200)
    scores, hidden = found.scorer.scores(users), graph.user_items.gather_pairs(users)
    scores[hidden] = -torch.inf
    own, placed = scores[:, COLD:], scores[:, :COLD]
    best = own.topk(14).values  # lists of an eighth of the trained items
    edge = best[:, -1:]
    rate = len(users) * 14 / own.isfinite().sum()  # of the trained items that a user does not have
    assert 0.6 * rate < (placed >= edge).float().mean() < 1.6 * rate


@pytest.mark.parametrize("dimension", [8, 60, 120])
def test_scores_of_new_items_are_not_beyond_all_measure(cold: Dataset, graph: Graph, dimension: int) -> None:
    """Also where the target is as wide as the catalog, so that features predict next to nothing of it."""
    target = Svd(dimension=dimension, normalize=False)
    tables = cold.build_feature_tables()
    found = embed_cold_nodes(ColdStart(target_scorer=target), Ease().builder(graph), tables, None, None, 0)
    users = torch.arange(4, 200)
    own, strange = found.scorer.scores(users)[:, COLD:], pl.DataFrame({"group": ["none"], "size": [1e9]})
    assert found.towers.items is not None
    for items in (found.scorer.item_embeddings[:COLD], found.towers.items.embed(strange)):
        placed = found.scorer.user_embeddings[users] @ items.T
        assert placed.max() < own.max() + own.std()  # at the other end, they stand last


class TestCheck:
    """Mistakes of the config are found before training."""

    @pytest.mark.parametrize("model", [Regression, ContentNeighbors])
    def test_a_weight_of_an_unknown_feature(self, model, cold: Dataset, graph: Graph) -> None:
        settings = ColdStart(items=model(feature_weights={"groups": 1.0}))
        with pytest.raises(ConfigError, match="weight of unknown feature 'groups'; did you mean 'group'"):
            settings.check(graph, cold.build_feature_tables(), Svd(), has_encoder=False)

    @pytest.mark.parametrize(
        "scorer",
        [Ease(), Blend(parts={"ease": Ease(), "svd": Svd()}), GridSearch(scorer=Ease())],
        ids=lambda scorer: scorer.kind,
    )
    def test_a_target_without_embeddings_to_predict(self, scorer, cold: Dataset, graph: Graph) -> None:
        with pytest.raises(ConfigError, match=r"set cold_start\.target_scorer={kind: svd}, or leave it out"):
            ColdStart(target_scorer=scorer).check(graph, cold.build_feature_tables(), Svd(), has_encoder=False)
        ColdStart().check(graph, cold.build_feature_tables(), scorer, has_encoder=False)

    def test_only_parts_that_are_used_count(self, cold: Dataset, graph: Graph) -> None:
        too_large = Blend(parts={"ease": Ease(max_items=1), "svd": Svd()})
        without_weight = Blend(weights={"item_items": 0, "graph_filter": 0})
        for scorer in (too_large, without_weight):
            ColdStart().check(graph, cold.build_feature_tables(), scorer, has_encoder=False)

    def test_a_target_of_an_encoder_that_is_not_there(self, cold: Dataset, graph: Graph) -> None:
        settings = ColdStart(target_scorer=EmbeddingScorer())
        with pytest.raises(ConfigError, match="target_scorer needs an encoder section"):
            settings.check(graph, cold.build_feature_tables(), Svd(), has_encoder=False)
        settings.check(graph, cold.build_feature_tables(), Svd(), has_encoder=True)

    def test_a_feature_that_the_table_lacks(self, cold: Dataset, graph: Graph) -> None:
        tables = replace(cold, features=FeatureSchema(items={"titel": Categorical()})).build_feature_tables()
        with pytest.raises(DataError, match="no feature 'titel'"):
            ColdStart().check(graph, tables, Svd(), has_encoder=False)

    def test_what_would_train_passes(self, cold: Dataset, graph: Graph) -> None:
        ColdStart().check(graph, cold.build_feature_tables(), Svd(), has_encoder=False)
