"""Distillation: a tower over features alone learns to score as the graph does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from reccl.data.graph import Graph
from reccl.errors import TrainingError
from reccl.lazy import functional, torch
from reccl.losses.masked_mean import masked_mean
from reccl.losses.similarity import Similarity, dot_negatives, dot_positive, normalize_for
from reccl.losses.weighted_mean import weighted_mean
from reccl.negatives.negatives import redraw_known
from reccl.training.terms.term import Step, TermSettings
from reccl.views import AnyView, Plain, View

if TYPE_CHECKING:
    from torch import Tensor


class Distillation(TermSettings):
    """ALDI's alignment of a student, which has the features of an item, with a teacher, which has its interactions.

    Aligning Distillation For Cold-start Item Recommendation, Huang et al., SIGIR 2023;
    https://doi.org/10.1145/3539618.3591732. With g the graph's embeddings (constants here), t_i the tower's of item i,
    the teacher's scores z_ui = s(g_u, g_i) / tau and z_ij = s(g_i, g_j) / tau, the student's y_ui = s(g_u, t_i) / tau
    and y_ij = s(t_i, t_j) / tau, H(p, x) the cross-entropy of sigmoid(x) with the chance p, J the step's negatives and
    j one of them, the loss is the mean over interactions (u, i) of

    -supervised * log sigmoid(y_ui - y_uj)                                              the student's own ranking
    + rating * (|z_ui - y_ui| + |z_uj - y_uj|)                                          rating distribution
    + w_i ranking * H(sigmoid(z_ui - z_uj), y_ui - y_uj)                                ranking
    + w_i identification * H(sigmoid(z_ii - mean_J z_ij), y_ii - mean_J y_ij)           identification

    w_i = tanh(M min(x_i / mean x, 1)),  x_i = sum over the item's users u of 1 / (u's interactions)

    gives a teacher with few interactions less weight (the paper's teacher-qualifying weight; M is `qualifying_scale`).

    Where we differ: the paper trains the student beside a finished teacher, and maps users by a network of their own
    for it; here both are trained at once, without a gradient from one to the other, and a cold item is embedded in the
    teacher's space, so that lists of old and new items are one inner product. s may be a cosine and tau below 1, as the
    teacher was trained. mean x is over trained items, the paper's over all. Several negatives count by their mean. As
    in the authors' code (https://github.com/zfnWong/ALDI) ratings are not weighted by w; J is the whole step's.
    Without `replaced` in the encoder the teacher is the base alone.
    """

    takes_weights = True
    kind: Literal["distillation"] = "distillation"
    weight: Annotated[float, Field(ge=0)] = 1.0
    """Factor of this term in the objective."""
    supervised: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the student's own ranking."""
    rating: Annotated[float, Field(ge=0)] = 0.1
    """Weight of the difference of scores (the authors' gamma)."""
    ranking: Annotated[float, Field(ge=0)] = 0.9
    """Weight of the difference of how far a positive is above a negative (alpha)."""
    identification: Annotated[float, Field(ge=0)] = 0.05
    """Weight of the difference of how far an item is from others (beta)."""
    qualifying_scale: Annotated[float, Field(gt=0)] | None = 4.0
    """How fast a teacher's weight rises with its interactions (M); empty: all weigh alike, the default of the authors'
    code."""
    similarity: Similarity = "dot"
    """Similarity of a user and an item, as the teacher is trained."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Divides the similarity (tau), as where the teacher is trained."""
    number: Annotated[int, Field(ge=1)] = 1
    """Negatives of each interaction, uniform over trained items that the user is not known to like."""
    view: AnyView = Plain()
    """What the teacher sees of the graph."""

    def compute_loss(self, step: Step, views: tuple[View, ...]) -> Tensor:
        """See `TermSettings.compute_loss`. Raises TrainingError where no tower reads features of items."""
        embeddings, batch, graph = step.encode(views[0]), step.batch, step.graph
        teacher, student = embeddings.graph_only, embeddings.content_only.items
        if teacher is None or student is None:
            raise TrainingError(
                "a distillation term needs a tower over features of items: use encoder.kind=content_aligned, and data "
                "with a table of items"
            )
        trained, weight = step.once_per_epoch(
            ("distillation", self.qualifying_scale), lambda: (find_trained_items(graph), self.teacher_weights(graph))
        )
        size = (len(batch), self.number)

        def sample_items() -> Tensor:
            return trained[torch.randint(len(trained), size, generator=step.generator, device=graph.device)]

        negative, mask = redraw_known(sample_items, batch, graph, redraws=3)  # [B, M], [B, M]
        distinct, place = torch.cat([batch.item, negative.flatten()]).unique(return_inverse=True)  # [n], [B + B M]
        first, others = place[: len(batch)], place[len(batch) :].view(size)  # [B], [B, M]
        user = normalize_for(teacher.users(batch.user).detach(), self.similarity)  # [B, D]
        z, z_others, z_margin = self.score_items(user, teacher.items(distinct).detach(), first, others)
        y, y_others, y_margin = self.score_items(user, student(distinct), first, others)
        lead, target = y[:, None] - y_others, (z[:, None] - z_others).sigmoid()  # [B, M]
        supervised = masked_mean(functional.softplus(-lead), mask)  # [B]
        rating = (z - y).abs() + masked_mean((z_others - y_others).abs(), mask)  # [B]
        cross_entropy = functional.binary_cross_entropy_with_logits
        ranking = masked_mean(cross_entropy(lead, target, reduction="none"), mask)  # [B]
        identification = functional.binary_cross_entropy_with_logits(
            y_margin, z_margin.sigmoid(), reduction="none"
        )  # [B]
        weighted = weight[batch.item] * (self.ranking * ranking + self.identification * identification)
        return weighted_mean(self.supervised * supervised + self.rating * rating + weighted, batch.weight)

    def score_items(self, user: Tensor, items: Tensor, first: Tensor, others: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The users' scores of their positives [B] and negatives [B, M], and how much more similar each positive is to
        itself than to the mean negative [B]; `first` [B] and `others` [B, M] are places in `items` [n, D].
        """
        x = normalize_for(items, self.similarity)  # [n, D]
        positive, scale = x[first], 1 / self.temperature  # [B, D]
        mean = x[others.flatten()].mean(0)  # [D]
        own, margin = dot_positive(user, positive), dot_positive(positive, positive - mean)
        return own * scale, dot_negatives(user, x[others]) * scale, margin * scale

    def teacher_weights(self, graph: Graph) -> Tensor:
        """The weight of each item's teacher, w [I]; 1 for all where `qualifying_scale` is empty."""
        if self.qualifying_scale is None:
            return torch.ones(graph.num_items, device=graph.device)
        evidence = torch.zeros(graph.num_items, device=graph.device)
        evidence.index_add_(0, graph.item, 1 / graph.user_degree[graph.user].float())  # [I]
        mean = evidence.sum() / (graph.item_degree > 0).sum()
        return torch.tanh(self.qualifying_scale * (evidence / mean).clamp(max=1))


def find_trained_items(graph: Graph) -> Tensor:
    """Row numbers of the items that have training rows."""
    return graph.item_degree.nonzero().squeeze(1)
