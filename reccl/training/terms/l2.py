"""L2: keep embeddings short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.memory import BATCH_SIZE, Need, Sizes
from reccl.training.terms.term import Step, TermSettings, row_bytes
from reccl.views import View

if TYPE_CHECKING:
    from torch import Tensor


class L2(TermSettings):
    """Keep the batch's initial embeddings short: sum over the batch of (|e_u|^2 + |e_i|^2) / 2B (LightGCN, eq. 15).

    Where we differ: negatives' embeddings are left out. It has no view of its own: a view does not change
    initial embeddings.
    """

    takes_weights = None
    parted = False
    kind: Literal["l2"] = "l2"
    weight: Annotated[float, Field(ge=0)] = 1e-4
    """Factor of this term in the objective (lambda of LightGCN)."""

    @override
    def looks_beyond_rows(self) -> str | None:
        return None

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """A user's row and an item's for each interaction, and their gradients."""
        return (Need("", 0, row_bytes(sizes, 2 * sizes.batch, "dot"), (BATCH_SIZE,)),)

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings, batch = step.encode(views[0]), step.batch
        users, items = embeddings.initial_users(batch.user), embeddings.initial_items(batch.item)  # [B, D], [B, D]
        return (users.square().sum() + items.square().sum()) / (2 * len(batch))
