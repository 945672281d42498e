"""Top-K: the best items of every user, in chunks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reccl.data.user_items import UserItemCSR
from reccl.evaluation.blocks import BLOCK_ITEMS, BLOCK_USERS, SAMPLE_BLOCKS, ItemBlocks
from reccl.lazy import torch
from reccl.memory import FLOAT, Sizes
from reccl.scorers import Scorer

if TYPE_CHECKING:
    from torch import Tensor

CHUNK_BYTES = 64 << 20
"""Memory for one chunk's scores."""


def top_k(
    scorer: Scorer, users: Tensor, k: int, hidden: UserItemCSR | None = None
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Rank all items for the given users ([n] row numbers), a chunk of users at a time.

    Yields (users [b], items [b, k], scores [b, k]), best first; `hidden` items never appear. Where a user has fewer
    than k items left, the rest are -1 with score -inf.

    On the CPU, scores of embeddings alone are never all in memory, see `ItemBlocks`. Users with equal scores among
    their best are ranked by whole rows there too, so that equal scores come in the same order either way.
    """
    if suits_blocks(scorer, users, k):
        blocks, done = ItemBlocks(scorer.item_embeddings), 0
        for rows in users.split(BLOCK_USERS):
            items, best, certain = blocks.top_k(
                scorer.user_embeddings[rows], k, None if hidden is None else hidden.gather_pairs(rows)
            )
            again = (~certain).nonzero().squeeze(1)  # [a]
            _, *exact = zip(*rank_whole_rows(scorer, rows[again], k, hidden), strict=True)
            items[again], best[again] = (torch.cat(each) for each in exact)
            yield rows, items, best
            done += len(rows)
            if 2 * len(again) > len(rows):  # many equal scores, as popularity has
                break
        users = users[done:]
    if len(users):
        yield from rank_whole_rows(scorer, users, k, hidden)


def suits_blocks(scorer: Scorer, users: Tensor, k: int) -> bool:
    """Whether scores come from embeddings alone, and from enough of them."""
    many_items = scorer.num_items >= max(2 * SAMPLE_BLOCKS * BLOCK_ITEMS, 64 * k)
    many_users = len(users) >= BLOCK_USERS // 8
    products_alone = not scorer.item_operators and scorer.personal is None
    return many_items and many_users and products_alone and scorer.device.type == "cpu"


def rank_whole_rows(
    scorer: Scorer, users: Tensor, k: int, hidden: UserItemCSR | None
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The same as `top_k`, from all scores of a chunk."""
    for rows, scores in score_chunks(scorer, users, hidden):
        items, best = best_items(scores, k)
        yield rows, items, best


def score_chunks(scorer: Scorer, users: Tensor, hidden: UserItemCSR | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Scores of all items for the given users, a chunk at a time: (users [b], scores [b, I]), `hidden` ones -inf.

    The scores stand in one buffer that the next chunk overwrites.
    """
    size = max(1, min(len(users), CHUNK_BYTES // (4 * scorer.num_items)))
    buffer = scorer.item_embeddings.new_empty(size, scorer.num_items)  # [b, I], written anew for each chunk
    for rows in users.to(scorer.device).split(size):
        scores = scorer.scores(rows, out=buffer[: len(rows)])  # [b, I]
        if hidden is not None:
            scores[hidden.gather_pairs(rows)] = -torch.inf
        yield rows, scores


def best_items(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Items and scores of the k best (all, where there are fewer): [b, I] -> [b, k], [b, k]; -1 for items at -inf."""
    best, items = torch.topk(scores, min(k, scores.shape[1]), dim=1)
    return items.masked_fill(best == -torch.inf, -1), best


def top_k_bytes(sizes: Sizes, users: int) -> int:
    """Bytes of `top_k` for so many users beside its lists: a chunk of scores of all items and their order; or the items
    once more, in blocks, and blocks of scores.
    """
    chunk = 3 * min(CHUNK_BYTES, FLOAT * sizes.num_items * max(1, users))
    blocks = FLOAT * (sizes.num_items * sizes.dimension + (SAMPLE_BLOCKS + 3) * BLOCK_USERS * BLOCK_ITEMS)
    return max(chunk, blocks)
