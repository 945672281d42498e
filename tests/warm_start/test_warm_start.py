"""Training begins where an earlier run ended: by id, whatever the row numbers; new nodes near those they act with."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

import reccl
from reccl import tracking
from reccl.data.columns import ITEM, USER
from reccl.data.dataset import Dataset
from reccl.encoders import AnyEncoder, Encoder
from reccl.errors import ConfigError, DataError, RunError
from reccl.evaluation import Evaluation
from reccl.reproduction import reproduce
from reccl.warm_start import WarmStart

CONFIG: dict[str, Any] = {
    "name": "night",
    "encoder": {"kind": "matrix_factorization", "dimension": 8},
    "objective": {"ranking": {"kind": "ranking", "loss": {"kind": "info_nce", "temperature": 0.2}}},
    "training": {"epochs": 6, "batch_size": 512, "learning_rate": 0.05},
    "evaluation": {"cutoffs": [10]},
}
TEMPORAL = {"kind": "temporal"}
TABLES = ("matrix_factorization", "lightgcn", "ngcf", "egcf", "convolution", "two_tower")


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory, inside) -> Iterator[Path]:
    with inside(tmp_path_factory.mktemp("warm")) as place:
        yield place


@pytest.fixture(scope="module")
def early(planted: pl.DataFrame) -> pl.DataFrame:
    """The first eight tenths of the rows, without a tenth of the users and items."""
    rows = planted.sort("timestamp").head(int(planted.height * 0.8))
    return rows.filter(pl.col("user").str.slice(1).cast(pl.Int64) % 10 != 3, pl.col("item") % 30 != 13)


@pytest.fixture(scope="module")
def earlier(early: pl.DataFrame) -> Mapping[str, str]:
    """A recorded run on the early rows for each kind of encoder."""
    data = Dataset.from_frame(early, timestamp="timestamp", split=TEMPORAL)
    return {kind: train(data, encoder={"kind": kind, "dimension": 8}) for kind in TABLES}


@pytest.fixture(scope="module")
def data(planted: pl.DataFrame) -> Dataset:
    """All rows: more users and items, so other row numbers."""
    return Dataset.from_frame(planted, timestamp="timestamp", split=TEMPORAL)


def train(data: Dataset, **sections: Any) -> str:
    return reccl.train(CONFIG, data, track=True, progress=False, **sections).run_id


def settings_of(kind: str) -> Any:
    return TypeAdapter(AnyEncoder).validate_python({"kind": kind, "dimension": 8})


def build(kind: str, data: Dataset, seed: int = 5) -> Encoder:
    return settings_of(kind).build(data.build_graph(), data.build_feature_tables(), torch.Generator().manual_seed(seed))


def carry(start: WarmStart, data: Dataset, kind: str) -> tuple[Encoder, Encoder]:
    """An encoder as it was sampled, and the same after the parameters were carried over."""
    fresh, warm = build(kind, data), build(kind, data)
    start.carry_into(warm, start.check(settings_of(kind), data, Evaluation(cutoffs=(10,))), data)
    return fresh, warm


def rows_by_id(state: Mapping[str, Tensor], encoder: Encoder, users: pl.Series, items: pl.Series) -> dict[Any, Tensor]:
    """(side, raw id) -> its row."""
    found = {}
    for name, sides in encoder.node_tables().items():
        ids = [(side, each) for side in sides for each in (users if side == USER else items)]
        assert len(ids) == len(state[name])
        found |= dict(zip(ids, state[name], strict=True))
    return found


@pytest.mark.parametrize("kind", TABLES)
def test_known_ids_keep_their_rows_and_networks_their_weights(
    kind: str, earlier: Mapping[str, str], data: Dataset
) -> None:
    start = tracking.warm_start_of(earlier[kind])
    fresh, warm = carry(start, data, kind)
    assert warm.node_tables()
    old = rows_by_id(start.state, warm, start.model.user_ids.ids, start.model.item_ids.ids)
    new = rows_by_id(warm.state_dict(), warm, data.user_ids.ids, data.item_ids.ids)
    trained = {
        **{
            (USER, each): count > 0
            for each, count in zip(start.model.user_ids.ids, start.model.known.counts, strict=True)
        },
        **{
            (ITEM, each): count > 0
            for each, count in zip(start.model.item_ids.ids, start.model.popularity, strict=True)
        },
    }
    common = [each for each in new if each in old and trained[each]]
    assert len(common) > 0.8 * len(old)
    assert all(torch.equal(new[each], old[each]) for each in common)
    assert list(start.model.item_ids.ids) != list(data.item_ids.ids)[: len(start.model.item_ids)]
    for name, tensor in warm.state_dict().items():
        if name not in warm.node_tables():
            assert torch.equal(tensor, start.state[name])
    assert any(not torch.equal(value, fresh.state_dict()[name]) for name, value in warm.state_dict().items())


@pytest.mark.parametrize("kind", ["matrix_factorization", "lightgcn"])
def test_new_users_and_items_start_in_their_own_block(kind: str, earlier: Mapping[str, str], data: Dataset) -> None:
    """The planted world: user u and item i belong together where u % 4 == (i - 10) / 3 % 4."""
    start = tracking.warm_start_of(earlier[kind])
    fresh, warm = carry(start, data, kind)
    shares = {}
    for name, encoder in (("fresh", fresh), ("warm", warm)):
        rows = rows_by_id(encoder.state_dict(), encoder, data.user_ids.ids, data.item_ids.ids)
        users = {each: row for (side, each), row in rows.items() if side == USER}
        items = {each: row for (side, each), row in rows.items() if side == ITEM}
        center = torch.stack(list(items.values())).mean(0)
        right = []
        for user, row in users.items():
            if user in set(start.model.user_ids.ids):
                continue
            of_block = [
                torch.stack(
                    [item @ row - center @ row for each, item in items.items() if (each - 10) // 3 % 4 == block]
                ).mean()
                for block in range(4)
            ]
            right.append(int(torch.stack(of_block).argmax()) == int(user[1:]) % 4)
        shares[name] = sum(right) / len(right)
    assert shares["warm"] > 0.8
    assert shares["fresh"] < 0.6


def test_what_is_placed_how_is_counted(earlier: Mapping[str, str], data: Dataset) -> None:
    start = tracking.warm_start_of(earlier["matrix_factorization"])
    placements = start.check(settings_of("matrix_factorization"), data, Evaluation(cutoffs=(10,)))
    for side, ids in ((USER, data.user_ids), (ITEM, data.item_ids)):
        placement = placements[side]
        known = (start.model.user_ids if side == USER else start.model.item_ids).to_rows(ids.ids)
        trained = data.train[side].unique()
        new = {row for row, old in enumerate(known) if old is None}
        assert int(placement.folded.sum()) == len(new & set(trained))
        assert not placement.features.any()
    said = start.describe(placements)
    assert said.startswith(f"run {start.run[:8]} (night): users ")
    assert "20 placed by their rows" in said


def test_new_items_without_rows_of_known_users_are_placed_by_features(
    early: pl.DataFrame, planted: pl.DataFrame, planted_items: pl.DataFrame
) -> None:
    """New items whose rows are all of new users: only the earlier model's content tower tells their block."""
    first = Dataset.from_frame(early, timestamp="timestamp", items=planted_items, split=TEMPORAL)
    run = train(first, cold_start={})
    start = tracking.warm_start_of(run)
    assert start.model.towers.items is not None
    known, old = set(start.model.item_ids.ids), set(start.model.user_ids.ids)
    rows = planted.filter(~(pl.col("item").is_in(set(planted["item"]) - known) & pl.col("user").is_in(old)))
    data = Dataset.from_frame(rows, timestamp="timestamp", items=planted_items, split=TEMPORAL)
    placement = start.check(settings_of("matrix_factorization"), data, Evaluation(cutoffs=(10,)))[ITEM]
    assert placement.features.sum() >= 5
    _, warm = carry(start, data, "matrix_factorization")
    items = warm.state_dict()["items"]
    carried = (placement.carried >= 0).nonzero().squeeze(1)
    block = torch.tensor([(each - 10) // 3 % 4 for each in data.item_ids.ids])
    means = torch.stack([items[carried[block[carried] == each]].mean(0) for each in range(4)])  # [4, D]
    means = means - means.mean(0)
    placed = placement.features.nonzero().squeeze(1)
    found = ((items[placed] - items[carried].mean(0)) @ means.T).argmax(1)
    assert (found == block[placed]).float().mean() >= 0.7  # one feature in ten lies


def test_training_begins_better_and_ends_as_good(earlier: Mapping[str, str], data: Dataset) -> None:
    cold = reccl.train(CONFIG, data, progress=False)
    warm = reccl.train(CONFIG, data, warm_start=earlier["matrix_factorization"], progress=False)
    first = [model.history["validation/ndcg_at_10"][0] for model in (cold, warm)]
    assert first[1] > 1.2 * first[0]
    again = reccl.train(CONFIG, data, warm_start=earlier["matrix_factorization"], progress=False)
    assert again.metrics == warm.metrics


def test_the_run_says_where_it_began_and_goes_on_there_after_a_stop(earlier: Mapping[str, str], data: Dataset) -> None:
    begun = earlier["matrix_factorization"]
    whole = train(data, warm_start=begun)
    run = tracking.find(whole)
    assert run.data.tags[tracking.WARM_START] == begun
    assert run.data.params["warm_start"] == begun
    assert reproduce(whole).identical

    class Stop(reccl.Callback):
        def on_run_start(self, experiment: Any, data: Dataset) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reccl.train(CONFIG, data, track=True, progress=False, warm_start=begun, callbacks=[Stop()])
    resumed = reccl.train(resume="latest", progress=False)
    assert resumed.metrics == reccl.load(run=whole).metrics


class TestRefusals:
    def test_of_another_encoder_or_dimension(self, earlier: Mapping[str, str], data: Dataset) -> None:
        for kind, change, told in (
            ("lightgcn", {}, r"encoder\.kind is lightgcn, here matrix_factorization"),
            ("matrix_factorization", {"encoder": {"dimension": 16}}, r"encoder\.dimension is 8, here 16"),
        ):
            with pytest.raises(RunError, match=rf"run {earlier[kind][:8]} \(night\) cannot be started from: .*{told}"):
                reccl.train(CONFIG, data, warm_start=earlier[kind], progress=False, **change)

    def test_of_a_run_that_knew_the_answers(self, planted: pl.DataFrame, earlier: Mapping[str, str]) -> None:
        by_chance = Dataset.from_frame(planted, timestamp="timestamp", split={"kind": "random_per_user"})
        with pytest.raises(RunError, match=r"knew [\d,]+ of the [\d,]+ pairs that are to be predicted.*split by time"):
            reccl.train(CONFIG, by_chance, warm_start=earlier["matrix_factorization"], progress=False)

    def test_of_ids_that_are_all_unknown(self, planted: pl.DataFrame, earlier: Mapping[str, str]) -> None:
        others = planted.with_columns(user="x" + pl.col("user"))
        data = Dataset.from_frame(others, timestamp="timestamp", split=TEMPORAL)
        with pytest.raises(DataError, match="no user of this data was trained on"):
            reccl.train(CONFIG, data, warm_start=earlier["matrix_factorization"], progress=False)

    def test_of_closed_forms_which_have_nothing_to_carry(self, data: Dataset, earlier: Mapping[str, str]) -> None:
        closed = {"name": "ease", "scorer": {"kind": "ease"}, "evaluation": {"cutoffs": [10]}}
        first = reccl.train(closed, data, track=True, progress=False)
        with pytest.raises(RunError, match="it is a closed form, without an encoder"):
            reccl.train(CONFIG, data, warm_start=first.run_id, progress=False)
        again = reccl.train(closed, data, warm_start=earlier["lightgcn"], progress=False)
        assert again.metrics == first.metrics
        start = tracking.warm_start_of(first.run_id)
        assert start.describe({}).endswith("nothing to carry over, a closed form is computed from the rows alone")

    def test_of_features_with_other_columns(self, early: pl.DataFrame, planted_items: pl.DataFrame) -> None:
        sections = {"encoder": {"kind": "two_tower", "dimension": 8}, "cold_start": None}
        first = Dataset.from_frame(early, timestamp="timestamp", items=planted_items, split=TEMPORAL)
        run = train(first, **sections)
        assert reccl.train(CONFIG, first, warm_start=run, progress=False, **sections).metrics["test"]
        text = next(name for name, kind in planted_items.schema.items() if kind == pl.String)
        other = planted_items.with_columns(pl.col(text) + "!")
        changed = Dataset.from_frame(early, timestamp="timestamp", items=other, split=TEMPORAL)
        with pytest.raises(RunError, match="reads features of items, whose columns are not those"):
            reccl.train(CONFIG, changed, warm_start=run, progress=False, **sections)

    def test_beside_resume(self, earlier: Mapping[str, str]) -> None:
        with pytest.raises(ConfigError, match="leave warm_start out"):
            reccl.train(resume="latest", warm_start=earlier["lightgcn"])

    def test_of_a_run_whose_parameters_are_damaged(self, data: Dataset) -> None:
        run = train(data, training={"epochs": 1})
        file = Path(tracking.find(run).info.artifact_uri.removeprefix("file://")) / "checkpoint/checkpoint.safetensors"
        file.write_bytes(b"no tensors")
        with pytest.raises(RunError, match="no readable checkpoint"):
            tracking.warm_start_of(run)

    def test_of_an_encoder_that_names_no_tables(self, earlier: Mapping[str, str], data: Dataset) -> None:
        start = tracking.warm_start_of(earlier["matrix_factorization"])
        encoder = build("matrix_factorization", data)
        encoder.node_tables = lambda: {}  # type: ignore[method-assign]
        with pytest.raises(RunError, match="names no tables of its nodes"):
            start.carry_into(
                encoder, start.check(settings_of("matrix_factorization"), data, Evaluation(cutoffs=(10,))), data
            )

    def test_of_other_layers(self, earlier: Mapping[str, str], data: Dataset) -> None:
        start = tracking.warm_start_of(earlier["ngcf"])
        fewer = replace(start, state={name: value for name, value in start.state.items() if not name.endswith("1")})
        with pytest.raises(RunError, match="only one of both encoders has"):
            carry(fewer, data, "ngcf")
