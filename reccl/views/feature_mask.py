"""Feature mask: every node with some of its features masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.errors import TrainingError
from reccl.lazy import torch
from reccl.views.dropout import drop_components
from reccl.views.view import View, ViewSettings

if TYPE_CHECKING:
    from torch import Tensor


class FeatureMask(ViewSettings):
    """Random feature masking (RFM): two views of an item know different features of it, and should still agree.

    Self-supervised Learning for Large-scale Item Recommendations, Yao et al., CIKM 2021, section 3.2;
    https://arxiv.org/abs/2007.12865. Of the F inputs x_1 .. x_F of a node (its id embedding, each feature's embedding,
    its numbers) round(rate * F) at random are replaced by zero, then components of the rest are dropped:

    x_f' = m_f * dropout(x_f),  m in {0, 1}^F

    The paper's masks are complementary: give the second view of a contrast `complement: true`, and it shows what the
    first one masks, 1 - m. Without it the two masks are independent.

    Where we differ: a mask of its own for each node, sampled once an epoch, where the paper samples one per batch; zero
    for a masked input, where the paper learns a default embedding; dropout of components, where the paper drops values
    of features with several values. A node with one input keeps it, and only the dropout distinguishes its two views.
    An encoder that starts from id embeddings alone has one input per node.

    >>> import polars as pl
    >>> graph = Graph.from_interactions(pl.DataFrame({"user": [0, 0, 1, 2], "item": [0, 1, 1, 2]}), 3, 3)
    >>> view = FeatureMask(rate=0.5, dropout=0).sample(graph, torch.Generator().manual_seed(0))
    >>> ids, features = view.input_perturbation(torch.arange(3), [torch.ones(3, 1), torch.ones(3, 1)])
    >>> (ids + features).flatten()  # each user keeps one of the two
    tensor([1., 1., 1.])
    """

    kind: Literal["feature_mask"] = "feature_mask"
    rate: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of a node's inputs that are masked; at least one is, and at least one stays."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability that a component of an input that stays is dropped; other components at every step."""
    complement: bool = False
    """As the second view of a term: mask what the first view shows, whatever `rate` says."""

    @override
    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        if self.complement:
            raise TrainingError(
                "a feature_mask view with complement: true needs a first view to complement: "
                "give it as `second` of a contrast whose `first` is a feature_mask"
            )
        seed = int(torch.randint(2**31 - 1, (1,), generator=generator, device=generator.device))
        masks = FeatureMasks(graph.num_nodes, self.rate, seed)
        return View((graph.adjacency,), InputMasking(masks, False, self.dropout, generator))

    @property
    @override
    def is_complement(self) -> bool:
        return self.complement

    @override
    def sample_complement(self, first: View, graph: Graph, generator: torch.Generator) -> View:
        if not isinstance(first.input_perturbation, InputMasking):
            raise TrainingError("a feature_mask view with complement: true needs a feature_mask as the first view")
        masks = first.input_perturbation.masks
        return View((graph.adjacency,), InputMasking(masks, True, self.dropout, generator))


class FeatureMasks:
    """Which of a node's inputs are masked: the same for a whole epoch, for any number of inputs that an encoder has."""

    def __init__(self, nodes: int, rate: float, seed: int) -> None:
        self.nodes, self.rate, self.seed = nodes, rate, seed
        self.by_inputs: dict[int, Tensor] = {}

    def mask_of(self, inputs: int, device: torch.device) -> Tensor:
        """[N, F] True where input f of a node is masked."""
        if inputs not in self.by_inputs:
            generator = torch.Generator().manual_seed(self.seed + inputs)
            rank = torch.rand(self.nodes, inputs, generator=generator).argsort(1)  # [N, F] a random order
            number = min(max(round(inputs * self.rate), 1), inputs - 1)
            self.by_inputs[inputs] = (rank < number).to(device)
        return self.by_inputs[inputs]


class InputMasking:
    """Masks inputs, or for a complement all others, and drops components of those that stay."""

    def __init__(self, masks: FeatureMasks, complement: bool, dropout: float, generator: torch.Generator) -> None:
        self.masks, self.complement, self.dropout, self.generator = masks, complement, dropout, generator

    def __call__(self, nodes: Tensor, inputs: list[Tensor]) -> list[Tensor]:
        """See `InputPerturbation`."""
        if self.dropout:
            inputs = [drop_components(x, self.dropout, self.generator) for x in inputs]
        if len(inputs) == 1:
            return inputs
        mask = self.masks.mask_of(len(inputs), nodes.device)[nodes]  # [.., F]
        mask = ~mask if self.complement else mask
        return [x.masked_fill(mask[..., place, None], 0) for place, x in enumerate(inputs)]
