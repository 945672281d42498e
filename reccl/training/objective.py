"""Objective: a weighted sum of named terms over views of the graph."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.distributed.group import ALONE, Group
from reccl.encoders import Embeddings
from reccl.lazy import nn, torch
from reccl.memory import Need, Sizes, one_after_another, within
from reccl.training.terms import Step, TermSettings
from reccl.views import Plain, View

if TYPE_CHECKING:
    from torch import Tensor

    from reccl.encoders import Encoder


class Objective:
    """Samples the views of every term once an epoch, and encodes every distinct view once a step.

    Views with equal settings at the same place of their terms (first with first, second with second) are sampled once:
    a ranking term over `edge_drop` shares its pass with a contrast term whose first view is that `edge_drop`; XSimGCL's
    ranking and cross-layer terms share one noisy pass. The two views of one contrast are always sampled independently,
    unless the second complements the first (`ViewSettings.sample_complement`).

    What terms learn or remember beside the encoder (a temperature, a predictor, a momentum encoder, a queue) is in
    `term_modules`, built once the encoder is known.

    With a `group` of several ranks every rank gets its part of each value: the values of all ranks sum up to those of
    one process, and so do gradients of what is the same on all ranks.
    """

    def __init__(
        self, terms: Mapping[str, TermSettings], graph: Graph, generator: torch.Generator, group: Group = ALONE
    ) -> None:
        self.terms = {name: term for name, term in terms.items() if term.weight > 0}
        self.graph, self.generator, self.group = graph, generator, group
        self.views: dict[str, tuple[View, ...]] = {}
        self.epoch_cache: dict[Hashable, Any] = {}  # what terms compute once an epoch
        self.progress = 0.0
        self.term_modules = nn.ModuleDict()
        self.built = False

    def build(self, encoder: Encoder) -> None:
        """Build the modules of every term; only the first call does."""
        if self.built:
            return
        self.built = True
        for name, term in self.terms.items():
            if modules := term.build(encoder, self.graph, self.generator):
                self.term_modules[module_name(name)] = nn.ModuleDict(modules).to(self.graph.device)

    def begin_epoch(self, progress: float) -> None:
        """Sample new views, and tell the terms' modules; `progress` is the share of the epochs that are over."""
        from reccl.training.term_module import TermModule

        self.progress = progress
        for module in self.term_modules.modules():
            if isinstance(module, TermModule):
                module.begin_epoch()
        self.sample_views()

    def after_step(self, encoder: Encoder) -> None:
        """Tell the terms' modules that the optimizer has moved the encoder."""
        from reccl.training.term_module import TermModule

        for module in self.term_modules.modules():
            if isinstance(module, TermModule):
                module.after_step(encoder)

    def transform_for_ranking(self, embeddings: Embeddings) -> Embeddings:
        """The embeddings that items are ranked by, from the encoder's."""
        for name, term in self.terms.items():
            embeddings = term.transform_for_ranking(embeddings, self.modules_of(name))
        return embeddings

    def modules_of(self, name: str) -> Mapping[str, nn.Module]:
        """The modules of one term."""
        key = module_name(name)
        return dict(cast(nn.ModuleDict, self.term_modules[key]).items()) if key in self.term_modules else {}

    def sample_views(self) -> None:
        """New views for a new epoch; what terms have cached of the last one is dropped."""
        self.epoch_cache = {}
        sampled: dict[tuple[int, str], View] = {}
        for name, term in self.terms.items():
            views: list[View] = []
            for key, view in zip(view_keys(term), term.views(), strict=True):
                complement = bool(views) and view.is_complement
                if key not in sampled:
                    sampled[key] = (
                        view.sample_complement(views[0], self.graph, self.generator)
                        if complement
                        else view.sample(self.graph, self.generator)
                    )
                views.append(sampled[key])
            self.views[name] = tuple(views)
        plain = Plain().sample(self.graph, self.generator)
        default = plain if plain in sampled.values() else next(iter(sampled.values()), plain)
        self.views = {name: views or (default,) for name, views in self.views.items()}

    def __call__(self, encoder: Encoder, batch: Batch) -> dict[str, Tensor]:
        """The weighted value of every term (of this rank, its part), scalars; their sum is minimized."""
        self.build(encoder)
        encoded: dict[View, Embeddings] = {}

        def encode(view: View) -> Embeddings:
            if view not in encoded:
                encoded[view] = encoder(view)
            return encoded[view]

        def step(name: str) -> Step:
            modules = self.modules_of(name)
            return Step(batch, self.graph, encode, self.generator, self.epoch_cache, modules, self.progress, self.group)

        def part(term: TermSettings) -> float:
            return term.weight if term.parted else term.weight / self.group.size

        return {name: part(term) * term.compute_loss(step(name), self.views[name]) for name, term in self.terms.items()}


def module_name(term: str) -> str:
    """A term's name as torch accepts it: without dots, and different from any method of a ModuleDict."""
    return f"{term.replace('.', '_')}_term"


def view_keys(term: TermSettings) -> list[tuple[int, str]]:
    """For each view of a term what it is sampled by: equal keys, of any terms, are one view."""
    keys: list[tuple[int, str]] = []
    for place, view in enumerate(term.views()):
        described = f"{type(view)} {view.model_dump_json()}"
        keys.append((place, f"{keys[0][1]} {described}" if place and view.is_complement else described))
    return keys


def objective_memory(terms: Mapping[str, TermSettings], sizes: Sizes, encoder: Need) -> tuple[Need, ...]:
    """Bytes of a step: a pass of the encoder over every distinct view, of which one at a time goes back; the views, and
    what every term holds at once with the others.
    """
    counted = {name: term for name, term in terms.items() if term.weight > 0}
    views: dict[tuple[int, str], tuple[Need, ...]] = {}
    for name, term in counted.items():
        for key, (field, view) in zip(view_keys(term), term.view_fields(), strict=True):
            views.setdefault(key, within(f"objective.{name}.{field}", view.memory(sizes)))
    needs = [Need("encoder's passes", encoder.working * max(1, len(views)), 0, encoder.smaller)]
    sampled = [need for of_view in views.values() for need in of_view]
    needs += one_after_another(dict.fromkeys(sampled))
    for name, term in counted.items():
        needs += [replace(need, held=need.bytes, working=0) for need in within(f"objective.{name}", term.memory(sizes))]
    return tuple(dict.fromkeys(needs))
