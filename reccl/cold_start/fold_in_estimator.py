"""Fold-in estimator: the embedding of a user from some of their items, as learned from the trained users."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import normalize

from reccl.cold_start.feature_prior import RIDGE, GaussianPrior, add_ridge
from reccl.data.sparse import make_csr
from reccl.data.user_items import UserItemCSR
from reccl.scorers.scorer import Scorer

EXPONENTS = (0.0, 0.25, 0.5, 1.0)
"""How much less a popular item tells about a user: an item of degree d counts d^-exponent."""
LENGTHS = (1, 2, 5, 10, 20, 50)
"""History lengths at which exponents are compared."""
FLOOR = 0.1
"""Least error of predictions, as a share of the users' covariance: a tower is measured on those it was fitted to."""
MAX_USERS = 50_000
"""Trained users that it is fitted to at most, evenly spaced."""


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
    neighbors both leave the strength of the prior open; here it comes from the trained users. Their embeddings are
    scaled to one length first, where length does not affect rankings (not beside scores from histories). Where all
    trained items have embeddings of zero, since such scores alone rank them, e_i is their users' mean embedding.
    """

    item_embeddings: Tensor  # [I, D] e_i
    item_weights: Tensor  # [I] c_i; 0 where an item was not trained on
    mean_user: Tensor  # [D] of mean length
    mean_profile: Tensor  # [D] mean of m_K
    basis: Tensor  # [D, D] L^-T V
    regression: Tensor  # [D, D] Cov(e, m_K) L^-T V
    ratio: Tensor  # [D] r, at least 0
    user_covariance: Tensor  # [D, D] Cov(e)
    mean_length: float  # of a trained embedding
    unit_norm: bool  # trained embeddings all have length one (cosine)

    @classmethod
    def of(cls, scorer: Scorer, trained: UserItemCSR, feature_items: Tensor | None = None) -> Self:
        """Fit to a scorer's embeddings and the interactions that they were trained on.

        Items that were not trained on get no weight; `feature_items` ([I] bool), which are embedded from features, get
        the median weight, if they lie among the trained ones and not in components of their own.
        """
        degree = torch.bincount(trained.item, minlength=scorer.num_items)  # [I]
        items = scorer.item_embeddings if scorer.item_embeddings[degree > 0].any() else average_users(scorer, trained)
        centered = (items - items[degree > 0].mean(0))[degree > 0].double()  # [i, D]
        gram = centered.T @ centered  # [D, D]; what all items share affects no ranking
        source = replace(scorer, item_embeddings=items)
        fits = [cls.of_exponent(source, trained, degree, exponent) for exponent in EXPONENTS]
        best = max(fits, key=lambda fit: fit.explained_variance(gram))
        if feature_items is None:
            return best
        more = feature_items & (degree == 0) & in_span(items, degree > 0)
        median = best.item_weights[degree > 0].median()
        return replace(best, item_weights=torch.where(more, median, best.item_weights))

    @classmethod
    def of_exponent(cls, scorer: Scorer, trained: UserItemCSR, degree: Tensor, exponent: float) -> Self:
        """Fit with one exponent; `degree` [I] counts the items' trained interactions."""
        rows = trained.counts.nonzero().squeeze(1)
        rows = rows[:: 1 + len(rows) // MAX_USERS]  # [n]
        own = trained.select_users(rows)
        count = own.counts.double()  # [n] K
        vectors = scorer.user_embeddings[rows].double()  # [n, D]
        lengths = vectors.norm(dim=1)  # [n]
        users = normalize(vectors, dim=1) * lengths.mean() if scorer.history is None else vectors
        weight = torch.where(degree > 0, degree.clamp(min=1).double() ** -exponent, 0)  # [I]
        weighted = scorer.item_embeddings.double() * weight[:, None]  # [I, D] c_i e_i
        means = own.sum_vectors(weighted) / count[:, None]  # [n, D] m_K
        several = (count > 1).double()  # [n] users with a covariance
        factor = several / (count - 1).clamp(min=1) / several.sum().clamp(min=1)
        covariances = (scatter_matrix(own, weighted, means, each) for each in (factor, factor / count))
        within, drawn = covariances  # W, E[S_u / K]
        drawn = drawn * several.mean() + within * (1 - several.mean())  # users of one item: W / 1
        from_user, from_mean = users - users.mean(0), means - means.mean(0)
        between = from_mean.T @ from_mean / len(rows) - drawn  # [D, D] B
        root = torch.linalg.cholesky(add_ridge(within))  # [D, D] L
        half = torch.linalg.solve_triangular(root, between, upper=False)
        white = torch.linalg.solve_triangular(root, half.T, upper=False)  # L^-1 B L^-T
        ratio, rotation = torch.linalg.eigh((white + white.T) / 2)
        basis = torch.linalg.solve_triangular(root.T, rotation, upper=True)
        return cls(
            scorer.item_embeddings,
            weight,
            users.mean(0),
            means.mean(0),
            basis,
            regression=from_user.T @ from_mean @ basis / len(rows),
            ratio=ratio.clamp(min=0),
            user_covariance=from_user.T @ from_user / len(rows),
            mean_length=float(lengths.mean()),
            unit_norm=bool((lengths - 1).abs().max() < 1e-3),
        )

    def explained_variance(self, gram: Tensor) -> float:
        """Variance of the scores that the estimate explains, summed over LENGTHS; `gram` [D, D] of the items."""
        energy = (self.regression * (gram @ self.regression)).sum(0)  # [D]
        return sum(float((energy * shrinkage(torch.tensor([[k]]).to(energy), self.ratio)).sum()) for k in LENGTHS)

    def __call__(self, history: UserItemCSR, prior: GaussianPrior | None = None) -> Tensor:
        """Embeddings of n users who have `history`: [n, D], float32.

        Items of weight 0 carry no information; a user who has no other gets the mean of the prior: without one, the
        mean user.
        """
        own, items = history.keep_used()  # of i items
        weights = self.item_weights[items, None]  # [i, 1]
        count = own.sum_vectors((weights > 0).double())  # [n, 1] k
        total = own.sum_vectors(self.item_embeddings[items].double() * weights)  # [n, D]
        deviation = (total / count.clamp(min=1) - self.mean_profile) @ self.basis  # [n, D]
        if prior is None:
            users = self.mean_user + (deviation * shrinkage(count, self.ratio)) @ self.regression.T
        else:
            users = self.update_prior(deviation, count, prior)
        return (normalize(users, dim=1) if self.unit_norm else users).float()

    def update_prior(self, deviation: Tensor, count: Tensor, prior: GaussianPrior) -> Tensor:
        """The same estimate for users about whom more is known before: N(t, T) in place of N(mean, Cov(e)).

        In the basis above, m_k = A (e - mean) + noise with A = Cov(m, e) Cov(e)^-1 and noise of covariance
        diag(r + 1/k) - A Cov(e) A', so that e = t + T A' (A T A' + noise)^-1 (m_k - A (t - mean)): Kalman's update.
        """
        covariance = prior.covariance.double() + FLOOR * self.user_covariance  # [D, D] T
        observe = torch.linalg.solve(add_ridge(self.user_covariance), self.regression).T  # [D, D] A
        noise = torch.diag(self.ratio) - observe @ self.regression  # [D, D] without 1/k
        ratio, rotation = torch.linalg.eigh(observe @ covariance @ observe.T + (noise + noise.T) / 2)
        mean = prior.mean.double()  # [n, D] t
        innovation = (deviation - (mean - self.mean_user) @ observe.T) @ rotation  # [n, D]
        gain = covariance @ observe.T @ rotation  # [D, D]
        users: Tensor = mean + (innovation * shrinkage(count, ratio.clamp(min=0))) @ gain.T
        return users


def shrinkage(count: Tensor, ratio: Tensor) -> Tensor:
    """1 / (r + 1/k) for k [n, 1] and r [D]: [n, D]; 0 where k is."""
    return count / (count * ratio + 1)


def scatter_matrix(history: UserItemCSR, vectors: Tensor, means: Tensor, factor: Tensor) -> Tensor:
    """Sum over users of factor_u sum over their items of (v_i - mean_u)(v_i - mean_u)': [D, D]."""
    owner = torch.repeat_interleave(factor, history.counts)  # [E]
    per_item = torch.zeros(len(vectors), dtype=vectors.dtype, device=vectors.device).index_add_(0, history.item, owner)
    return (vectors.T * per_item) @ vectors - (means.T * (factor * history.counts)) @ means


def average_users(scorer: Scorer, trained: UserItemCSR) -> Tensor:
    """The mean embedding of each item's trained users, [I, D]; 0 without any."""
    size = (len(trained.counts), scorer.num_items)
    ones = torch.ones(len(trained.item), device=trained.item.device)
    has = make_csr(trained.start, trained.item, ones, size).to_sparse_coo()
    degree = torch.bincount(trained.item, minlength=scorer.num_items).clamp(min=1)  # [I]
    total: Tensor = torch.sparse.mm(has.t(), scorer.user_embeddings.float())
    return total / degree[:, None]


def in_span(items: Tensor, trained: Tensor) -> Tensor:
    """Which items [I, D] lie, by most of their length, in the span of the `trained` ones ([I] bool): [I] bool."""
    own = items[trained].double()  # [i, D]
    sizes, axes = torch.linalg.eigh(own.T @ own)
    projected = items.double() @ axes[:, sizes > RIDGE * sizes.mean()]
    mostly_inside: Tensor = projected.norm(dim=1) > 0.5 * items.double().norm(dim=1)
    return mostly_inside
