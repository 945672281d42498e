"""Known pairs: how much of what is to be predicted a model has seen already."""

import torch

from reccl.data.columns import ITEM, USER
from reccl.data.dataset import Dataset, Hide
from reccl.recommend.model import Model

MOST_KNOWN = 0.01
"""Share of the test pairs that a model may know before it counts as one that has seen the answers."""


def count_known_pairs(model: Model, data: Dataset, hide: Hide) -> tuple[int, int]:
    """How many of the test pairs of `data` a model knows, and how many there are.

    Pairs that `hide` takes out of the lists are no answers, and are not counted.
    """
    pairs = data.test.select(USER, ITEM).unique().join(data.hidden_before("test", hide), on=[USER, ITEM], how="anti")
    sides = ((USER, data.user_ids, model.user_ids), (ITEM, data.item_ids, model.item_ids))
    rows = pairs.select(own.to_rows(ids.to_ids(pairs[side])).alias(side) for side, ids, own in sides).drop_nulls()
    if rows.is_empty():
        return 0, pairs.height
    user, item = (torch.from_numpy(rows[side].to_numpy(writable=True)).long() for side in (USER, ITEM))
    known = model.known.to(user.device)
    return int(known.contains(user, item[:, None]).sum()), pairs.height
