"""Mixed ranking: BPR against sampled negatives, and a softmax against mixtures of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.losses import BPR, BilateralSoftmax, Pairs
from reccl.negatives import AnyPool, Uniform
from reccl.training.mixing import permute, sample_shares
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor


class MixedRanking(TermSettings):
    """The ranking loss of MixRec: Individual and Collective Mixing Empowers Data Augmentation for Recommender Systems,
    Zhang and Zhang, WWW 2025; https://arxiv.org/abs/2501.13579, as in the authors' code. For interactions (u, i) with
    negatives j, a share b of a step and a random order p of the batch's rows:

    L = b * mean of -log sigmoid(e_u . e_i - e_u . e_j)
        + (1 - b) * mean of -log( exp(s(e_u, e_i) / t) / sum over rows r of exp(s(e_u, n_r) / t) )

    n_r = b e_j(r) + (1 - b) e_j(p(r)) mixes two rows' negatives, s is the cosine, t `temperature`, and b is drawn at
    every step from a Beta distribution, with the default concentration of .1 mostly near 0 or near 1.

    Add `mixing_contrast`. Where we differ: b is this term's own and not that of the items in the contrast; negatives
    that could not be redrawn from among the user's known items are masked in the first part.
    """

    takes_weights = True
    kind: Literal["mixed_ranking"] = "mixed_ranking"
    negatives: AnyPool = Uniform(number=1)
    """Where the negatives come from: one of each row."""
    concentration: Annotated[float, Field(gt=0)] = 0.1
    """Both parameters of the Beta distribution: 1 is uniform, less is nearer to 0 and 1."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Divides the cosines to the mixed negatives."""
    view: AnyView = Plain()
    """What the encoder sees of the graph."""

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings, batch = step.encode(views[0]), step.batch
        sample = self.negatives.sample(batch, step.graph, step.generator)
        users, items = embeddings.users(batch.user), embeddings.items(batch.item)  # [B, D], [B, D]
        negatives = embeddings.items(sample.items)  # [M, D] or [B, M, D]
        share = sample_shares(2, self.concentration, users, step.generator)[0]  # []
        pool = negatives.flatten(0, -2)  # [M, D] or [B * M, D]
        mixed = share * pool + (1 - share) * permute(pool, step.generator)
        ranked = BPR()(Pairs(users, items, negatives, sample.mask, weight=batch.weight))
        softmax = BilateralSoftmax(temperature=self.temperature, exponent=1)
        return share * ranked + (1 - share) * softmax(Pairs(users, items, mixed, weight=batch.weight))
