"""Teacher's lists: the best items of every user by a scorer, and how probable it holds each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from reccl.data.svd import truncated_svd
from reccl.data.user_items import UserItemCSR
from reccl.lazy import torch
from reccl.scorers.perplexity import soften
from reccl.scorers.scorer import Scorer

if TYPE_CHECKING:
    from torch import Tensor

CHUNK_BYTES = 64 << 20
"""Memory for one chunk's scores."""
SAMPLE_BYTES = 256 << 20
"""Memory for the scores that are decomposed."""


SHORTEST = 3
"""A list is at least so many times as long as its perplexity: shorter ones are softened less."""


@dataclass(frozen=True, eq=False)
class TeacherLists:
    """What a student learns from, of n users for whom the teacher tells items apart."""

    users: Tensor  # [n] row numbers
    items: Tensor  # [n, K] int32, their best items, the best first; -1 where a user has fewer left
    shares: Tensor  # [n, K] their probabilities; 0 there
    user_vectors: Tensor  # [n, D] vectors whose products are about the teacher's scores over the temperature, and
    item_vectors: Tensor  # [I, D] a constant for each user

    @classmethod
    def of(
        cls,
        teacher: Scorer,
        users: Tensor,
        candidates: Tensor,
        hidden: UserItemCSR | None,
        dimension: int,
        length: int,
        perplexity: float,
        seed: int,
    ) -> Self:
        """Lists of `length` items, softened to one perplexity, in one walk over the scores.

        The vectors are those of a truncated singular value decomposition of the scores less their means, [n, I]. Where
        that table takes more than 256 MiB, the items' vectors are those of users evenly spaced.

        Args:
            teacher: the scorer.
            users: [n] row numbers.
            candidates: [I] bool: which items may stand in lists.
            hidden: items that are in no list of their user.
            dimension: D.
            length: K, at most.
            perplexity: see `soften`.
            seed: of the decomposition.

        """
        directions = main_directions(teacher, users, dimension, seed) * candidates[:, None]  # [I, D]
        size, length = max(1, CHUNK_BYTES // (4 * teacher.num_items)), min(length, teacher.num_items)
        parts = [(users[:0], directions.new_zeros(0, length).int(), directions.new_zeros(0, length), directions[:0])]
        for rows in users.split(size):
            scores = teacher.scores(rows)  # [b, I]
            scores -= scores.mean(1, keepdim=True)
            projected = scores @ directions  # [b, D]
            scores.masked_fill_(~candidates, -torch.inf)
            if hidden is not None:
                scores[hidden.gather_pairs(rows)] = -torch.inf
            best, items = scores.topk(length, dim=1)  # [b, K]
            items = items.masked_fill(best == -torch.inf, -1)
            lowest = best.masked_fill(best == -torch.inf, torch.inf).min(1).values  # [b]
            apart = best[:, 0] > lowest  # [b] whether the teacher tells items apart
            left = (best[apart] > -torch.inf).sum(1)  # [b'] length of a list
            shares, inverse = soften(best[apart], (left / SHORTEST).clamp(1, perplexity))
            parts.append((rows[apart], items[apart].int(), shares, projected[apart] * inverse[:, None]))
        told, lists, shares, vectors = (torch.cat(each) for each in zip(*parts, strict=True))
        return cls(told, lists, shares, *balance(vectors, directions))


def main_directions(teacher: Scorer, users: Tensor, dimension: int, seed: int) -> Tensor:
    """[I, D] the first right singular vectors of scores less their means, of users evenly spaced; 0 beyond the rank."""
    count = min(len(users), max(1, SAMPLE_BYTES // (4 * teacher.num_items)))
    places = torch.linspace(0, max(0, len(users) - 1), count, device=users.device).round().long()
    scores = teacher.scores(users[places])  # [n, I]
    scores -= scores.mean(1, keepdim=True)
    found = torch.from_numpy(truncated_svd(scores.cpu().numpy(), dimension, seed=seed).right).to(scores)  # [I, <= D]
    return torch.nn.functional.pad(found, (0, dimension - found.shape[1]))


def balance(users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
    """Vectors of one mean square on both sides, [n, D] and [I, D], with the same products.

    >>> balance(torch.tensor([[8.0]]), torch.tensor([[2.0]]))
    (tensor([[4.]]), tensor([[4.]]))
    """
    sizes = [float(table.square().mean()) ** 0.5 if table.numel() else 0.0 for table in (users, items)]
    ratio = (sizes[0] / sizes[1]) ** 0.5 if all(sizes) else 1.0
    return users / ratio, items * ratio
