"""Hits of items are what counting every list by hand gives, and their file says of which format it is."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from reccl.data.dataset import Dataset
from reccl.evaluation import Evaluation, Evaluator
from reccl.evaluation.item_hits import ItemHits, read_item_hits, write_item_hits

CUTOFFS = (3, 8)


@pytest.fixture(scope="module")
def measured(planted_dataset: Dataset):
    """Random lists with gaps, their users, and what was measured of them."""
    evaluator = Evaluator.of(planted_dataset, "test", Evaluation(cutoffs=CUTOFFS), groups=False)
    generator = torch.Generator().manual_seed(3)
    items = len(planted_dataset.item_ids)
    lists = torch.stack([torch.randperm(items, generator=generator)[:8] for _ in evaluator.users])  # [n, K]
    lists[::5, 6:] = -1
    return lists, evaluator.users, evaluator.measure_lists(lists).item_hits


def test_they_are_what_counting_by_hand_gives(planted_dataset: Dataset, measured) -> None:
    lists, users, found = measured
    held_out = set(planted_dataset.test.select("user", "item").iter_rows())
    for k in CUTOFFS:
        hits, listed = np.zeros(len(planted_dataset.item_ids), int), np.zeros(len(planted_dataset.item_ids), int)
        for user, items in zip(users.tolist(), lists[:, :k].tolist(), strict=True):
            for item in items:
                if item >= 0:
                    listed[item] += 1
                    hits[item] += (user, item) in held_out
        assert hits.sum() > 0
        assert found.hits[k].tolist() == hits.tolist()
        assert found.listed[k].tolist() == listed.tolist()
    counts = planted_dataset.test.group_by("item").len()
    assert found.relevant.tolist() == [dict(counts.iter_rows()).get(item, 0) for item in range(len(found.relevant))]


def test_a_models_ranking_and_its_lists_have_the_same(planted_dataset: Dataset) -> None:
    from reccl.scorers import Scorer

    users, items = len(planted_dataset.user_ids), len(planted_dataset.item_ids)
    generator = torch.Generator().manual_seed(1)
    scorer = Scorer(torch.randn(users, 4, generator=generator), torch.randn(items, 4, generator=generator))
    evaluator = Evaluator.of(planted_dataset, "test", Evaluation(cutoffs=CUTOFFS))
    ranked = evaluator(scorer).item_hits
    lists = torch.cat([found for _, found, _ in reccl_lists(scorer, evaluator)])
    again = evaluator.measure_lists(lists).item_hits
    for k in CUTOFFS:
        assert ranked.hits[k].tolist() == again.hits[k].tolist()
        assert int(ranked.listed[k].sum()) == k * len(evaluator.users)


def reccl_lists(scorer, evaluator):
    from reccl.evaluation import top_k

    return top_k(scorer, evaluator.users, max(CUTOFFS), evaluator.seen)


def test_a_table_has_raw_ids_titles_and_no_rows_of_nothing(planted_dataset: Dataset, measured) -> None:
    *_, found = measured
    titles = pl.DataFrame({"name": [f"thing {place}" for place in range(len(planted_dataset.item_ids))]})
    table = found.to_frame(planted_dataset.item_ids, titles)
    assert table.columns == ["item", "title", "relevant", "hits_at_3", "hits_at_8", "listed_at_3", "listed_at_8"]
    row = table.row(5, named=True)
    place = planted_dataset.item_ids.ids.to_list().index(row["item"])
    assert (row["title"], row["relevant"]) == (f"thing {place}", int(found.relevant[place]))
    assert "title" not in found.to_frame(planted_dataset.item_ids, pl.DataFrame({"name": range(120)})).columns
    nothing = ItemHits.of(torch.tensor([[0]]), torch.tensor([[False]]), torch.tensor([0, 0, 2]), [1])
    ids = planted_dataset.item_ids
    few = type(ids)(ids.ids.head(3))
    assert nothing.to_frame(few)["item"].to_list() == [ids.ids[0], ids.ids[2]]


def test_a_file_of_another_format_is_not_read(tmp_path: Path) -> None:
    frame = pl.DataFrame({"item": [1], "relevant": [2]})
    write_item_hits(frame, tmp_path / "mine.parquet")
    assert read_item_hits(tmp_path / "mine.parquet").equals(frame)
    frame.write_parquet(tmp_path / "other.parquet", metadata={"reccl.item_hits": "99"})
    assert read_item_hits(tmp_path / "other.parquet") is None
    with pytest.raises(OSError):
        read_item_hits(tmp_path / "none.parquet")
