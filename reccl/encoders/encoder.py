"""Encoder: turns a view of the graph, or features, into embeddings of users and items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.distributed.gathered import hop_bytes
from reccl.encoders.tower import Towers
from reccl.lazy import functional, torch
from reccl.memory import Need, Sizes
from reccl.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from reccl.encoders.modules.encoder import Encoder

Rows = Callable[["Tensor | None"], "Tensor"]
"""rows [B] -> embeddings [B, D], [B, M] -> [B, M, D]; None -> all of them."""


@dataclass(frozen=True)
class ContentRows:
    """Embeddings from features alone; None on a side without features."""

    users: Rows | None
    items: Rows | None


@dataclass(frozen=True)
class Embeddings:
    """The output of an encoder: a function for each side, so that an encoder may compute only the rows it is asked for.

    Args:
        users: [B] -> [B, D]; None -> [U, D].
        items: [B] -> [B, D]; None -> [I, D].
        initial_users: the trainable rows that they come from (layer 0), for L2.
        initial_items: likewise.
        layers: the output of each layer, where the encoder has layers.
        graph_only: from ids and graph alone, where the encoder also has towers over features.
        content_only: from features alone, where the encoder has towers beside the graph.
        towers: embed new nodes by their features, where the encoder has towers.
        users_by_features: whether users without training rows are embedded from their features.
        items_by_features: likewise.

    """

    users: Rows
    items: Rows
    initial_users: Rows
    initial_items: Rows
    layers: tuple[Embeddings, ...] = ()
    graph_only: Embeddings | None = None
    content_only: ContentRows = ContentRows(None, None)
    towers: Towers = field(default_factory=Towers)
    users_by_features: bool = False
    items_by_features: bool = False


class EncoderSettings(Settings):
    """The config of an encoder."""

    takes_weights: ClassVar[bool] = True
    """Whether the weights of interactions, where it reads interactions, count: those of a view's matrix do."""

    def needs_one_process(self) -> str | None:
        """What of it cannot be shared by several processes, such as its kind; None: nothing (`Encoder.keep_rows`)."""
        return getattr(self, "kind", type(self).__name__)

    def needs_rows_alone(self) -> str | None:
        """What of it computes in a training step only rows that are looked up, of plain views; None: nothing does, so
        that terms may look up all rows, and layers, and see any view.
        """
        return None

    @property
    def width(self) -> int:
        """Components of an embedding that it gives (D), as far as its settings say."""
        return int(getattr(self, "dimension", 0))

    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """Bytes of its parameters, which stay, and of one pass with gradients over a view: by default those of a table
        of all nodes, and of one more for each layer and for what comes back over the last. Of several processes each
        has the rows of its nodes; what else a hop takes is a need of its own.
        """
        layers, own = int(getattr(self, "layers", 0)), sizes.own_table(self.width)
        keys = ("dimension", "layers") if layers else ("dimension",)
        hop = (Need("a hop's gathered table", 0, hop_bytes(sizes, self.width), keys),) if layers else ()
        return (Need("", own, (layers + 1) * own, keys), *(hop if sizes.processes > 1 else ()))

    def check(self, features: FeatureTables) -> None:
        """Raise before a run begins what `build` could not do: DataError for features that the data does not have."""

    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        """The module with fresh parameters. Graph and features hold training rows only; the generator is a CPU one."""
        raise NotImplementedError


def lookup_in(table: Tensor) -> Rows:
    """The rows of a table [n, D]."""
    return lambda rows: table if rows is None else functional.embedding(rows, table)
