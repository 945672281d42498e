"""Objective: a weighted sum of named terms over views of the graph."""

from collections.abc import Hashable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.encoders import Embeddings, Encoder
from reccl.training.part import Part
from reccl.training.terms import Step, TermSettings
from reccl.views import Plain, View


class Objective:
    """Draws every term's views once an epoch, and encodes every distinct view once a step.

    Views with equal settings at the same place of their terms (first with first, second with second) are one draw: a
    ranking term over `edge_drop` shares its pass with a contrast term whose first view is that `edge_drop`; XSimGCL's
    ranking and cross-layer terms share one noisy pass. The two views of one contrast are always drawn apart, unless the
    second complements the first (`ViewSettings.sample_complement`).

    What terms learn or remember beside the encoder (a temperature, a predictor, a trailing encoder, a queue) is in
    `parts`, built once the encoder is known.
    """

    def __init__(self, terms: Mapping[str, TermSettings], graph: Graph, generator: torch.Generator) -> None:
        self.terms = {name: term for name, term in terms.items() if term.weight > 0}
        self.graph, self.generator = graph, generator
        self.views: dict[str, tuple[View, ...]] = {}
        self.epoch: dict[Hashable, Any] = {}  # what terms compute once an epoch
        self.progress = 0.0
        self.parts = nn.ModuleDict()
        self.built = False

    def build(self, encoder: Encoder) -> None:
        """Build every term's parts, the first time that it is called."""
        if self.built:
            return
        self.built = True
        for name, term in self.terms.items():
            if parts := term.build(encoder, self.graph, self.generator):
                self.parts[part_name(name)] = nn.ModuleDict(parts).to(self.graph.device)

    def begin_epoch(self, progress: float) -> None:
        """New views, and what parts do when an epoch begins; `progress` is the share of the epochs that are over."""
        self.progress = progress
        for part in self.parts.modules():
            if isinstance(part, Part):
                part.begin_epoch()
        self.draw_views()

    def after_step(self, encoder: Encoder) -> None:
        """What parts do once the optimizer has moved the encoder."""
        for part in self.parts.modules():
            if isinstance(part, Part):
                part.after_step(encoder)

    def ranked_by(self, embeddings: Embeddings) -> Embeddings:
        """What items are ranked by once the encoder gives these."""
        for name, term in self.terms.items():
            embeddings = term.ranked_by(embeddings, self.parts_of(name))
        return embeddings

    def parts_of(self, name: str) -> Mapping[str, nn.Module]:
        """The parts of one term."""
        key = part_name(name)
        return dict(cast(nn.ModuleDict, self.parts[key]).items()) if key in self.parts else {}

    def draw_views(self) -> None:
        """New views for a new epoch; what terms kept from the last one is forgotten."""
        self.epoch = {}
        drawn: dict[tuple[int, str], View] = {}
        for name, term in self.terms.items():
            named = [f"{type(view)} {view.model_dump_json()}" for view in term.views()]
            views: list[View] = []
            for place, view in enumerate(term.views()):
                second = bool(views) and view.is_complement
                key = (place, f"{named[0]} {named[place]}" if second else named[place])
                if key not in drawn:
                    drawn[key] = (
                        view.sample_complement(views[0], self.graph, self.generator)
                        if second
                        else view.sample(self.graph, self.generator)
                    )
                views.append(drawn[key])
            self.views[name] = tuple(views)
        plain = Plain().sample(self.graph, self.generator)
        anything = plain if plain in drawn.values() else next(iter(drawn.values()), plain)
        self.views = {name: views or (anything,) for name, views in self.views.items()}

    def __call__(self, encoder: Encoder, batch: Batch) -> dict[str, Tensor]:
        """The weighted value of every term, scalars; their sum is what is minimized."""
        self.build(encoder)
        encoded: dict[View, Embeddings] = {}

        def encode(view: View) -> Embeddings:
            if view not in encoded:
                encoded[view] = encoder(view)
            return encoded[view]

        def step(name: str) -> Step:
            return Step(batch, self.graph, encode, self.generator, self.epoch, self.parts_of(name), self.progress)

        return {name: term.weight * term.loss_of(step(name), self.views[name]) for name, term in self.terms.items()}


def part_name(term: str) -> str:
    """A term's name as torch takes it: without dots, and like no method of a ModuleDict."""
    return f"{term.replace('.', '_')}_parts"
