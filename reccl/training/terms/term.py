"""Term: one summand of an objective."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, cast

import torch
from pydantic import Field
from torch import Tensor

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.encoders import Embeddings
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
        """The views that the term looks at; drawn anew every epoch."""
        return (Plain(),)

    def loss_of(self, step: Step, views: tuple[View, ...]) -> Tensor:
        """The term's value at a step, a scalar without its weight."""
        raise NotImplementedError
