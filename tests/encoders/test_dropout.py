"""Dropout drops what torch's drops, and its random numbers come from the generator that it was built with."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders import NGCF, ContentAligned, Convolution, EncoderSettings, TwoTower
from reccl.encoders.dropout import DeviceGenerator, Dropout
from reccl.views import View

RANDOM = [
    Convolution(dropout=0.5),
    ContentAligned(dropout=0.5, replaced=0.5),
    NGCF(dropout=0.5),
    TwoTower(dropout=0.5, id_dropout=0.5),
]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_drops_and_scales_as_often_as_torchs(rate: float) -> None:
    x = torch.full((400, 50), 3.0)
    torch.manual_seed(0)
    ours, theirs = Dropout(rate, seeded())(x), nn.Dropout(rate)(x)
    deviation = (x.numel() * rate * (1 - rate)) ** 0.5
    for dropped in (ours == 0, theirs == 0):
        assert abs(dropped.sum().item() - rate * x.numel()) < 4 * deviation
        per_row, per_column = dropped.float().mean(1).var(), dropped.float().mean(0).var()
        assert per_row.item() == pytest.approx(rate * (1 - rate) / 50, rel=0.4)
        assert per_column.item() == pytest.approx(rate * (1 - rate) / 400, rel=0.9)
    assert ours.unique().tolist() == pytest.approx(theirs.unique().tolist())


def test_the_gradient_passes_where_a_component_stayed() -> None:
    x = torch.ones(30, 4, requires_grad=True)
    out = Dropout(0.5, seeded())(x)
    out.sum().backward()
    assert torch.equal(x.grad, out.detach())


def test_in_evaluation_and_at_rate_zero_nothing_is_dropped_or_sampled() -> None:
    x, generator = torch.randn(5, 4), seeded()
    before = generator.get_state()
    assert Dropout(0.0, generator)(x) is x
    assert torch.equal(generator.get_state(), before)
    assert Dropout(0.5, generator).eval()(x) is x


def test_every_call_drops_others_and_equal_generators_drop_the_same() -> None:
    x = torch.ones(20, 20)
    one, same, other = Dropout(0.5, seeded()), Dropout(0.5, seeded()), Dropout(0.5, seeded(1))
    first, second = one(x), one(x)
    assert not torch.equal(first, second)
    assert torch.equal(same(x), first)
    assert not torch.equal(other(x), first)


def test_a_copy_goes_on_by_itself() -> None:
    x, drop = torch.ones(20, 20), Dropout(0.5, seeded())
    drop(x)
    copy = deepcopy(drop)
    assert torch.equal(copy(x), drop(x))


def test_booleans_are_true_with_their_chance() -> None:
    random, like = DeviceGenerator(seeded()), torch.empty(20_000)
    for chance in (0.0, 0.3, 1.0):
        found = random.bernoulli(chance, like).float().mean().item()
        assert found == pytest.approx(chance, abs=4 * (chance * (1 - chance) / 20_000) ** 0.5)


@pytest.mark.parametrize("settings", RANDOM, ids=lambda settings: settings.kind)
def test_an_encoder_and_its_passes_are_those_of_its_seed_and_leave_torchs_generator_alone(
    settings: EncoderSettings, planted_graph: Graph, features: FeatureTables, view: View
) -> None:
    def passes() -> list[torch.Tensor]:
        before = torch.random.get_rng_state()
        encoder = settings.build(planted_graph, features, seeded()).train()
        found = [encoder(view).items(torch.arange(50)).detach() for _ in range(2)]
        assert torch.equal(torch.random.get_rng_state(), before)
        return found

    torch.manual_seed(1)
    first, second = passes()
    torch.manual_seed(2)
    assert all(torch.equal(*pair) for pair in zip((first, second), passes(), strict=True))
    assert not torch.equal(first, second)
