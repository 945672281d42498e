"""A run once more: the same where nothing has changed, and where something has, a line that says what."""

import json
from importlib.metadata import version
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

from reccl import tracking
from reccl.recommend.verify import seal
from reccl.reproduction import compare_histories, compare_numbers, relative
from tests.cli.conftest import CONFIG, Shop


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, planted: pl.DataFrame) -> Shop:
    folder = tmp_path_factory.mktemp("again")
    planted.write_csv(folder / "buys.csv")
    (folder / "planted.yaml").write_text(CONFIG.replace("training: {", "training: {refit: true, "))
    shop = Shop(folder)
    assert shop("train", "--config", "planted.yaml", "--no-plots").code == 0
    return shop


def test_the_same_machine_gives_the_same_bits(trained: Shop) -> None:
    answer = trained("reproduce", "--tolerance", "0", "--json")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert found["identical"] and found["reproduced"]
    results = {each["what"]: each for each in found["results"]}
    assert results.keys() == {"history", "validation metrics", "test metrics", "parameters"}
    assert results["history"]["recorded"] == "4 epochs"  # two of the fit, two of the refit
    assert all(each["equal"] for each in found["made_with"])
    assert {"data", "threads", "kernels", "torch", "python"} <= {each["what"] for each in found["made_with"]}
    assert len(json.loads(trained("runs", "--json").out)) == 1  # nothing is recorded


def test_what_differs_is_said(trained: Shop, inside) -> None:
    with inside(trained.folder):
        run = tracking.find("latest")
        folder = tracking.model_folder(run)
        environment = tracking.text_of(run, "environment.txt")
    path, place = folder / "model.safetensors", folder.parent
    assert place.is_dir()
    before, digests = path.read_bytes(), (folder / "model.json").read_bytes()
    tensors = load_file(path)
    name = next(name for name, tensor in tensors.items() if tensor.is_floating_point() and tensor.ndim == 2)
    tensors[name][0, 0] += 0.5 * tensors[name].abs().max()
    save_file(tensors, path)
    seal(folder, "model.safetensors")
    written = Path(run.info.artifact_uri.removeprefix("file://")) / "environment.txt"
    written.write_text(environment.replace(f"torch {version('torch')}", "torch 2.0.0"))
    try:
        answer = trained("reproduce")
    finally:
        path.write_bytes(before)
        (folder / "model.json").write_bytes(digests)
        written.write_text(environment)
    assert answer.code == 0  # metrics are what counts
    lines = answer.out.splitlines()
    assert any(line.split()[:2] == ["torch", "2.0.0"] and line.rstrip().endswith("no") for line in lines), answer.out
    assert any(line.startswith("parameters") and "off by" in line for line in lines), answer.out
    assert lines[-1] == "reproduced: every metric is equal to the bit, not everything else: see the table"


def test_data_that_has_changed_is_not_reproduced(trained: Shop, planted: pl.DataFrame) -> None:
    planted.head(-300).write_csv(trained.folder / "buys.csv")
    try:
        answer = trained("reproduce", "--json")
    finally:
        planted.write_csv(trained.folder / "buys.csv")
    assert answer.code == 1
    found = json.loads(answer.out)
    assert not found["reproduced"]
    assert next(each for each in found["made_with"] if each["what"] == "data")["equal"] is False
    assert found["largest_difference_of_metrics"] > 1e-3


def test_a_run_that_does_not_exist(trained: Shop) -> None:
    assert "no run 'nobody'" in trained("reproduce", "nobody").refusal(1)


def test_differences_are_shares_of_the_largest_number() -> None:
    inf, nan = float("inf"), float("nan")
    assert relative(torch.tensor([inf, nan, 1.0]), torch.tensor([inf, nan, 1.0])) == 0
    assert relative(torch.tensor([4.0, 1.0]), torch.tensor([4.0, 2.0])) == 0.25
    assert relative(torch.tensor([1.0]), torch.tensor([nan])) == inf
    assert compare_numbers("test metrics", {"a": 1.0}, {"b": 1.0}).difference == inf
    assert compare_numbers("test metrics", {"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 1.0}).difference == 0.5
    table = pl.DataFrame({"epoch": [1, 2], "loss": [0.5, None], "seconds": [1.0, 2.0]})
    assert compare_histories(table, table.with_columns(seconds=pl.lit(9.0))).equal
    assert not compare_histories(table, table.head(1)).equal
