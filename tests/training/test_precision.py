"""bfloat16 is for the layers of towers and convolutions; what is divided by a temperature stays float32."""

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from typing_extensions import override

from reccl.config import Experiment, resolve
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.errors import ConfigError
from reccl.fitting import TrainedModel, learn
from reccl.losses import BPR, InfoNCE, Pairs
from reccl.losses.catalog_softmax import catalog_softmax
from reccl.losses.similarity import dot_negatives, dot_positive, inner_products, score_pairs
from reccl.training import Callback, Epoch, Training

CPU = torch.device("cpu")
METHODS = ("alpharec", "directau", "graphsage", "lightgcl", "ngcf", "recdcl", "softmax-mf", "two-tower", "xsimgcl")
"""All others go through `tests/benchmarks/test_gpu.py`."""
PRODUCTS = ("mm", "addmm", "bmm", "_linear_pointwise", "linear")


class Losses(Callback):
    """Keeps the losses of the epochs."""

    @override
    def on_epoch_end(self, record: Epoch, improved: bool) -> None:
        self.losses = record.losses


class Products(TorchDispatchMode):
    """Remembers in what precision matrices are multiplied, and of which shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[torch.dtype, set[tuple[int, ...]]] = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function.overloadpacket.__name__ in PRODUCTS and isinstance(result, Tensor):
            self.seen.setdefault(result.dtype, set()).add(tuple(result.shape))
        return result


def train(method: str, data: Dataset, precision: str, callback: Callback | None = None) -> TrainedModel:
    training = {"epochs": 1, "batch_size": 700, "refit": False, "checkpoint_seconds": None, "precision": precision}
    experiment: Experiment = resolve(f"methods/{method}", {"training": training})
    return learn(experiment.model_copy(update={"cold_start": None}), data, CPU, callback)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_has_in_bfloat16_the_losses_that_it_has_in_float32(method: str, planted_dataset: Dataset) -> None:
    heard = {precision: Losses() for precision in ("float32", "bfloat16")}
    for precision, callback in heard.items():
        model = train(method, planted_dataset, precision, callback)
        state = {name: tensor for name, tensor in model.fit.state.items() if tensor.is_floating_point()}
        assert all(tensor.isfinite().all() for tensor in state.values())
        assert {tensor.dtype for tensor in state.values()} == {torch.float32}
    for name, value in heard["float32"].losses.items():
        assert heard["bfloat16"].losses[name] == pytest.approx(value, rel=0.02, abs=1e-3), name


def test_a_tower_multiplies_its_layers_in_bfloat16_and_its_logits_in_float32(planted_dataset: Dataset) -> None:
    with Products() as products:
        train("two-tower", planted_dataset, "bfloat16")
    layers, others = products.seen[torch.bfloat16], products.seen[torch.float32]
    widths = {shape[-1] for shape in layers if len(shape) == 2}
    batch = {shape for shape in others if len(shape) == 2 and shape[0] == shape[1] >= 500}
    assert widths
    assert batch, "the similarities of a batch, [B, B]"
    assert not batch & layers


@pytest.mark.parametrize("given", [torch.float32, torch.bfloat16])
class TestUnderAutocast:
    def tables(self, given: torch.dtype) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(0)
        x, y = (torch.randn(30, 16, generator=generator).to(given) for _ in range(2))
        return x.requires_grad_(), y.requires_grad_()

    def test_similarities_are_those_of_float32_to_the_last_bits(self, given: torch.dtype) -> None:
        x, y = self.tables(given)
        expected = x.detach().double() @ y.detach().double().T  # [30, 30]
        with torch.autocast("cpu", torch.bfloat16):
            found = inner_products(x, y), dot_negatives(x, y), dot_negatives(x, y.expand(30, 30, 16))
            own = dot_positive(x, y)
        for each in found:
            assert each.dtype == torch.float32
            torch.testing.assert_close(each.double(), expected, atol=1e-5, rtol=1e-5)
        assert own.dtype == torch.float32
        torch.testing.assert_close(own.double(), expected.diagonal(), atol=1e-5, rtol=1e-5)

    @pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean"])
    def test_pairs_are_scored_in_float32_whose_gradients_are_finite(self, given: torch.dtype, similarity: str) -> None:
        x, y = self.tables(given)
        with torch.autocast("cpu", torch.bfloat16):
            positive, negatives = score_pairs(Pairs(x, y, y), similarity)
        assert {positive.dtype, negatives.dtype} == {torch.float32}
        (positive.sum() + negatives.square().sum()).backward()
        assert x.grad is not None
        assert x.grad.isfinite().all()

    @pytest.mark.parametrize("loss", [InfoNCE(temperature=0.05), BPR()], ids=["info_nce", "bpr"])
    def test_a_loss_is_that_without_it(self, given: torch.dtype, loss: InfoNCE | BPR) -> None:
        x, y = self.tables(given)
        with torch.autocast("cpu", torch.bfloat16):
            found = loss(Pairs(x, y, y, torch.eye(30, dtype=torch.bool)))
        expected = loss(Pairs(x.double(), y.double(), y.double(), torch.eye(30, dtype=torch.bool)))
        torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=1e-5)

    def test_the_softmax_over_the_catalog_is_that_without_it(self, given: torch.dtype) -> None:
        x, y = self.tables(given)
        place = torch.arange(30)
        with torch.autocast("cpu", torch.bfloat16):
            found = catalog_softmax(x, y, place, place)
        expected = catalog_softmax(x.double(), y.double(), place, place)
        torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=1e-5)

    def test_a_product_of_the_graph_is_that_without_it(self, given: torch.dtype, planted_graph: Graph) -> None:
        x = torch.randn(planted_graph.num_nodes, 8, generator=torch.Generator().manual_seed(1)).to(given)
        x.requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            found = planted_graph.adjacency @ x
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, planted_graph.adjacency @ x.detach().float())
        found.sum().backward()
        assert x.grad is not None
        assert x.grad.dtype == given


def test_the_key_of_version_0_1_0_is_understood() -> None:
    assert Training.model_validate({"amp": True}) == Training(precision="bfloat16")
    assert Training.model_validate({"amp": False}) == Training()


def test_the_earlier_key_is_none_beside_the_one_of_today() -> None:
    with pytest.raises(ConfigError, match="unknown key 'amp'"):
        resolve("smoke", {"training": {"amp": True, "precision": "bfloat16"}})
