"""Negatives are items of the catalog, and never the positive itself."""

import polars as pl
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from reccl.data.batches import Batch, iterate_batches
from reccl.data.graph import Graph
from reccl.losses import Pairs
from reccl.losses.masks import to_dense
from reccl.negatives import AnyNegatives, Hard, InBatch, Mixed, NegativeSample, NegativesSettings, Popularity, Uniform

ROOM = AnyNegatives


@pytest.fixture
def batch(planted_graph: Graph) -> Batch:
    return next(iterate_batches(planted_graph, 256, torch.Generator().manual_seed(3)))


def sampled(settings: NegativesSettings, batch: Batch, graph: Graph, seed: int = 0) -> NegativeSample:
    return settings.sample(batch, graph, torch.Generator().manual_seed(seed))


def for_each_row(found: NegativeSample, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Items and mask, both [B, M]."""
    items = found.items.expand(len(batch), -1) if found.items.dim() == 1 else found.items
    mask = to_dense(found.mask)
    return items, torch.zeros_like(items, dtype=torch.bool) if mask is None else mask


class TestContract:
    def test_builds_from_defaults_and_survives_its_own_dump(self, part: type[NegativesSettings]) -> None:
        room = TypeAdapter(AnyNegatives)
        made = room.validate_python({"kind": part().kind})
        assert made == part()
        assert room.validate_python(room.dump_python(made, mode="json")) == made

    def test_refuses_keys_that_do_not_exist(self, part: type[NegativesSettings]) -> None:
        with pytest.raises(ValidationError, match="unknown key 'count'"):
            part.model_validate({"count": 1})

    def test_items_are_of_the_catalog_and_the_mask_has_their_shape(
        self, part: type[NegativesSettings], batch: Batch, planted_graph: Graph
    ) -> None:
        items, mask = for_each_row(sampled(part(), batch, planted_graph), batch)
        assert items.shape == mask.shape
        assert len(items) == len(batch)
        assert items.dtype == torch.long
        assert ((items >= 0) & (items < planted_graph.num_items)).all()

    def test_the_positive_is_never_its_own_negative(
        self, part: type[NegativesSettings], batch: Batch, planted_graph: Graph
    ) -> None:
        for seed in range(5):
            items, mask = for_each_row(sampled(part(), batch, planted_graph, seed), batch)
            assert mask[items == batch.item[:, None]].all()

    def test_the_same_seed_samples_the_same(
        self, part: type[NegativesSettings], batch: Batch, planted_graph: Graph
    ) -> None:
        assert torch.equal(*(sampled(part(), batch, planted_graph, 4).items for _ in range(2)))

    def test_a_batch_of_one_is_fine(self, part: type[NegativesSettings], planted_graph: Graph) -> None:
        one = Batch(planted_graph.user[:1], planted_graph.item[:1])
        items, mask = for_each_row(sampled(part(), one, planted_graph), one)
        assert items.shape == mask.shape == (1, items.shape[1])

    def test_log_q_is_that_of_one_draw(self, part: type[NegativesSettings], batch: Batch, planted_graph: Graph) -> None:
        log_q = sampled(part(), batch, planted_graph).log_q
        if log_q is not None:
            assert log_q.shape == (planted_graph.num_items,)
            assert log_q.exp().sum().item() == pytest.approx(1)  # no item of the planted world is cold


class TestInBatch:
    def test_candidates_are_the_batchs_items_with_equal_ones_masked(self, batch: Batch, planted_graph: Graph) -> None:
        found = sampled(InBatch(), batch, planted_graph)
        assert found.items is batch.item
        expected = [[one == other for other in batch.item.tolist()] for one in batch.item.tolist()]
        assert found.mask.to_dense().tolist() == expected

    def test_an_items_chance_is_its_share_of_training_rows(self, batch: Batch, planted_graph: Graph) -> None:
        log_q = sampled(InBatch(), batch, planted_graph).log_q
        counts = torch.tensor([planted_graph.item.tolist().count(item) for item in range(planted_graph.num_items)])
        torch.testing.assert_close(log_q.exp(), counts / len(planted_graph.item))


class TestPopularity:
    @pytest.mark.parametrize("exponent", [-0.5, 0.0, 0.75, 1.0])
    def test_items_come_up_in_proportion_to_a_power_of_their_degree(
        self, batch: Batch, planted_graph: Graph, exponent: float
    ) -> None:
        found = sampled(Popularity(number=60_000, exponent=exponent, shared=True), batch, planted_graph)
        weight = planted_graph.item_degree.double() ** exponent
        torch.testing.assert_close(found.log_q.double().exp(), weight / weight.sum())
        counts, mean = found.items.bincount(minlength=planted_graph.num_items), 60_000 * weight / weight.sum()
        assert ((counts - mean).abs() < 5 * mean.sqrt()).all()

    @pytest.mark.parametrize(("shared", "shape"), [(True, (7,)), (False, (256, 7))])
    def test_samples_its_number_once_or_for_each_row(
        self, batch: Batch, planted_graph: Graph, shared: bool, shape: tuple[int, ...]
    ) -> None:
        assert sampled(Popularity(number=7, shared=shared), batch, planted_graph).items.shape == shape

    def test_known_positives_are_redrawn_or_masked(self, batch: Batch, planted_graph: Graph) -> None:
        once, redrawn = (
            for_each_row(sampled(Popularity(number=9, redraws=n), batch, planted_graph), batch) for n in (0, 3)
        )
        assert torch.equal(redrawn[1], planted_graph.has_edge(batch.user[:, None], redrawn[0]))
        assert redrawn[1].sum() < 0.2 * once[1].sum()

    def test_an_item_without_interactions_counts_as_one(self) -> None:
        graph = Graph.from_interactions(pl.DataFrame({"user": [0, 1, 2, 3], "item": [0, 0, 0, 0]}), 4, 3)
        found = sampled(Popularity(number=600, exponent=1, shared=True), Batch(graph.user, graph.item), graph)
        torch.testing.assert_close(found.log_q.exp(), torch.tensor([4, 1, 1]) / 6)
        assert set(found.items.tolist()) == {0, 1, 2}


class TestMixed:
    def test_the_batchs_items_come_first_and_uniform_ones_after(self, batch: Batch, planted_graph: Graph) -> None:
        items = sampled(Mixed(number=60_000), batch, planted_graph).items
        assert torch.equal(items[:256], batch.item)
        counts, mean = items[256:].bincount(minlength=planted_graph.num_items), 60_000 / planted_graph.num_items
        assert (counts - mean).abs().max() < 5 * mean**0.5

    def test_chances_are_those_of_the_mixture(self, batch: Batch, planted_graph: Graph) -> None:
        popular = planted_graph.item_degree.double() / len(planted_graph.user)
        expected = (256 * popular + 64 / planted_graph.num_items) / (256 + 64)
        torch.testing.assert_close(
            sampled(Mixed(number=64), batch, planted_graph).log_q.exp(), expected, check_dtype=False
        )


class TestUniform:
    @pytest.mark.parametrize(("shared", "shape"), [(True, (7,)), (False, (256, 7))])
    def test_samples_its_number_once_or_for_each_row(
        self, batch: Batch, planted_graph: Graph, shared: bool, shape: tuple[int, ...]
    ) -> None:
        assert sampled(Uniform(number=7, shared=shared), batch, planted_graph).items.shape == shape

    def test_shared_items_are_equally_likely(self, batch: Batch, planted_graph: Graph) -> None:
        items = sampled(Uniform(number=60_000, shared=True), batch, planted_graph).items
        counts, mean = items.bincount(minlength=planted_graph.num_items), 60_000 / planted_graph.num_items
        assert (counts - mean).abs().max() < 5 * mean**0.5

    def test_a_users_unknown_items_are_equally_likely(self, planted_graph: Graph) -> None:
        user, known = planted_graph.user[0], planted_graph.item[planted_graph.user == planted_graph.user[0]]
        batch = Batch(user.repeat(100), known[:1].repeat(100))
        items, mask = for_each_row(sampled(Uniform(number=500), batch, planted_graph), batch)
        unknown = torch.ones(planted_graph.num_items, dtype=torch.bool).index_fill(0, known.long(), False)
        counts = items[~mask].bincount(minlength=planted_graph.num_items)[unknown].float()
        assert (counts - counts.mean()).abs().max() < 5 * counts.mean() ** 0.5

    def test_another_seed_samples_another_set(self, batch: Batch, planted_graph: Graph) -> None:
        first, second = (sampled(Uniform(number=5), batch, planted_graph, seed).items for seed in (0, 1))
        assert not torch.equal(first, second)

    def test_no_number_is_no_negative(self) -> None:
        with pytest.raises(ValidationError, match="number"):
            Uniform(number=0)


SHARED = {
    "in_batch": InBatch(mask_known=True),
    "mixed": Mixed(number=40, mask_known=True),
    "popularity": Popularity(number=40, shared=True, mask_known=True),
    "uniform": Uniform(number=40, shared=True, mask_known=True),
}


class TestMaskKnown:
    @pytest.mark.parametrize("name", SHARED)
    def test_masks_whatever_the_rows_user_likes_and_nothing_else(
        self, name: str, batch: Batch, planted_graph: Graph
    ) -> None:
        items, mask = for_each_row(sampled(SHARED[name], batch, planted_graph), batch)
        assert torch.equal(mask, planted_graph.has_edge(batch.user[:, None], items))

    @pytest.mark.parametrize("name", SHARED)
    def test_is_off_by_default(self, name: str, batch: Batch, planted_graph: Graph) -> None:
        published = SHARED[name].model_copy(update={"mask_known": False})
        items, mask = for_each_row(sampled(published, batch, planted_graph), batch)
        assert torch.equal(mask, items == batch.item[:, None])
        assert type(published).model_fields["mask_known"].default is False

    def test_a_mask_by_lists_can_be_cut_like_a_dense_one(self, batch: Batch, planted_graph: Graph) -> None:
        mask = sampled(SHARED["uniform"], batch, planted_graph).mask
        for rows in (slice(0, 10), slice(100, 101), slice(250, 300)):
            assert torch.equal(mask.select_anchors(rows).to_dense(), mask.to_dense()[rows])


class TestRatio:
    @pytest.mark.parametrize("kind", [Popularity, Uniform])
    def test_a_shared_pool_grows_with_the_batch(
        self, kind: type[Popularity | Uniform], batch: Batch, planted_graph: Graph
    ) -> None:
        settings = kind(shared=True, ratio=0.5)
        few = Batch(batch.user[:11], batch.item[:11])
        assert len(sampled(settings, batch, planted_graph).items) == 128
        assert len(sampled(settings, few, planted_graph).items) == round(5.5)
        assert len(sampled(settings, Batch(batch.user[:1], batch.item[:1]), planted_graph).items) == 1

    def test_of_mixed_counts_the_uniform_part_and_so_do_the_chances(self, batch: Batch, planted_graph: Graph) -> None:
        one, other = (sampled(mixed, batch, planted_graph) for mixed in (Mixed(ratio=0.25), Mixed(number=64)))
        assert torch.equal(one.items, other.items)
        assert torch.equal(one.log_q, other.log_q)

    @pytest.mark.parametrize("wrong", [{"ratio": 2.0}, {"mask_known": True}])
    def test_what_applies_to_a_shared_sample_needs_one(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValidationError, match="set shared=true"):
            Uniform.model_validate(wrong)


class TestHard:
    def pairs(self, own: bool) -> Pairs:
        random = torch.Generator().manual_seed(0)
        shape = (5, 9, 4) if own else (9, 4)
        x, y, z = (torch.randn(*each, generator=random) for each in ((5, 4), (5, 4), shape))
        log_q = torch.randn(shape[:-1], generator=random)
        return Pairs(x, y, z, torch.rand(5, 9, generator=random) > 0.7, torch.zeros(5), log_q)

    @pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
    def test_selects_the_highest_that_count_with_all_that_belongs_to_them(self, own: bool) -> None:
        pairs = self.pairs(own)
        selected = Hard(number=3).select(pairs)
        assert selected.negatives.shape == (5, 3, 4)
        assert not selected.mask.any()
        for b in range(5):
            each = pairs.negatives[b] if own else pairs.negatives
            chances = pairs.negative_log_q[b] if own else pairs.negative_log_q
            order = [
                j for j in (each @ pairs.anchor[b]).argsort(descending=True).tolist() if not pairs.dense_mask[b, j]
            ]
            expected = {(*each[j].tolist(), chances[j].item()) for j in order[:3]}
            found = zip(selected.negatives[b].tolist(), selected.negative_log_q[b].tolist(), strict=True)
            assert {(*vector, chance) for vector, chance in found} == expected

    def test_masked_ones_that_fill_up_stay_masked(self) -> None:
        pairs = self.pairs(own=True)
        selected = Hard(number=8).select(pairs)
        assert torch.equal(selected.mask.sum(1), (8 - (~pairs.dense_mask).sum(1)).clamp(min=0))

    def test_gradients_reach_what_is_selected_alone(self) -> None:
        pairs = self.pairs(own=True)
        pool = pairs.negatives.requires_grad_()
        Hard(number=2).select(pairs).negatives.sum().backward()
        assert (pool.grad.abs().sum(2) > 0).sum(1).tolist() == [2] * 5

    def test_samples_its_pool(self, batch: Batch, planted_graph: Graph) -> None:
        pool = Popularity(number=6)
        assert torch.equal(*(sampled(each, batch, planted_graph).items for each in (Hard(pool=pool), pool)))

    def test_a_pool_smaller_than_the_number_is_selected_whole(self) -> None:
        assert Hard(number=99).select(self.pairs(own=False)).negatives.shape == (5, 9, 4)
