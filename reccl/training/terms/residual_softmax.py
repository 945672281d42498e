"""Residual softmax: embeddings learn what the scores of a closed form leave over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.lazy import torch
from reccl.losses.full_softmax import full_softmax
from reccl.losses.similarity import Similarity, inner_products, normalize_for
from reccl.scorers import Ease, ItemKnn
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor, nn

    from reccl.encoders import Encoder
    from reccl.training.prior import Prior


class ResidualSoftmax(TermSettings):
    """Full softmax whose logits start from a closed form's scores, so that gradients only correct them:

    L = mean over interactions (u, i) of log( sum_j exp(z_uj) ) - z_ui,   z_uj = s_uj / temperature + strength * p_uj

    s is the similarity of the embeddings, p_uj the prior's score over its spread (the mean over users of the standard
    deviation over items), a constant. It is boosting with one weak learner before the first (Friedman, Annals of
    Statistics 2001); for recommenders, as a fixed bias of a softmax, the idea of logit adjustment (Menon et al., ICLR
    2021; https://arxiv.org/abs/2007.07314) with a bias of every user's own. Priors are EASE and item-kNN: a user's own
    item does not contribute to its own score there, so that their scores of training items are not inflated.

    The trained embeddings are useful only together with the prior: rank with a `blend` of both. On MovieLens-100K
    that ranked worse than a blend of the prior with embeddings of the plain `full_softmax`, which learn the whole task:
    try that first. Costs as `full_softmax`; a table of U x I scores of up to 256 MiB is kept, else each step computes
    its users' rows.
    """

    takes_weights = True
    kind: Literal["residual_softmax"] = "residual_softmax"
    prior: Annotated[Ease | ItemKnn, Field(discriminator="kind")] = Ease()
    """The closed form whose scores are given."""
    strength: Annotated[float, Field(ge=0)] = 1.0
    """Units of the logits that one standard deviation of the prior's scores counts for."""
    temperature: Annotated[float, Field(gt=0)] = 0.2
    """Divides the similarity."""
    similarity: Similarity = "cosine"
    """Similarity of a user and an item."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    @override
    def build(self, encoder: Encoder, graph: Graph, generator: torch.Generator) -> dict[str, nn.Module]:
        from reccl.training.prior import Prior

        return {"prior": Prior(self.prior.build(graph, None), self.strength)}

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings, batch, prior = step.encode(views[0]), step.batch, cast("Prior", step.modules["prior"])
        distinct, row = batch.user.unique(return_inverse=True)  # [b], [B]
        users = normalize_for(embeddings.users(distinct), self.similarity)  # [b, D]
        items = normalize_for(embeddings.items(None), self.similarity)  # [I, D]
        logits = inner_products(users, items) / self.temperature + prior(distinct)  # [b, I]
        return full_softmax(logits, row, batch.item, weight=batch.weight)
