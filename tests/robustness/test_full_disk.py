"""A disk that is really full, a small one in memory: one line that names the folder, and nothing half-written."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Shop, opened

POPULAR = ("--set", "encoder=null", "--set", "objective={}", "--set", "scorer.kind=popularity")


@pytest.fixture
def fresh(tmp_path: Path, planted) -> Shop:
    """A folder of one's own."""
    return opened(tmp_path, planted)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A folder that takes 64 KiB."""
    place = tmp_path / "tiny"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.getuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.slow
def test_it_is_named_by_training_and_scoring(fresh, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"u{n % 5000},i{n * 7919 % 907}" for n in range(60_000)]
    (fresh.folder / "buys.csv").write_text("\n".join(["user,item", *lines]))
    monkeypatch.setenv("RECCL_CACHE", str(fresh.folder / "cache"))
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tiny))
        line = fresh("train", "--config", "planted.yaml", *POPULAR).refusal(1)
    assert line.startswith(f"rows could not wait in {tiny}/reccl-")
    assert line.endswith("; set TMPDIR to a folder you may write to, with room")
    assert list(tiny.iterdir()) == []
    assert not (fresh.folder / "cache" / "prepared").exists()
    assert fresh("train", "--config", "planted.yaml", *POPULAR).code == 0
    line = fresh("recommend", "--out", tiny / "lists.csv").refusal(1)
    assert line.startswith(f"cannot write {tiny}/lists.csv: No space left on device")
    assert list(tiny.iterdir()) == []
