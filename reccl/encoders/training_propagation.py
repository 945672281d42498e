"""Training propagation: what a training step takes in place of full propagation, and what it remembers for that."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from reccl.encoders.cached_propagation import CachedPropagation
from reccl.encoders.history import History
from reccl.encoders.propagation import Hop, Propagation
from reccl.encoders.propagations import Cached, Sampled
from reccl.encoders.sampled_propagation import SampledPropagation, Sampler


class TrainingPropagation:
    """Counts the steps, and runs all hops where a refresh is due.

    Args:
        settings: which propagation.
        weights: of the layers 0 .. L in the sum that embeddings are.

    """

    def __init__(self, settings: Cached | Sampled, weights: Sequence[float]) -> None:
        self.settings, self.weights = settings, weights
        self.forget()

    def forget(self) -> None:
        """The parameters may be others: a refresh is due."""
        self.steps = 0
        self.history: History | None = None
        self.late: Tensor | None = None  # [N, D] gradient that waits for the next refresh, of a cached one

    def begin_step(self, start: Tensor, hops: Sequence[Hop], sample: Sampler) -> Propagation:
        """The propagation of one step, from layer 0, [N, D]."""
        refresh = self.settings.refresh
        due = refresh is not None and self.steps % refresh == 0
        self.steps += 1
        if due:
            return self.refresh(start, hops)
        if isinstance(self.settings, Sampled):
            return SampledPropagation(start, hops, sample, self.history)
        assert self.history is not None
        if self.late is None:
            self.late = torch.zeros_like(start)
        return CachedPropagation(start, self.history, self.late)

    def refresh(self, start: Tensor, hops: Sequence[Hop]) -> Propagation:
        """Full propagation, which is remembered; late gradients go back with those of its own lookups."""
        exact = Propagation(start, hops)
        self.history = None  # before the new one is made
        self.history = History.of(exact, self.weights, keep_start=isinstance(self.settings, Sampled))
        if self.late is not None:
            exact.state.gradients.append(([0.0, *self.weights[1:]], None, self.late))
            self.late = None
        return exact
