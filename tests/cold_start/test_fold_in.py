"""Fold-in embeds users from their items as well as the trained users allow, and changes nothing else."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

from reccl.cold_start.expected_profile import ProfileEstimator
from reccl.cold_start.feature_prior import FeaturePrior, GaussianPrior
from reccl.cold_start.fold_in import fold_in
from reccl.cold_start.fold_in_estimator import FoldInEstimator
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.data.user_items import UserItemCSR
from reccl.scorers import Ease, GraphFilter, ItemKnn, Popularity, Scorer, Svd


def world(users: int = 60, items: int = 30, dimension: int = 4, *, unit: bool = False) -> tuple[Scorer, UserItemCSR]:
    """Users whose items are near their embedding."""
    random = np.random.default_rng(3)
    taste, kinds = random.normal(size=(users, dimension)) + 1, random.normal(size=(items, dimension))
    noisy = taste @ kinds.T + random.normal(size=(users, items))
    rows = [(u, i) for u in range(users) for i in np.argsort(-noisy[u])[: random.integers(4, 9)]]
    vectors = torch.from_numpy(taste).float()
    vectors = torch.nn.functional.normalize(vectors, dim=1) if unit else vectors
    pairs = pl.DataFrame(rows, schema={"user": pl.Int32, "item": pl.Int32}, orient="row")
    return Scorer(vectors, torch.from_numpy(kinds).float()), UserItemCSR.from_interactions(pairs, users, items)


def histories(scorer: Scorer, items: dict[int, list[int]]) -> UserItemCSR:
    rows = [(user, item) for user, own in items.items() for item in own]
    table = pl.DataFrame(rows, schema={"user": pl.Int32, "item": pl.Int32}, orient="row")
    return UserItemCSR.from_interactions(table, scorer.num_users, scorer.num_items)


def with_user(scorer: Scorer, trained: UserItemCSR, number: int = 1) -> tuple[Scorer, UserItemCSR]:
    """Room for users who were not trained on; what their rows hold must not matter."""
    users = torch.cat([scorer.user_embeddings, torch.full((number, scorer.user_embeddings.shape[1]), 99.0)])
    start = torch.cat([trained.start, trained.start[-1:].expand(number)])
    return replace(scorer, user_embeddings=users), UserItemCSR(start, trained.item, trained.num_items)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_it_is_the_least_squares_fit_over_every_subset_of_k_items_of_every_user(k: int) -> None:
    """Reference: the regression of embeddings on means of k items, all subsets written out, every user alike."""
    scorer, trained = world(users=200)
    degree = np.bincount(trained.item.numpy(), minlength=30)
    lengths = scorer.user_embeddings.norm(dim=1, keepdim=True)
    targets = (scorer.user_embeddings / lengths * lengths.mean()).double().numpy()
    items = scorer.item_embeddings.double().numpy()
    covariance, cross, weights = np.zeros((4, 4)), np.zeros((4, 4)), len(targets)
    owned = [trained.item[trained.start[u] : trained.start[u + 1]].numpy() for u in range(weights)]
    mean = np.mean([items[own].mean(0) for own in owned], 0)
    for own, target in zip(owned, targets, strict=True):
        drawn = np.array([items[list(some)].mean(0) - mean for some in combinations(own, k)])  # [draws, D]
        covariance += drawn.T @ drawn / len(drawn) / weights
        cross += np.outer(target - targets.mean(0), drawn.mean(0)) / weights
    asked = [3, 11, 20][:k]
    right = targets.mean(0) + cross @ np.linalg.solve(covariance, items[asked].mean(0) - mean)
    estimate = FoldInEstimator.of_exponent(scorer, trained, torch.from_numpy(degree), 0.0)
    found = estimate(histories(scorer, {0: asked}).select_users(torch.tensor([0])))[0]
    assert found.numpy() == pytest.approx(right, rel=2e-3, abs=2e-3)


def test_the_prior_of_all_users_changes_nothing() -> None:
    scorer, trained = world()
    estimate = FoldInEstimator.of(scorer, trained)
    own = histories(scorer, {0: [3, 11, 20], 1: [5]}).select_users(torch.tensor([0, 1]))
    prior = GaussianPrior(estimate.mean_user.expand(2, -1), 0.9 * estimate.user_covariance)  # FLOOR adds the rest
    assert torch.allclose(estimate(own, prior), estimate(own), atol=2e-3)


def test_features_that_are_never_wrong_outweigh_a_few_items_and_poor_ones_do_not() -> None:
    scorer, trained = world()
    estimate = FoldInEstimator.of(scorer, trained)
    own, predicted = histories(scorer, {0: [3, 11, 20]}).select_users(torch.tensor([0])), -scorer.user_embeddings[:1]
    by_items = estimate(own)

    def with_prior(variance: float) -> Tensor:
        return estimate(own, GaussianPrior(predicted, variance * torch.eye(4)))

    assert (with_prior(0.0) - predicted).norm() < 0.5 * (by_items - predicted).norm()
    far = [float((with_prior(variance) - predicted).norm()) for variance in (0.0, 0.3, 1.0, 10.0)]
    assert far == sorted(far)


def test_popular_items_count_less_where_that_gives_the_trained_users_back_better(planted_graph: Graph) -> None:
    """SVD with normalization embeds a user by the sum of e_i / d_i: exponent 1, and the estimate is nearly exact."""
    scorer = Svd(dimension=8).build(planted_graph, None)
    estimate = FoldInEstimator.of(scorer, planted_graph.user_items)
    degree = planted_graph.item_degree.clamp(min=1).double()
    assert torch.allclose(estimate.item_weights * degree, (estimate.item_weights * degree)[0].expand(120))
    cosine = torch.cosine_similarity(estimate(planted_graph.user_items), scorer.user_embeddings)
    assert cosine.min() > 0.98


@pytest.mark.parametrize("unit", [False, True])
def test_more_items_come_nearer_to_what_training_would_have_found(unit: bool) -> None:
    scorer, trained = world(users=400, unit=unit)
    rows = torch.arange(0, 400, 2)  # every other user is new
    kept = torch.ones(400, dtype=torch.bool)
    kept[rows] = False
    rest = trained.select_users(kept.nonzero().squeeze(1))
    estimate = FoldInEstimator.of(replace(scorer, user_embeddings=scorer.user_embeddings[kept]), rest)
    own = trained.select_users(rows)
    errors = []
    for k in (0, 1, 4):
        pairs = [(u, int(i)) for u in range(200) for i in own.item[own.start[u] : own.start[u + 1]][:k]]
        table = pl.DataFrame(pairs, schema={"user": pl.Int32, "item": pl.Int32}, orient="row")
        found = estimate(UserItemCSR.from_interactions(table, 200, 30))
        errors.append(float(torch.cosine_similarity(found, scorer.user_embeddings[rows]).mean()))
        assert not unit or torch.allclose(found.norm(dim=1), torch.ones(200))
    assert errors == sorted(errors)
    assert errors[2] > errors[0] + 0.05


def test_a_feature_prior_is_the_least_squares_line_from_predicted_to_trained_embeddings() -> None:
    random = torch.Generator().manual_seed(0)
    predicted, weight = torch.randn(500, 3, generator=random), torch.randn(3, 3, generator=random)
    noise = torch.randn(500, 3, generator=random) * torch.tensor([0.0, 0.5, 1.0])
    feature_prior = FeaturePrior.of(predicted, predicted @ weight.T + 7 + noise)
    x, y = np.c_[predicted.numpy(), np.ones(500)], (predicted @ weight.T + 7 + noise).numpy()
    right, *_ = np.linalg.lstsq(x, y, rcond=None)
    assert pytest.approx(right, abs=1e-3) == np.c_[feature_prior.weight.numpy(), feature_prior.bias.numpy()].T
    assert feature_prior.covariance.numpy() == pytest.approx(np.cov((y - x @ right).T, bias=True), abs=1e-3)
    assert torch.equal(feature_prior.prior(predicted).mean, predicted @ feature_prior.weight.T + feature_prior.bias)


def test_items_in_components_of_their_own_are_no_evidence() -> None:
    """A content model may keep items without interactions in components that trained items do not use."""
    scorer, trained = with_user(*world())
    apart = Scorer(
        torch.nn.functional.pad(scorer.user_embeddings, (0, 2)),
        torch.cat([torch.nn.functional.pad(scorer.item_embeddings, (0, 2)), torch.tensor([[0.0] * 4 + [3, 1]])]),
    )
    placed = torch.ones(31, dtype=torch.bool)
    with_it, without = (
        fold_in(apart, trained, histories(apart, {60: own}), feature_items=placed).user_embeddings[60]
        for own in ([3, 30], [3])
    )
    assert torch.allclose(with_it, without)
    assert torch.allclose(
        without[:4], fold_in(scorer, trained, histories(scorer, {60: [3]})).user_embeddings[60], atol=1e-4
    )


class TestFoldIn:
    def test_a_new_user_is_embedded_whatever_the_row_held_and_everybody_else_stays(self) -> None:
        scorer, trained = with_user(*world())
        before = [scorer.user_embeddings.clone(), scorer.item_embeddings.clone(), trained.item.clone()]
        folded = fold_in(scorer, trained, histories(scorer, {60: [3, 11]}))
        assert torch.equal(folded.user_embeddings[:60], scorer.user_embeddings[:60])
        assert folded.user_embeddings[60].norm() < 10
        other = replace(scorer, user_embeddings=scorer.user_embeddings.clone().index_fill_(0, torch.tensor([60]), -1.0))
        assert torch.equal(
            fold_in(other, trained, histories(scorer, {60: [3, 11]})).user_embeddings, folded.user_embeddings
        )
        assert all(
            torch.equal(*pair)
            for pair in zip(before, [scorer.user_embeddings, scorer.item_embeddings, trained.item], strict=True)
        )

    def test_no_history_gives_the_same_scorer(self) -> None:
        scorer, trained = world()
        assert fold_in(scorer, trained, histories(scorer, {})) is scorer

    def test_a_known_user_moves_by_what_the_new_items_add_and_not_by_old_ones(self) -> None:
        scorer, trained = world()
        old = trained.item[:2].tolist()
        assert torch.allclose(
            fold_in(scorer, trained, histories(scorer, {0: old})).user_embeddings, scorer.user_embeddings, atol=1e-6
        )
        new = next(item for item in range(30) if item not in trained.item[: trained.start[1]])
        moved = fold_in(scorer, trained, histories(scorer, {0: [*old, new]})).user_embeddings
        assert torch.equal(moved[1:], scorer.user_embeddings[1:])
        assert 0 < (moved[0] - scorer.user_embeddings[0]).norm() < scorer.user_embeddings[0].norm()
        assert (moved[0] - scorer.user_embeddings[0]) @ scorer.item_embeddings[new] > 0

    def test_items_without_training_rows_do_not_count_unless_features_embed_them(self) -> None:
        scorer, trained = with_user(*world())
        strange = replace(scorer, item_embeddings=torch.cat([scorer.item_embeddings, torch.full((1, 4), 50.0)]))
        plain = fold_in(scorer, trained, histories(scorer, {60: [3]})).user_embeddings[60]
        assert torch.equal(fold_in(strange, trained, histories(strange, {60: [3, 30]})).user_embeddings[60], plain)
        own, feature_items = histories(strange, {60: [3, 30]}), torch.arange(31) == 30
        both = fold_in(strange, trained, own, feature_items=feature_items).user_embeddings[60]
        assert not torch.equal(both, plain)

    def test_features_count_where_there_are_some(self) -> None:
        scorer, trained = with_user(*world(), 2)
        predicted = replace(
            scorer, user_embeddings=scorer.user_embeddings.clone().index_fill_(0, torch.tensor([60, 61]), 0.5)
        )
        own, feature_users = histories(scorer, {60: [3], 61: [3]}), torch.arange(62) == 61
        folded = fold_in(
            predicted,
            trained,
            own,
            feature_users=feature_users,
            feature_prior=FeaturePrior(torch.eye(4), torch.zeros(4), torch.zeros(4, 4)),
        )
        plain = fold_in(predicted, trained, own)
        assert torch.equal(folded.user_embeddings[60], plain.user_embeddings[60])
        assert (folded.user_embeddings[61] - predicted.user_embeddings[61]).norm() < (
            plain.user_embeddings[61] - predicted.user_embeddings[61]
        ).norm()

    @pytest.mark.parametrize("settings", [Ease(), ItemKnn(), GraphFilter(rank=8), GraphFilter(weight=0)])
    def test_scorers_of_histories_rank_a_new_user_by_the_items_and_the_expected_rest(
        self, settings: Ease | ItemKnn | GraphFilter, planted_graph: Graph
    ) -> None:
        """Reference: all such scores are linear in x_u, so that those of every single item say what they should be."""
        scorer, trained = with_user(settings.build(planted_graph, None), planted_graph.user_items)
        scorer = replace(scorer, history=trained)
        x = torch.zeros(200, 120)
        place, item = planted_graph.user_items.gather_pairs(torch.arange(200))
        x[place, item] = 1
        linear = torch.linalg.lstsq(x, scorer.scores(torch.arange(200)), driver="gelsd").solution  # [I, I] on the span
        own = item[place == 7]
        history = planted_graph.user_items.select_users(torch.tensor([7]))
        profiles = ProfileEstimator.of(planted_graph.user_items)
        whole = x[7] + (profiles(history) @ profiles.directions.T)[0]
        folded = fold_in(scorer, trained, histories(scorer, {200: own.tolist()}))
        assert torch.allclose(folded.scores(torch.tensor([200]))[0], whole @ linear, atol=2e-3)
        assert torch.allclose(folded.scores(torch.arange(200)), scorer.scores(torch.arange(200)), atol=1e-6)

    @pytest.mark.parametrize("settings", [Ease(), GraphFilter(rank=8)])
    def test_a_short_history_starts_at_the_list_of_the_mean_user(
        self, settings: Ease | GraphFilter, planted_graph: Graph
    ) -> None:
        """The expected profile has about as many items as a trained user has."""
        own = planted_graph.user_items.select_users(torch.tensor([7]))
        one = replace(own, start=torch.tensor([0, 1]), item=own.item[:1])
        profiles = ProfileEstimator.of(planted_graph.user_items)
        usual = float(planted_graph.user_degree.float().mean())
        assert float((profiles(one) @ profiles.directions.T).sum()) == pytest.approx(usual, rel=0.2)
        scorer, trained = with_user(settings.build(planted_graph, None), planted_graph.user_items)
        folded = fold_in(replace(scorer, history=trained), trained, histories(scorer, {200: one.item.tolist()}))
        popular = planted_graph.item_degree.float()
        rank = settings.build(planted_graph, None).item_embeddings.shape[1]
        direct = replace(
            folded,
            user_embeddings=folded.user_embeddings.clone().index_fill_(
                1, torch.arange(rank, folded.user_embeddings.shape[1]), 0
            ),
        )
        with_rest, without = (
            torch.corrcoef(torch.stack([each.scores(torch.tensor([200]))[0], popular]))[0, 1]
            for each in (folded, direct)
        )
        assert with_rest > without + 0.05

    def test_a_known_user_of_such_a_scorer_gets_the_union(self, planted_graph: Graph) -> None:
        scorer = Ease().build(planted_graph, None)
        trained = planted_graph.user_items
        own = trained.item[: trained.start[1]].tolist()
        new = next(item for item in range(120) if item not in own)
        folded = fold_in(scorer, trained, histories(scorer, {0: [new, own[0]]}))
        x = torch.zeros(120)
        x[[*own, new]] = 1
        weights = next(matrix for name, matrix in scorer.tensors().items() if matrix.shape == (120, 120))
        assert torch.allclose(folded.scores(torch.tensor([0]))[0], weights @ x, atol=1e-5)

    def test_where_all_users_are_alike_the_new_one_is_as_well(self, planted_graph: Graph) -> None:
        scorer, trained = with_user(Popularity().build(planted_graph, None), planted_graph.user_items)
        folded = fold_in(scorer, trained, histories(scorer, {200: [1, 2]}))
        assert torch.allclose(folded.user_embeddings, torch.ones(201, 1))


def test_floor_new_users_of_the_planted_world_get_items_of_their_block(planted_dataset: Dataset) -> None:
    graph = Graph.from_interactions(planted_dataset.train, 200, 120)
    scorer, trained = with_user(Svd(dimension=8).build(graph, None), graph.user_items)
    block = (torch.from_numpy(planted_dataset.item_ids.ids.to_numpy(writable=True)) - 10) // 3 % 4
    own = (block == 2).nonzero().squeeze(1)[:3].tolist()
    scores = fold_in(scorer, trained, histories(scorer, {200: own})).scores(torch.tensor([200]))[0]
    assert (block[scores.topk(10).indices] == 2).float().mean() >= 0.9
