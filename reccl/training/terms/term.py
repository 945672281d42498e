"""Term: one summand of an objective."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar, cast

from pydantic import Field

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.distributed.group import ALONE, Group
from reccl.encoders import Embeddings
from reccl.lazy import torch
from reccl.losses import LossSettings, Pairs
from reccl.losses.loss import part_of_loss
from reccl.memory import BATCH_SIZE, FLOAT, Need, Sizes
from reccl.settings import Settings
from reccl.views import Plain, View, ViewSettings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from reccl.encoders import Encoder

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """What a term can use at one step."""

    batch: Batch
    graph: Graph
    encode: Callable[[View], Embeddings]  # each distinct view is encoded once a step
    generator: torch.Generator  # on the graph's device
    epoch_cache: dict[Hashable, Any] = field(default_factory=dict)  # cleared when the epoch ends
    modules: Mapping[str, nn.Module] = field(default_factory=dict)  # what the term has built
    progress: float = 0.0  # share of the epochs that are over, 0 in the first and 1 in the last
    group: Group = ALONE  # the ranks that share the step: all have the whole batch, each takes a part of its anchors

    def once_per_epoch(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The result of `compute` at the epoch's first step that asks for `key`, the same at its later steps."""
        if key not in self.epoch_cache:
            self.epoch_cache[key] = compute()
        return cast(T, self.epoch_cache[key])

    def part_of(self, loss: LossSettings, pairs: Pairs) -> Tensor:
        """The part of a loss that is this rank's, that of its share of the anchors: those of all ranks sum up to the
        loss. A loss that needs all anchors at once is computed on every rank, and an equal part of it counts.
        """
        if self.group.size == 1:
            return loss(pairs)
        part = part_of_loss(loss, pairs, self.group.slice_of(len(pairs.anchor)))
        return loss(pairs) / self.group.size if part is None else part


class TermSettings(Settings):
    """The config of a term."""

    weight: Annotated[float, Field(ge=0)] = 1.0
    """Factor of this term in the objective."""

    takes_weights: ClassVar[bool | None] = False
    """Whether interactions count by their weights (`Batch.weight`); None where it is not about interactions."""

    parted: ClassVar[bool | None] = None
    """With several ranks: whether `compute_loss` gives this rank's part of the value (`Step.part_of`), or the whole
    value on every rank, of which an equal part counts. None: the term trains in one process only."""

    def ignores_weights(self) -> str | None:
        """What of it takes interactions without their weights, such as its loss; None: nothing does."""
        return getattr(self, "kind", type(self).__name__) if self.takes_weights is False else None

    def needs_one_process(self) -> str | None:
        """What of it cannot be shared by several processes, such as its kind or a view; None: nothing."""
        if self.parted is None:
            return f"term {getattr(self, 'kind', type(self).__name__)}"
        return next((what for view in self.views() if (what := view.needs_one_process())), None)

    def looks_beyond_rows(self) -> str | None:
        """What of it needs more of the encoder than some rows of embeddings and of layer 0, such as its kind or a view;
        None: nothing, so that it goes with `EncoderSettings.needs_rows_alone`.
        """
        return getattr(self, "kind", type(self).__name__)

    def perturbed_view(self) -> str | None:
        """The kind of the first of its views that is not plain; None: all are."""
        perturbed = (view for view in self.views() if not isinstance(view, Plain))
        return next((f"view {getattr(view, 'kind', type(view).__name__)}" for view in perturbed), None)

    def views(self) -> tuple[ViewSettings, ...]:
        """The views that the term uses, sampled every epoch: the fields that are views, in their order.

        A term without such a field gets a view that another term uses, the plain one if possible.
        """
        return tuple(view for _, view in self.view_fields())

    def view_fields(self) -> tuple[tuple[str, ViewSettings], ...]:
        """The same with the names of the fields."""
        return tuple((name, value) for name, value in self if isinstance(value, ViewSettings))

    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """Bytes of its modules, and of a step beside the encoder's passes: by default of the rows that are looked up,
        two users and two items for each interaction.
        """
        return (Need("", 0, row_bytes(sizes, 4 * sizes.batch), (BATCH_SIZE,)),)

    def build(self, encoder: Encoder, graph: Graph, generator: torch.Generator) -> dict[str, nn.Module]:
        """The modules that learn or remember something, by name; see `TermModule`. The generator is on the graph's
        device.
        """
        return {}

    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        """The term's value at a step, a scalar without its weight."""
        raise NotImplementedError

    def transform_for_ranking(self, embeddings: Embeddings, modules: Mapping[str, nn.Module]) -> Embeddings:
        """The embeddings that items are ranked by, from the encoder's; by default the same."""
        return embeddings


def row_bytes(sizes: Sizes, rows: int, similarity: str = "cosine") -> int:
    """Bytes of so many rows that are looked up: themselves, their directions unless `similarity` is dot, and the
    gradients of both. Of several processes each has all of them, and once more while they are exchanged.
    """
    tables = (2 if similarity == "dot" else 4) + (sizes.processes > 1)
    return tables * FLOAT * rows * sizes.dimension
