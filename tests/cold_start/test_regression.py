"""Ridge, projection and regression are their equations; a planted world's cold items find their block."""

import numpy as np
import polars as pl
import pytest
import torch

from reccl.cold_start import ColdStart, ContentNeighbors, Regression, complete
from reccl.cold_start.calibration import Calibration, chosen, matched
from reccl.cold_start.random_features import Projection
from reccl.cold_start.regression import scales
from reccl.cold_start.ridge import ridge
from reccl.data.dataset import Dataset
from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.errors import ConfigError
from reccl.scorers import Ease, Scorer, Svd

COLD = 12
"""Items 0 .. 11 are not trained on, three of each block."""


@pytest.fixture(scope="module")
def cold(planted_dataset: Dataset) -> Dataset:
    train = planted_dataset.train.filter((pl.col("item") >= COLD) & (pl.col("user") >= 4))
    return Dataset(**{**vars(planted_dataset), "train": train})


@pytest.fixture(scope="module")
def graph(cold: Dataset) -> Graph:
    return Graph.from_interactions(cold.train, 200, 120)


@pytest.fixture(scope="module")
def scorer(graph: Graph) -> Scorer:
    return Svd(dimension=8, normalize=False).build(graph, None)


@pytest.mark.parametrize("width", [5, 40])
def test_ridge_is_the_normal_equations_and_its_penalty_the_best_when_rows_are_left_out(width: int) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20, width)), random.normal(size=(20, 3))
    y += x[:, :3]

    def solved(x: np.ndarray, y: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
        a = x - x.mean(0)
        weights = np.linalg.solve(a.T @ a + penalty * np.eye(width), a.T @ (y - y.mean(0)))
        return weights, y.mean(0) - x.mean(0) @ weights

    def missed(penalty: float) -> float:
        total = 0.0
        for row in range(20):
            others = np.arange(20) != row
            weights, constant = solved(x[others], y[others], penalty)
            total += np.square(y[row] - x[row] @ weights - constant).sum()
        return total

    penalties = (0.1, 1.0, 10.0, 100.0)
    weight, constant, penalty = ridge(torch.from_numpy(x), torch.from_numpy(y), penalties)
    assert penalty == min(penalties, key=missed)
    expected = solved(x, y, penalty)
    np.testing.assert_allclose(weight, expected[0], atol=1e-6)
    np.testing.assert_allclose(constant, expected[1], atol=1e-6)
    alone = ridge(torch.from_numpy(x), torch.from_numpy(y), (penalty,))
    np.testing.assert_allclose(alone[0], weight, atol=1e-6)
    np.testing.assert_allclose(alone[1], constant, atol=1e-6)


def test_random_units_make_the_arc_cosine_kernel() -> None:
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    scale = torch.tensor([1.0, 2.0, 0.5, 1.0])
    found = Projection.draw(scale, 50_000, seed=0)(x)
    whole = torch.cat([x * scale, torch.ones(6, 1)], 1).double().numpy()
    length = np.linalg.norm(whole, axis=1)
    angle = np.arccos(np.clip(whole @ whole.T / np.outer(length, length), -1, 1))
    expected = np.outer(length, length) * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi
    np.testing.assert_allclose(found @ found.T, expected, rtol=0.05, atol=0.1)


def test_features_are_equally_loud_but_for_their_weights(cold: Dataset) -> None:
    tables = FeatureTables.of(cold)
    fitted = tables.fitted("items")
    x = tables.matrix("items", fitted)
    scaled, names = x * scales(fitted, x, {"group": 3.0}), fitted.columns
    for name, loud in (("group", 9.0), ("tags", 1.0), ("size", 1.0)):
        own = [place for place, column in enumerate(names) if column.split("=")[0] == name]
        assert scaled[:, own].square().sum(1).mean().item() == pytest.approx(loud, rel=1e-4)
    with pytest.raises(ConfigError, match="weight of unknown feature 'groups'; did you mean 'group'"):
        scales(fitted, x, {"groups": 1.0})


@pytest.mark.parametrize(
    "items", [Regression(hidden=0), Regression(hidden=200), ContentNeighbors()], ids=["linear", "wide", "neighbors"]
)
def test_cold_items_go_to_their_own_block_and_trained_ones_stay(
    cold: Dataset, graph: Graph, scorer: Scorer, items: Regression | ContentNeighbors
) -> None:
    whole = complete(ColdStart(items=items), scorer, graph, FeatureTables.of(cold), None, None, 0)
    users = torch.arange(4, 200)
    before, after = scorer.scores(users), whole.scorer.scores(users)
    torch.testing.assert_close(after[:, COLD:], before[:, COLD:], rtol=1e-4, atol=1e-5)
    own = (torch.arange(COLD) % 4)[None, :] == (users % 4)[:, None]
    assert after[:, :COLD][own].mean() > after[:, :COLD][~own].mean() + after[:, :COLD].std()
    torch.testing.assert_close(
        whole.towers.items.embed(cold.item_table[:COLD]), whole.scorer.item_embeddings[:COLD], rtol=1e-4, atol=1e-5
    )


def test_cold_users_are_foretold_from_trained_ones(cold: Dataset, graph: Graph, scorer: Scorer) -> None:
    whole = complete(ColdStart(), scorer, graph, FeatureTables.of(cold), None, None, 0)
    scores = whole.scorer.scores(torch.arange(4))
    own = torch.arange(120)[None, :] % 4 == torch.arange(4)[:, None]
    assert scores[own].mean() > scores[~own].mean() + 0.5 * scores.std()
    torch.testing.assert_close(whole.towers.users.embed(cold.user_table[:4]), whole.scorer.user_embeddings[:4])


def test_another_space_than_the_scorers_foretells_what_the_scorer_can_not(cold: Dataset, graph: Graph) -> None:
    ease, tables = Ease().build(graph, None), FeatureTables.of(cold)
    with pytest.raises(ConfigError, match=r"set cold_start\.target_scorer"):
        complete(ColdStart(), ease, graph, tables, None, None, 0)
    whole = complete(ColdStart(target_scorer=Svd(dimension=8)), ease, graph, tables, None, None, 0)
    users = torch.arange(4, 200)
    torch.testing.assert_close(whole.scorer.scores(users)[:, COLD:], ease.scores(users)[:, COLD:])
    assert whole.scorer.scores(users)[:, :COLD].std() > 0


class Wish:
    """Likes lists whose first place is cold for half of the users."""

    users = torch.arange(40)

    def __call__(self, scores: torch.Tensor) -> float:
        return -abs(float((scores.argmax(1) < 5).float().mean()) - 0.5)


def test_calibration_starts_where_both_sorts_match_and_goes_where_the_judge_is_content() -> None:
    own, other = (torch.randn(40, 30, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    start = matched(own, 10 * other + 3)
    moved = start.scale * (10 * other + 3) + start.shift
    assert moved.mean().item() == pytest.approx(own.mean().item(), abs=1e-4)
    assert moved.std(1).mean().item() == pytest.approx(own.std(1).mean().item(), rel=1e-4)
    cold = torch.arange(5)
    scores, foretold = own.clone(), other[:, :5] - 3
    found = chosen(Calibration(), scores, foretold, cold, Wish())
    before, after = own.clone(), own.clone()
    before[:, cold] = foretold
    after[:, cold] = found.scale * foretold + found.shift
    assert Wish()(after) > Wish()(before)


def test_a_given_calibration_is_kept_and_a_chosen_one_is_told(cold: Dataset, graph: Graph, scorer: Scorer) -> None:
    tables, given = FeatureTables.of(cold), ColdStart(scale=2.0, shift=-1.0)
    assert complete(given, scorer, graph, tables, None, None, 0).cold_start == given
    told = complete(ColdStart(), scorer, graph, tables, None, None, 0).cold_start
    again = complete(told, scorer, graph, tables, None, None, 0)
    assert told.scale is not None
    assert again.cold_start == told
