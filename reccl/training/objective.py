"""Objective: a weighted sum of named terms over views of the graph."""

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from torch import Tensor

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.encoders import Embeddings, Encoder
from reccl.training.terms import Step, TermSettings
from reccl.views import View


class Objective:
    """Draws every term's views once an epoch, and encodes every distinct view once a step.

    Views with equal settings at the same place of their terms (first with first, second with second) are one draw: a
    ranking term over `edge_drop` shares its pass with a contrast term whose first view is that `edge_drop`; XSimGCL's
    ranking and cross-layer terms share one noisy pass. The two views of one contrast are always drawn apart.
    """

    def __init__(self, terms: Mapping[str, TermSettings], graph: Graph, generator: torch.Generator) -> None:
        self.terms = {name: term for name, term in terms.items() if term.weight > 0}
        self.graph, self.generator = graph, generator
        self.views: dict[str, tuple[View, ...]] = {}
        self.epoch: dict[Hashable, Any] = {}  # what terms compute once an epoch

    def draw_views(self) -> None:
        """New views for a new epoch; what terms kept from the last one is forgotten."""
        self.epoch = {}
        drawn: dict[tuple[int, str], View] = {}
        for name, term in self.terms.items():
            places = [(place, f"{type(view)} {view.model_dump_json()}") for place, view in enumerate(term.views())]
            for key, view in zip(places, term.views(), strict=True):
                if key not in drawn:
                    drawn[key] = view.sample(self.graph, self.generator)
            self.views[name] = tuple(drawn[key] for key in places)

    def __call__(self, encoder: Encoder, batch: Batch) -> dict[str, Tensor]:
        """The weighted value of every term, scalars; their sum is what is minimised."""
        encoded: dict[View, Embeddings] = {}

        def encode(view: View) -> Embeddings:
            if view not in encoded:
                encoded[view] = encoder(view)
            return encoded[view]

        step = Step(batch, self.graph, encode, self.generator, self.epoch)
        return {name: term.weight * term.loss_of(step, self.views[name]) for name, term in self.terms.items()}
