"""Feature mask: every node with some of its features left out."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.errors import TrainingError
from reccl.views.dropout import Masking
from reccl.views.view import View, ViewSettings


class FeatureMask(ViewSettings):
    """Random feature masking (RFM): two views of an item know different features of it, and should still agree.

    Self-supervised Learning for Large-scale Item Recommendations, Yao et al., CIKM 2021, section 3.2;
    https://arxiv.org/abs/2007.12865. Of the F inputs x_1 .. x_F of a node (its id embedding, each feature's embedding,
    its numbers) round(rate * F) drawn at random are replaced by zero, then components of the rest are dropped:

    x_f' = m_f * dropout(x_f),  m in {0, 1}^F

    The paper's masks are complementary: give the second view of a contrast `complement: true`, and it shows what the
    first one masks, 1 - m. Without it both are drawn apart.

    Where we differ: a mask of its own for each node, drawn once an epoch, where the paper draws one a batch; zero for a
    masked input, where the paper learns a default embedding; dropout of components, where the paper drops values of
    features with several values. A node with one input keeps it, and only the dropout tells its two views apart. An
    encoder that starts from id embeddings alone has one input a node.
    """

    kind: Literal["feature_mask"] = "feature_mask"
    rate: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of a node's inputs that are masked; at least one is, and at least one stays."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability that a component of an input that stays is dropped; another draw at every step."""
    complement: bool = False
    """As the second view of a term: mask what the first view shows, whatever `rate` says."""

    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        """See `ViewSettings.sample`. Raises TrainingError for a complement of nothing."""
        if self.complement:
            raise TrainingError(
                "a feature_mask view with complement: true needs a first view to complement: "
                "give it as `second` of a contrast whose `first` is a feature_mask"
            )
        seed = int(torch.randint(2**31 - 1, (1,), generator=generator, device=generator.device))
        return self.seen(graph, Masks(graph.num_nodes, self.rate, seed), generator)

    def beside(self, first: View, graph: Graph, generator: torch.Generator) -> View:
        """See `ViewSettings.beside`. Raises TrainingError where the first view masks no features."""
        if not isinstance(first.disturb, Disturbance):
            raise TrainingError("a feature_mask view with complement: true needs a feature_mask as the first view")
        return self.seen(graph, first.disturb.masks, generator)

    def seen(self, graph: Graph, masks: "Masks", generator: torch.Generator) -> View:
        """The whole graph, its nodes' inputs masked."""
        return View((graph.adjacency,), None, Disturbance(masks, self.complement, self.dropout, generator))

    @property
    @override
    def complements(self) -> bool:
        return self.complement


class Masks:
    """Which of a node's inputs are masked: the same all epoch long, for as many inputs as an encoder has."""

    def __init__(self, nodes: int, rate: float, seed: int) -> None:
        self.nodes, self.rate, self.seed = nodes, rate, seed
        self.drawn: dict[int, Tensor] = {}

    def of(self, inputs: int, device: torch.device) -> Tensor:
        """[N, F] True where input f of a node is masked."""
        if inputs not in self.drawn:
            generator = torch.Generator().manual_seed(self.seed + inputs)
            place = torch.rand(self.nodes, inputs, generator=generator).argsort(1)  # [N, F] a random order
            number = min(max(round(inputs * self.rate), 1), inputs - 1)
            self.drawn[inputs] = (place < number).to(device)
        return self.drawn[inputs]


class Disturbance:
    """Masks inputs, or shows those alone that are masked, and drops components of what stays."""

    def __init__(self, masks: Masks, complement: bool, dropout: float, generator: torch.Generator) -> None:
        self.masks, self.complement = masks, complement
        self.drop = Masking(dropout, generator) if dropout else None

    def __call__(self, nodes: Tensor, inputs: list[Tensor]) -> list[Tensor]:
        """See `View.disturb`."""
        kept = [self.drop(x) for x in inputs] if self.drop else inputs
        if len(inputs) == 1:
            return kept
        masked = self.masks.of(len(inputs), nodes.device)[nodes]  # [.., F]
        hidden = ~masked if self.complement else masked
        return [x.masked_fill(hidden[..., place, None], 0) for place, x in enumerate(kept)]
