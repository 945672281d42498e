"""Bottleneck: a view should carry what ranking needs of the whole graph, and little more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.losses.hsic import hsic
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, EdgeDrop, Plain, View

if TYPE_CHECKING:
    from torch import Tensor


class Bottleneck(TermSettings):
    """Information bottleneck by HSIC, see `reccl.losses.hsic` (GBSR, Yang et al., KDD 2024): the batch's distinct nodes
    in the view that ranking uses should depend little on the same nodes in the whole graph; HSIC of users plus items.

    Give the ranking term the same view as `second`: what it needs is kept, and both share the pass.

    Where we differ: GBSR learns which social links its second graph keeps; here that view is random, and only the
    encoder learns.
    """

    takes_weights = None
    kind: Literal["bottleneck"] = "bottleneck"
    weight: Annotated[float, Field(ge=0)] = 1.0
    """Factor of this term in the objective (beta; the authors: 2 to 40)."""
    bandwidth: Annotated[float, Field(gt=0)] = 0.25
    """Squared width of the kernels (sigma)."""
    first: AnyView = Plain()
    """The view that the second should depend on little."""
    second: AnyView = EdgeDrop()
    """The view that ranking uses."""

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        first, second = (step.encode(view) for view in views)
        users, items = step.batch.user.unique(), step.batch.item.unique()  # [n], [m]
        of_users = hsic(first.users(users), second.users(users), self.bandwidth)
        return of_users + hsic(first.items(items), second.items(items), self.bandwidth)
