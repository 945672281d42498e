"""Similar: items that the same users score high, and users who score the same items high."""

import polars as pl
import torch
from torch import Tensor

from reccl.cold_start.sources import POPULARITY
from reccl.data.columns import ITEM, RANK, USER
from reccl.recommend.extended_model import ExtendedModel
from reccl.scorers import Scorer

SIMILARITY = "similarity"
SAMPLE = 2048
"""Users whose scores items are compared by, where scores come from histories; evenly spaced."""
BYTES = 128 << 20
"""Memory for scores at a time."""


def find_similar_items(extended: ExtendedModel, items: Tensor, k: int) -> pl.DataFrame:
    """The k items most similar to each of `items` ([q] rows): item, similar_item (raw ids), similarity, rank.

    The similarity of two items is the correlation of their scores over users,

        sim(i, j) = corr_u(s(u, i), s(u, j)),   and with embeddings alone   e_i' C e_j / (|e_i|_C |e_j|_C),

    with C [D, D] the covariance of the users' embeddings. It is the cosine of item embeddings in the one basis in which
    it depends on nothing but the scores: how lengths are shared between users and items, the weights of a blend and
    components that all users share (popularity) change nothing. Where scores come from histories (EASE, kNN, filters)
    it is measured on up to 2,048 users. Items about which nothing is known are similar to nothing.
    """
    model = extended.model
    known = (extended.item_source != POPULARITY).to(items.device)  # [I]
    similarity = correlate_items(sample_users(model.scorer, extended.user_source != POPULARITY), items)  # [q, I]
    return to_similar(ITEM, model.item_ids.ids, items, similarity, known, k)


def find_similar_users(extended: ExtendedModel, users: Tensor, k: int) -> pl.DataFrame:
    """The k users most similar to each of `users` ([q] rows): user, similar_user (raw ids), similarity, rank.

    The similarity of two users is the correlation of their scores over items; see `find_similar_items`.
    """
    model = extended.model
    known = (extended.user_source != POPULARITY).to(users.device)  # [U]
    similarity = correlate_users(model.scorer, users)  # [q, U]
    return to_similar(USER, model.user_ids.ids, users, similarity, known, k)


def sample_users(scorer: Scorer, known: Tensor) -> Scorer:
    """The scorer of the users about whom something is known ([U] bool), of a sample where there are histories."""
    rows = known.to(scorer.device).nonzero().squeeze(1)  # [n]
    if scorer.item_operators:
        rows = rows[torch.linspace(0, max(0, len(rows) - 1), min(SAMPLE, len(rows))).round().long().to(rows.device)]
    history = None if scorer.history is None else scorer.history.select_users(rows)
    return Scorer(scorer.user_embeddings[rows], scorer.item_embeddings, history, scorer.item_operators)


def correlate_items(scorer: Scorer, items: Tensor) -> Tensor:
    """Correlation over the scorer's users of the scores of q items ([q] rows) with those of all: [q, I]."""
    if not scorer.item_operators:
        return cosines(scorer.item_embeddings @ covariance_root(scorer.user_embeddings), items)
    size = max(1, BYTES // (8 * max(1, scorer.num_items)))
    total = torch.zeros(scorer.num_items, dtype=torch.float64, device=scorer.device)  # [I]
    squares, products = torch.zeros_like(total), total.new_zeros(len(items), scorer.num_items)  # [I], [q, I]
    for rows in torch.arange(scorer.num_users, device=scorer.device).split(size):
        scores = scorer.scores(rows).double()  # [b, I]
        total += scores.sum(0)
        squares += scores.square().sum(0)
        products += scores[:, items].T @ scores
    mean = total / max(1, scorer.num_users)
    products -= total[items, None] * mean
    deviation = (squares - total * mean).clamp(min=0).sqrt()  # [I]
    return divide(products, deviation[items, None] * deviation).float()


def correlate_users(scorer: Scorer, users: Tensor) -> Tensor:
    """Correlation over items of the scores of q users ([q] rows) with those of all users: [q, U]."""
    if not scorer.item_operators:
        return cosines(scorer.user_embeddings @ covariance_root(scorer.item_embeddings), users)
    asked = standardize(scorer.scores(users).double())  # [q, I]
    size = max(1, BYTES // (8 * max(1, scorer.num_items)))
    rows = torch.arange(scorer.num_users, device=scorer.device).split(size)
    return torch.cat([(asked @ standardize(scorer.scores(some).double()).T).float() for some in rows], 1)


def covariance_root(vectors: Tensor) -> Tensor:
    """R [D, D] with R R' the covariance of vectors [n, D]."""
    centered = vectors.double() - vectors.double().mean(0)
    sizes, axes = torch.linalg.eigh(centered.T @ centered / max(1, len(vectors)))
    root: Tensor = axes * sizes.clamp(min=0).sqrt()
    return root.to(vectors)


def cosines(vectors: Tensor, rows: Tensor) -> Tensor:
    """Cosines of the vectors at `rows` [q] with all [n, D]: [q, n]; 0 for a vector of zeros."""
    unit = torch.nn.functional.normalize(vectors, dim=1)
    return unit[rows] @ unit.T


def standardize(scores: Tensor) -> Tensor:
    """Rows [b, I] of mean 0 and length 1; of zeros where all values are equal."""
    return torch.nn.functional.normalize(scores - scores.mean(1, keepdim=True), dim=1)


def divide(products: Tensor, lengths: Tensor) -> Tensor:
    """The quotient, 0 where a length is: rounding leaves constant scores a deviation of almost nothing."""
    return torch.where(lengths > 1e-12, products / lengths.clamp(min=1e-12), 0.0)


def to_similar(name: str, ids: pl.Series, rows: Tensor, similarity: Tensor, known: Tensor, k: int) -> pl.DataFrame:
    """Similarities [q, n] as a table of the k best among the `known` ([n] bool), oneself left out."""
    similarity = similarity.masked_fill(~known, -torch.inf)
    similarity[torch.arange(len(rows), device=rows.device), rows] = -torch.inf
    best, place = torch.topk(similarity, min(k, similarity.shape[1]), dim=1)  # [q, k], [q, k]
    asked = torch.arange(len(rows), device=rows.device)[:, None].expand_as(place)
    there = best.isfinite()
    owner = pl.Series(rows[asked[there]].cpu().numpy())
    rank = torch.arange(1, place.shape[1] + 1, device=rows.device).expand_as(place)[there]
    return pl.DataFrame(
        {
            name: ids.gather(owner),
            f"similar_{name}": ids.gather(pl.Series(place[there].cpu().numpy())),
            SIMILARITY: best[there].cpu().numpy(),
            RANK: rank.to(torch.int32).cpu().numpy(),
        }
    )
