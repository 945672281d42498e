"""Sources: what the scores of each user and item rest on, and popularity where they rest on nothing."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from reccl.data.graph import Graph
from reccl.scorers import Scorer

SOURCES = ("model", "fold_in", "content", "popularity")
"""What a score rests on, from the firmest to the weakest: training, interactions since training, features, nothing."""
MODEL, FOLD_IN, CONTENT, POPULARITY = range(len(SOURCES))
LAST = -1e6
"""Added to the scores of items about which nothing is known, so that they stand last in every list."""


@dataclass(frozen=True)
class Sources:
    """What scores rest on, as places in SOURCES."""

    users: Tensor  # [U] int8
    items: Tensor  # [I] int8

    @classmethod
    def of(cls, graph: Graph, *, users_by_features: bool = False, items_by_features: bool = False) -> "Sources":
        """Of a graph of training rows: who has any is trained, the others rest on features, or on nothing."""
        return cls.of_degrees(
            graph.user_degree,
            graph.item_degree,
            users_by_features=users_by_features,
            items_by_features=items_by_features,
        )

    @classmethod
    def of_model(cls, graph: Graph) -> "Sources":
        """All scores rest on the model, as those of a random baseline do, which has them for everybody."""
        users, items = (torch.full_like(degree, MODEL) for degree in (graph.user_degree, graph.item_degree))
        return cls(users.to(torch.int8), items.to(torch.int8))

    @classmethod
    def of_degrees(
        cls, user_degree: Tensor, item_degree: Tensor, *, users_by_features: bool, items_by_features: bool
    ) -> "Sources":
        """Of numbers of training rows, [U] and [I].

        >>> Sources.of_degrees(torch.tensor([2, 0]), torch.tensor([1, 1]), users_by_features=False,
        ...                    items_by_features=False).users.tolist()
        [0, 3]
        """
        sides = ((user_degree, users_by_features), (item_degree, items_by_features))
        users, items = (
            torch.where(degree > 0, MODEL, CONTENT if by_features else POPULARITY).to(torch.int8)
            for degree, by_features in sides
        )
        return cls(users, items)

    def to(self, device: torch.device) -> "Sources":
        """The same on another device."""
        return Sources(self.users.to(device), self.items.to(device))


def rank_unknown_by_popularity(scorer: Scorer, sources: Sources, popularity: Tensor) -> Scorer:
    """A scorer that gives users about whom nothing is known the most popular items, and puts unknown items last.

    Everybody else's scores of known items stay as they are. It is a scorer like any other, with up to two more
    components: users [e_u ; 0 ; 1], items [e_i ; p_i ; LAST where unknown]; unknown users [0 ; 1 ; 1].

    Args:
        scorer: of U users and I items.
        sources: what they rest on.
        popularity: [I] training interactions of each item, the scores of unknown users.

    """
    users, items = sources.users == POPULARITY, sources.items == POPULARITY  # [U], [I]
    user_embeddings, item_embeddings = scorer.user_embeddings, scorer.item_embeddings
    if users.any():
        column = users.to(user_embeddings)[:, None]  # [U, 1]
        user_embeddings = torch.cat([user_embeddings * (1 - column), column], 1)
        item_embeddings = torch.cat([item_embeddings, popularity.to(item_embeddings)[:, None]], 1)
    if items.any():
        column = items.to(item_embeddings)[:, None]  # [I, 1]
        user_embeddings = torch.cat([user_embeddings, user_embeddings.new_ones(len(user_embeddings), 1)], 1)
        item_embeddings = torch.cat([item_embeddings * (1 - column), LAST * column], 1)
    return replace(scorer, user_embeddings=user_embeddings, item_embeddings=item_embeddings)
