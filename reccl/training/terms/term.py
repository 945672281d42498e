"""Term: one summand of an objective."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.encoders import Embeddings, Encoder
from reccl.settings import Settings
from reccl.views import AnyView, Plain, View

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """What a term can see at one step."""

    batch: Batch
    graph: Graph
    encode: Callable[[View], Embeddings]  # each distinct view is encoded once a step
    generator: torch.Generator  # on the graph's device
    epoch: dict[Hashable, Any] = field(default_factory=dict)  # what terms keep until the epoch ends
    parts: Mapping[str, nn.Module] = field(default_factory=dict)  # what the term has built
    progress: float = 0.0  # share of the epochs that are over, 0 in the first and 1 in the last

    def once_an_epoch(self, key: Hashable, compute: Callable[[], T]) -> T:
        """What `compute` gives at the epoch's first step that asks for `key`, at its later steps the same again."""
        if key not in self.epoch:
            self.epoch[key] = compute()
        return cast(T, self.epoch[key])


class TermSettings(Settings):
    """The config of a term."""

    weight: Annotated[float, Field(ge=0)] = 1.0
    """Factor of this term in the objective."""

    def views(self) -> tuple[AnyView, ...]:
        """The views that the term looks at; drawn anew every epoch.

        None: any that another term looks at, the plain one where it is among them.
        """
        return (Plain(),)

    def build(self, encoder: Encoder, graph: Graph, generator: torch.Generator) -> dict[str, nn.Module]:
        """What the term learns or remembers, by name; see `Part`. The generator is on the graph's device."""
        return {}

    def loss_of(self, step: Step, views: tuple[View, ...]) -> Tensor:
        """The term's value at a step, a scalar without its weight."""
        raise NotImplementedError

    def ranked_by(self, embeddings: Embeddings, parts: Mapping[str, nn.Module]) -> Embeddings:
        """What items are ranked by once the encoder gives these: the same, unless the term's parts have a say."""
        return embeddings
