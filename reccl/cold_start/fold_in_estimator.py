"""User estimate: what some items of a user say of the user's embedding, as the trained users tell."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import normalize

from reccl.cold_start.feature_prior import RIDGE, Prior, ridged
from reccl.data.sparse import make_csr
from reccl.data.user_items import UserItemCSR
from reccl.scorers.scorer import Scorer

EXPONENTS = (0.0, 0.25, 0.5, 1.0)
"""How much less a popular item says of a user: an item of degree d counts d^-exponent."""
LENGTHS = (1, 2, 5, 10, 20, 50)
"""History lengths at which exponents are compared."""
FLOOR = 0.1
"""Least doubt about features, as a share of the spread of users: a tower is measured on the users it was fitted to."""
USERS = 50_000
"""Most trained users that are read, evenly spaced."""


@dataclass(frozen=True)
class FoldInEstimator:
    """The best linear estimate of a trained user's embedding from k of the user's items.

    Let m_k be the mean of c_i e_i over k items i, drawn without replacement from a user's K trained items, with item
    embeddings e_i [D] and weights c_i = d_i^-a of the items' degrees. Over all users and all such draws,

        Cov(m_k) = B + W / k,   B = Cov(m_K) - E[S_u / K],   W = E[S_u],

    where S_u is the covariance of c_i e_i among the user's items, so that the least-squares estimate is

        e(k items) = mean(e_u) + Cov(e_u, m_K) (B + W / k)^-1 (m_k - mean(m_K)).

    This is shrinkage towards the mean user (whose list is about the most popular items), in every direction as much as
    k items leave open: closed-form, with nothing to tune and no sampling. With W = L L' and L^-1 B L^-T = V diag(r) V',
    the inverse is diag(1 / (r + 1/k)) in one basis for all k. The exponent a is the one that explains most of the
    trained users' scores, at short and long histories alike.

    Sources: the linear minimum-mean-square-error estimator (Kay, Fundamentals of Statistical Signal Processing, 1993,
    ch. 12); fold-in of users into a factor model (Sarwar et al., Incremental singular value decomposition algorithms,
    ICCIT 2002). Where we differ: least squares on the item factors, (E'E + l I)^-1 E'x, and LightGCN's own sum of
    neighbors both leave the strength of the prior open; here the trained users say it. Lengths of the trained users'
    embeddings are evened out first, where they rank nothing (not beside scores from histories). Where all trained items
    have embeddings of zero, since such scores alone rank them, e_i is the mean embedding of their users.
    """

    items: Tensor  # [I, D] e_i
    weight: Tensor  # [I] c_i; 0 where an item was not trained on
    user: Tensor  # [D] mean user, of mean length
    history: Tensor  # [D] mean of m_K
    into: Tensor  # [D, D] L^-T V
    onto: Tensor  # [D, D] Cov(e, m_K) L^-T V
    ratio: Tensor  # [D] r, at least 0
    spread: Tensor  # [D, D] Cov(e)
    length: float  # mean length of a trained embedding
    unit: bool  # trained embeddings all have length one (cosine)

    @classmethod
    def of(cls, scorer: Scorer, trained: UserItemCSR, placed: Tensor | None = None) -> Self:
        """Fit to a scorer's embeddings and the interactions that they were trained on.

        Items that were not trained on get no weight; those that are `placed` ([I] bool) by features a middling one, if
        they lie among the trained ones and not in components of their own.
        """
        degree = torch.bincount(trained.item, minlength=len(scorer.item_embeddings))  # [I]
        items = scorer.item_embeddings if scorer.item_embeddings[degree > 0].any() else of_their_users(scorer, trained)
        centerd = (items - items[degree > 0].mean(0))[degree > 0].double()  # [i, D]
        gram = centerd.T @ centerd  # [D, D]; what all items share ranks nothing
        trials = [cls.at(replace(scorer, item_embeddings=items), trained, degree, exponent) for exponent in EXPONENTS]
        best = max(trials, key=lambda trial: trial.explained(gram))
        if placed is None:
            return best
        more = placed & (degree == 0) & inside(items, degree > 0)
        return replace(best, weight=torch.where(more, best.weight[degree > 0].median(), best.weight))

    @classmethod
    def at(cls, scorer: Scorer, trained: UserItemCSR, degree: Tensor, exponent: float) -> Self:
        """Fit at one exponent; `degree` [I] counts the items' trained interactions."""
        rows = trained.counts.nonzero().squeeze(1)
        rows = rows[:: 1 + len(rows) // USERS]  # [n]
        read = trained.select_users(rows)
        count = read.counts.double()  # [n] K
        vectors = scorer.user_embeddings[rows].double()  # [n, D]
        lengths = vectors.norm(dim=1)  # [n]
        users = normalize(vectors, dim=1) * lengths.mean() if scorer.history is None else vectors
        weight = torch.where(degree > 0, degree.clamp(min=1).double() ** -exponent, 0)  # [I]
        weighted = scorer.item_embeddings.double() * weight[:, None]  # [I, D] c_i e_i
        means = read.sum_vectors(weighted) / count[:, None]  # [n, D] m_K
        several = (count > 1).double()  # [n] who has a covariance
        factor = several / (count - 1).clamp(min=1) / several.sum().clamp(min=1)
        within, drawn = (scatter(read, weighted, means, each) for each in (factor, factor / count))  # W, E[S_u / K]
        drawn = drawn * several.mean() + within * (1 - several.mean())  # who has one item: W / 1
        from_user, from_mean = users - users.mean(0), means - means.mean(0)
        between = from_mean.T @ from_mean / len(rows) - drawn  # [D, D] B
        root = torch.linalg.cholesky(ridged(within))  # [D, D] L
        half = torch.linalg.solve_triangular(root, between, upper=False)
        white = torch.linalg.solve_triangular(root, half.T, upper=False)  # L^-1 B L^-T
        ratio, basis = torch.linalg.eigh((white + white.T) / 2)
        into = torch.linalg.solve_triangular(root.T, basis, upper=True)
        onto = from_user.T @ from_mean @ into / len(rows)
        spread = from_user.T @ from_user / len(rows)
        unit = bool((lengths - 1).abs().max() < 1e-3)
        return cls(
            scorer.item_embeddings,
            weight,
            users.mean(0),
            means.mean(0),
            into,
            onto,
            ratio.clamp(min=0),
            spread,
            float(lengths.mean()),
            unit,
        )

    def explained(self, gram: Tensor) -> float:
        """Variance of the scores that the estimate explains, summed over LENGTHS; `gram` [D, D] of the items."""
        energy = (self.onto * (gram @ self.onto)).sum(0)  # [D]
        return sum(float((energy * shrunk(torch.tensor([[k]]).to(energy), self.ratio)).sum()) for k in LENGTHS)

    def __call__(self, history: UserItemCSR, prior: Prior | None = None) -> Tensor:
        """Embeddings of n users who have `history`: [n, D], float32.

        Items of weight 0 say nothing; a user who has no other gets the mean of the prior: the mean user without one.
        """
        seen = history.sum_vectors((self.weight > 0).double()[:, None])  # [n, 1] k
        total = history.sum_vectors(self.items.double() * self.weight[:, None])  # [n, D]
        away = (total / seen.clamp(min=1) - self.history) @ self.into  # [n, D]
        if prior is None:
            users = self.user + (away * shrunk(seen, self.ratio)) @ self.onto.T
        else:
            users = self.from_prior(away, seen, prior)
        return (normalize(users, dim=1) if self.unit else users).float()

    def from_prior(self, away: Tensor, seen: Tensor, prior: Prior) -> Tensor:
        """The same estimate, of users of whom more is known before: N(t, T) in place of N(mean, Cov(e)).

        In the basis above, m_k = A (e - mean) + noise with A = Cov(m, e) Cov(e)^-1 and noise of covariance
        diag(r + 1/k) - A Cov(e) A', so that e = t + T A' (A T A' + noise)^-1 (m_k - A (t - mean)): Kalman's update.
        """
        spread = prior.covariance.double() + FLOOR * self.spread  # [D, D] T
        read = torch.linalg.solve(ridged(self.spread), self.onto).T  # [D, D] A
        noise = torch.diag(self.ratio) - read @ self.onto  # [D, D] without 1/k
        ratio, basis = torch.linalg.eigh(read @ spread @ read.T + (noise + noise.T) / 2)
        mean = prior.mean.double()  # [n, D] t
        missed = (away - (mean - self.user) @ read.T) @ basis  # [n, D]
        users: Tensor = mean + (missed * shrunk(seen, ratio.clamp(min=0))) @ (spread @ read.T @ basis).T
        return users


def shrunk(seen: Tensor, ratio: Tensor) -> Tensor:
    """1 / (r + 1/k) for k [n, 1] and r [D]: [n, D]; 0 where k is."""
    return seen / (seen * ratio + 1)


def scatter(history: UserItemCSR, vectors: Tensor, means: Tensor, factor: Tensor) -> Tensor:
    """Sum over users of factor_u sum over their items of (v_i - mean_u)(v_i - mean_u)': [D, D]."""
    owner = torch.repeat_interleave(factor, history.counts)  # [E]
    per_item = torch.zeros(len(vectors), dtype=vectors.dtype, device=vectors.device).index_add_(0, history.item, owner)
    return (vectors.T * per_item) @ vectors - (means.T * (factor * history.counts)) @ means


def of_their_users(scorer: Scorer, trained: UserItemCSR) -> Tensor:
    """The mean embedding of each item's trained users, [I, D]; 0 without any."""
    size = (len(trained.counts), len(scorer.item_embeddings))
    ones = torch.ones(len(trained.item), device=trained.item.device)
    has = make_csr(trained.start, trained.item, ones, size).to_sparse_coo()
    degree = torch.bincount(trained.item, minlength=len(scorer.item_embeddings)).clamp(min=1)  # [I]
    total: Tensor = torch.sparse.mm(has.t(), scorer.user_embeddings.float())
    return total / degree[:, None]


def inside(items: Tensor, trained: Tensor) -> Tensor:
    """Which items [I, D] lie, by most of their length, in the directions of the `trained` ones ([I] bool): [I] bool."""
    own = items[trained].double()  # [i, D]
    size, axes = torch.linalg.eigh(own.T @ own)
    within = items.double() @ axes[:, size > RIDGE * size.mean()]
    near: Tensor = within.norm(dim=1) > 0.5 * items.double().norm(dim=1)
    return near
