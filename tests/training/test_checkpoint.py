"""A checkpoint is there whole or not at all."""

from pathlib import Path

import pytest
import torch

from reccl.training import checkpoint

STATE = {"nodes": torch.arange(6.0).view(2, 3), "deep.weight": torch.ones(4).bfloat16()}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "new" / "model.safetensors"
    checkpoint.save(STATE, path)
    loaded = checkpoint.load(path)
    assert loaded.keys() == STATE.keys()
    assert all(torch.equal(loaded[name], STATE[name]) and loaded[name].dtype == STATE[name].dtype for name in STATE)
    assert [each.name for each in path.parent.iterdir()] == ["model.safetensors"]


def test_gradients_strides_and_views_do_not_matter(tmp_path: Path) -> None:
    turned = STATE["nodes"].clone().requires_grad_().T
    checkpoint.save({"turned": turned, "part": STATE["nodes"][1]}, tmp_path / "model")
    assert torch.equal(checkpoint.load(tmp_path / "model")["turned"], turned)
    assert torch.equal(checkpoint.load(tmp_path / "model")["part"], STATE["nodes"][1])


def test_a_write_that_breaks_off_leaves_the_older_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model"
    checkpoint.save(STATE, path)

    def full(state: dict[str, torch.Tensor], draft: Path) -> None:
        Path(draft).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save({"nodes": torch.zeros(1)}, path)
    assert torch.equal(checkpoint.load(path)["nodes"], STATE["nodes"])
    assert list(tmp_path.iterdir()) == [path]


def test_writing_again_replaces(tmp_path: Path) -> None:
    checkpoint.save(STATE, tmp_path / "model")
    checkpoint.save({"nodes": torch.zeros(1)}, tmp_path / "model")
    assert set(checkpoint.load(tmp_path / "model")) == {"nodes"}
