"""What equal seeds give: every promise of docs/determinism.md is a test here, and no other stands there."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file
from threadpoolctl import threadpool_info

import reccl
from reccl import determinism
from reccl.determinism import FIXED, WORKSPACE, fixed_order
from reccl.errors import TrainingError
from reccl.outcome import RunCallback

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "determinism.md"
CPU = torch.device("cpu")
METHODS = {
    "LightGCN with BPR": "methods/lightgcn",
    "SGL": "methods/sgl-ed",
    "softmax": "methods/softmax-mf",
    "two towers": "methods/two-tower",
    "EASE": "methods/ease",
    "SVD": "methods/svd",
    "graph filter": "methods/graph-filter",
    "blend": "best",
}
CLOSE = 1e-3
"""How far another number of threads may move a number, as a share of the largest, after two epochs."""
Bits = dict[str, torch.Tensor]


def train(method: str, data: reccl.Dataset, *callbacks: RunCallback, **sections: Any) -> Bits:
    """A short training: every tensor that is saved of the model, and every metric."""
    training = {"epochs": 2, "evaluate_every": 1, "patience": None, "refit": False}
    model = reccl.train(
        METHODS[method], data, device="cpu", progress=False, callbacks=callbacks, training=training, **sections
    )
    metrics = {f"{part}/{name}": value for part, of in model.metrics.items() for name, value in of.items()}
    towers = {"users": model.model.towers.users, "items": model.model.towers.items}
    placing = {f"{side}/{name}": of for side, tower in towers.items() if tower for name, of in tower.tensors().items()}
    numbers = {name: torch.tensor(value, dtype=torch.float64) for name, value in metrics.items()}
    return {**model.model.scorer.tensors(), **placing, **numbers}


def same(one: Bits, other: Bits) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def dataset(rows: pl.DataFrame, users: pl.DataFrame, items: pl.DataFrame) -> reccl.Dataset:
    return reccl.Dataset.from_frame(rows, users=users, items=items)


@pytest.fixture(scope="module")
def data(planted: pl.DataFrame, planted_users: pl.DataFrame, planted_items: pl.DataFrame) -> reccl.Dataset:
    return dataset(planted, planted_users, planted_items)


@pytest.fixture(scope="module", params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def first(method: str, data: reccl.Dataset) -> Bits:
    return train(method, data)


class TestTheSameAgain:
    def test_the_same_seed_gives_the_same_bits(self, method: str, data: reccl.Dataset, first: Bits) -> None:
        assert same(train(method, data), first)

    def test_rows_in_another_order_give_the_same_bits(
        self, method: str, planted: pl.DataFrame, planted_users: pl.DataFrame, planted_items: pl.DataFrame, first: Bits
    ) -> None:
        frames = (planted, planted_users, planted_items)
        shuffled = [frame.sample(fraction=1, shuffle=True, seed=3) for frame in frames]
        assert same(train(method, dataset(*shuffled)), first)

    def test_new_ids_that_sort_as_the_old_ones_give_the_same_bits(
        self, method: str, planted: pl.DataFrame, planted_users: pl.DataFrame, planted_items: pl.DataFrame, first: Bits
    ) -> None:
        user, item = {"user": "customer " + pl.col("user")}, {"item": pl.col("item") * 7 + 1000}
        renamed = dataset(
            planted.with_columns(**user, **item), planted_users.with_columns(**user), planted_items.with_columns(**item)
        )
        assert same(train(method, renamed), first)


class TestWhatElseChangesNothing:
    def test_what_was_drawn_from_the_global_random_numbers_changes_nothing(self, data: reccl.Dataset) -> None:
        torch.manual_seed(1)
        np.random.seed(1)
        found = train("SGL", data)
        drawn = torch.rand(())
        torch.manual_seed(1)
        assert torch.rand(()) == drawn, "training used up global random numbers"
        assert same(found, train("SGL", data))

    def test_a_training_that_was_killed_and_resumed_ends_with_the_same_bits(
        self, data: reccl.Dataset, tmp_path: Path, inside: Any
    ) -> None:
        class Killed(BaseException):
            pass

        class Kill(RunCallback):
            def on_epoch_end(self, record: Any, improved: bool) -> None:
                if record.number == 2:
                    raise Killed

        settings = {"training": {"epochs": 4, "checkpoint_seconds": 0}, "evaluation": {"cutoffs": [10]}}
        with inside(tmp_path):
            whole = reccl.train("methods/sgl-ed", data, progress=False, **settings)
            with pytest.raises(Killed):
                reccl.train("methods/sgl-ed", data, progress=False, track=True, callbacks=[Kill()], **settings)
            again = reccl.train(resume="latest", data=data, progress=False)
        assert same(again.model.scorer.tensors(), whole.model.scorer.tensors())
        assert again.metrics == whole.metrics


class TestWhatChangesTheResult:
    def test_another_seed_gives_another_model(self, data: reccl.Dataset) -> None:
        assert not same(train("SGL", data, seed=1), train("SGL", data, seed=2))

    def test_ids_that_sort_in_another_order_draw_another_split(self, planted: pl.DataFrame) -> None:
        turned = planted.with_columns(item=1000 - pl.col("item"))
        test, other = (reccl.Dataset.from_frame(rows) for rows in (planted, turned))
        back = other.item_ids.to_ids(other.test["item"])
        assert set(zip(test.test["user"], test.item_ids.to_ids(test.test["item"]), strict=True)) != set(
            zip(other.test["user"], 1000 - back, strict=True)
        )


def wide_world() -> reccl.Dataset:
    """Enough users, items and rows that torch and the libraries of linear algebra share work among threads."""
    random = np.random.default_rng(5)
    liked = random.normal(size=(300, 6)) @ random.normal(size=(6, 500)) + random.gumbel(size=(300, 500))
    rows = np.argsort(-liked, axis=1)[:, :40]  # [U, 40]
    frame = pl.DataFrame({"user": np.repeat(np.arange(300), 40), "item": rows.ravel()})
    users = pl.DataFrame({"user": range(300), "town": random.integers(0, 20, 300), "age": random.normal(size=300)})
    return dataset(frame, users, pl.DataFrame({"item": range(500), "group": random.integers(0, 9, 500)}))


def store(folder: str) -> None:
    """Train every method, as the config says and with `deterministic: true`; runs in a process of its own."""
    data = wide_world()
    for number, method in enumerate(METHODS):
        for fixed in (False, True):
            bits = train(method, data, deterministic=fixed)
            save_file({name: of.contiguous() for name, of in bits.items()}, Path(folder) / f"{number}-{fixed}")


@pytest.fixture(scope="module")
def by_threads(tmp_path_factory: pytest.TempPathFactory) -> Mapping[int, Path]:
    """A folder with what one thread, and one with what two threads gave."""
    folders = {count: tmp_path_factory.mktemp(f"threads-{count}") for count in (1, 2)}
    for count, folder in folders.items():
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, str(count)), "OMP_WAIT_POLICY": "PASSIVE"}
        code = "import sys; from tests.test_determinism import store; store(sys.argv[1])"
        subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, env=environment, check=True)
    return folders


def of_threads(by_threads: Mapping[int, Path], method: str, *, deterministic: bool) -> tuple[Bits, Bits]:
    name = f"{list(METHODS).index(method)}-{deterministic}"
    return load_file(by_threads[1] / name), load_file(by_threads[2] / name)


class TestThreads:
    def test_deterministic_gives_the_same_bits_with_one_and_with_two_threads(
        self, method: str, by_threads: Mapping[int, Path]
    ) -> None:
        assert same(*of_threads(by_threads, method, deterministic=True))

    def test_without_it_two_threads_give_nearly_the_same_as_one(
        self, method: str, by_threads: Mapping[int, Path]
    ) -> None:
        one, two = of_threads(by_threads, method, deterministic=False)
        assert one.keys() == two.keys()
        for name in one:
            if one[name].is_floating_point() and one[name].numel():
                assert (one[name] - two[name]).abs().max() <= CLOSE * one[name].abs().max(), name

    def test_deterministic_restores_threads_and_flags(self) -> None:
        def state() -> tuple[object, ...]:
            pools = sorted((pool["filepath"], pool["num_threads"]) for pool in threadpool_info())
            strict = torch.are_deterministic_algorithms_enabled()
            return torch.get_num_threads(), strict, torch.backends.cudnn.benchmark, pools

        before = state()
        torch.set_num_threads(2)
        try:
            two = state()
            with pytest.raises(ZeroDivisionError), fixed_order(True, CPU):
                assert torch.get_num_threads() == 1
                assert torch.are_deterministic_algorithms_enabled()
                assert {pool["num_threads"] for pool in threadpool_info()} == {1}
                raise ZeroDivisionError
            assert state() == two
        finally:
            torch.set_num_threads(before[0])
        with fixed_order(False, CPU):
            assert state() == before

    def test_an_operation_without_a_deterministic_form_is_one_clear_error(self) -> None:
        said = r"^deterministic: true: put_ does not have a deterministic implementation on cpu; train"
        with pytest.raises(TrainingError, match=said), fixed_order(True, CPU):
            torch.zeros(4).put_(torch.tensor([0, 0]), torch.ones(2))
        with pytest.raises(RuntimeError, match="size"), fixed_order(True, CPU):
            torch.zeros(4) + torch.zeros(3)


class TestCuda:
    def test_the_workspace_of_cublas_is_set_before_cuda_starts_or_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(WORKSPACE, "")
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
        with pytest.raises(TrainingError, match=f"export {WORKSPACE}=:4096:8 first"):
            determinism.fix_workspace()
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
        determinism.fix_workspace()
        assert os.environ[WORKSPACE] in FIXED
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
        determinism.fix_workspace()

    @pytest.mark.gpu
    def test_deterministic_gives_the_same_bits_again_on_cuda(self, tmp_path: Path) -> None:
        code = (
            "import sys, torch, reccl; from tests.test_determinism import wide_world\n"
            "fit = lambda: reccl.train('methods/sgl-ed', wide_world(), device='cuda', deterministic=True,"
            " training={'epochs': 2}, progress=False).model.scorer.tensors()\n"
            "one, two = fit(), fit()\n"
            "assert all(torch.equal(one[name], two[name]) for name in one)"
        )
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_page_names_every_test_of_this_file_and_no_other() -> None:
    there = set(re.findall(r"def (test_\w+)\(", Path(__file__).read_text())) - {
        "test_the_page_names_every_test_of_this_file_and_no_other"
    }
    assert set(re.findall(r"`(test_\w+)`", PAGE.read_text())) == there
