"""Known pairs are counted by raw ids, whatever the order of the rows in model and data."""

from dataclasses import replace

import polars as pl
import pytest

from reccl.data.dataset import Dataset, Hide
from reccl.data.ids import IdMap
from reccl.recommend import Model
from reccl.recommend.known_pairs import count_known_pairs
from reccl.scorers import Popularity


def shift(ids: IdMap) -> IdMap:
    """The same ids in another order."""
    return IdMap(pl.concat([ids.ids[3:], ids.ids[:3]]))


@pytest.mark.parametrize("hide", ["known", "train", "none"])
def test_pairs_of_a_model_of_other_rows(planted_dataset: Dataset, hide: Hide) -> None:
    data = planted_dataset
    half = data.test.gather_every(2).filter(pl.col("user") != 4)
    train = pl.concat([data.train.head(50), half]).with_columns(
        user=(pl.col("user") - 3) % len(data.user_ids), item=(pl.col("item") - 3) % len(data.item_ids)
    )
    none = data.validation.clear()
    ids = {"user_ids": shift(data.user_ids), "item_ids": shift(data.item_ids)}
    earlier = replace(data, train=train, validation=none, test=none, user_table=None, item_table=None, **ids)
    model = Model.of(Popularity().build(earlier.build_graph(), None), earlier)
    known = {(earlier.user_ids.ids[user], earlier.item_ids.ids[item]) for user, item in train["user", "item"].rows()}
    answers = {(data.user_ids.ids[user], data.item_ids.ids[item]) for user, item in data.test["user", "item"].rows()}
    hidden = data.hidden_before("test", hide)["user", "item"].rows()
    answers -= {(data.user_ids.ids[user], data.item_ids.ids[item]) for user, item in hidden}
    assert count_known_pairs(model, data, hide) == (len(known & answers), len(answers))
    assert known & answers
