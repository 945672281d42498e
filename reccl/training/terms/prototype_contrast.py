"""Prototype contrast: a node should be near the center of its cluster and far from the other centers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.encoders.encoder import Rows
from reccl.lazy import functional, no_grad, torch
from reccl.losses import full_softmax
from reccl.losses.similarity import inner_products
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor


class PrototypeContrast(TermSettings):
    """NCL's prototype-contrastive term: k-means once an epoch, then each node against the centers.

    Improving Graph Collaborative Filtering with Neighborhood-enriched Contrastive Learning, Lin et al., WWW 2022;
    https://arxiv.org/abs/2202.06200. With e_u [D] a user's initial embedding, C the users' centers, c(u) the center of
    the cluster of u, and tau the temperature, all of unit length:

    L_U = mean over users u of -log( exp(e_u c(u) / tau) / sum over c in C of exp(e_u c / tau) )

    and L = L_U + alpha L_I, L_I the same over items. The centers are constants for an epoch (the E-step); the step
    towards them is the M-step.

    Where we differ: mini-batch k-means, on embeddings of unit length; the mean over the batch's distinct nodes, not
    the sum over its rows; no warm-up epochs without the term. In the authors' code this term has no alpha.
    """

    takes_weights = None
    kind: Literal["prototype_contrast"] = "prototype_contrast"
    weight: Annotated[float, Field(ge=0)] = 0.01
    """Factor of this term in the objective (lambda_2 of NCL)."""
    clusters: Annotated[int, Field(ge=2)] = 100
    """Centers on each side (|C|); fewer where there are fewer nodes. The authors have up to 2,000."""
    temperature: Annotated[float, Field(gt=0)] = 0.1
    """Divides the cosine (tau)."""
    item_weight: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the items' side beside the users' (alpha)."""
    view: AnyView = Plain()
    """What the encoder sees of the graph; the initial embeddings do not depend on it, so take the ranking term's."""

    @override
    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        embeddings = step.encode(views[0])
        users = self.contrast_side(step, "users", embeddings.initial_users, step.batch.user.unique())
        items = self.contrast_side(step, "items", embeddings.initial_items, step.batch.item.unique())
        return users + self.item_weight * items

    def contrast_side(self, step: Step, name: str, initial: Rows, nodes: Tensor) -> Tensor:
        """One side's loss over distinct nodes [n]."""
        clusters = step.once_per_epoch((self, name), lambda: cluster_nodes(initial, self.clusters, step.generator))
        logits = inner_products(functional.normalize(initial(nodes)), clusters.centers) / self.temperature  # [n, C]
        return full_softmax(logits, torch.arange(len(nodes), device=nodes.device), clusters.assignment[nodes])


@dataclass(frozen=True)
class Clusters:
    """The outcome of k-means over the nodes of one side."""

    centers: Tensor  # [C, D] of unit length
    assignment: Tensor  # [n] cluster of each node


@no_grad
def cluster_nodes(initial: Rows, clusters: int, generator: torch.Generator) -> Clusters:
    """Mini-batch k-means over all embeddings of a side, on the CPU."""
    from sklearn.cluster import MiniBatchKMeans

    table = functional.normalize(initial(None)).float()  # [n, D]
    seed = int(torch.randint(2**31 - 1, (1,), generator=generator, device=generator.device))
    means = MiniBatchKMeans(min(clusters, len(table)), random_state=seed, n_init=1).fit(table.cpu().numpy())
    centers = torch.from_numpy(means.cluster_centers_).to(table)
    return Clusters(functional.normalize(centers), torch.from_numpy(means.labels_).long().to(table.device))
