"""At least 300 bad inputs: each ends with exit code 1 or 2, one helpful line and in time, and earlier outputs stay."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Answer, Shop, opened
from tests.robustness.corpus import GOOD, Case, cases
from tests.robustness.corpus_commands import more_files, more_options
from tests.robustness.corpus_tables import more_tables

CASES = [*cases(), *more_options(), *more_files(), *more_tables()]
OLDER = "user,item\nkept,1\n"
SECONDS = 30


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, planted) -> Path:
    """A folder with a run."""
    shop = opened(tmp_path_factory.mktemp("corpus"), planted)
    assert shop("train", "--config", "planted.yaml").code == 0
    (shop.folder / "good.yaml").write_text(GOOD)
    (shop.folder / "raising_part.py").write_text("raise KeyError('no part here')")
    (shop.folder / "exiting_part.py").write_text("import sys\nsys.exit(0)")
    (shop.folder / "lists.csv").write_text(OLDER)
    return shop.folder


def test_the_corpus_is_large_enough() -> None:
    assert len(CASES) >= 500
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace("\n", " ")[:70])
def test_a_bad_input_ends_well(trained: Path, case: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder, kept = trained, tmp_path / "kept"

    def apart(*words: str, environment: dict[str, str]) -> Answer:
        command = [sys.executable, "-m", "reccl", *words]
        done = subprocess.run(command, cwd=folder, env=os.environ | environment, capture_output=True, text=True)
        return Answer(done.returncode, done.stdout, done.stderr)

    touches_runs = case.name.startswith(("stored", "digests", "manifest", "the config of", "the database", "mlruns"))
    monkeypatch.syspath_prepend(str(folder))
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    if touches_runs:
        shutil.copytree(folder / "mlruns", kept)
    try:
        case.lay(folder)
        start = time.perf_counter()
        run = apart if case.apart else Shop(folder)
        answer = run(*case.words, environment=case.environment)
        seconds = time.perf_counter() - start
        assert (folder / "lists.csv").read_text() == OLDER
    finally:
        for path in folder.iterdir():
            if path.is_file() and path not in before and path.name != "mlruns":
                path.unlink()
        for path, content in before.items():
            path.write_bytes(content)
        if touches_runs:
            runs = folder / "mlruns"
            runs.unlink() if runs.is_file() else shutil.rmtree(runs)
            shutil.copytree(kept, runs)
    told = answer.err + answer.out
    assert answer.code in (1, 2), f"exit code {answer.code}: {told}"
    assert "Traceback" not in told
    assert "hunter2" not in told
    assert case.says in told, told
    last = [line for line in (answer.err or answer.out).splitlines() if line.strip()][-1]
    assert last.startswith("error: ") or "Error" in told or "Usage" in told, told
    assert len(last) < 1500
    assert seconds < SECONDS, f"{seconds:.1f} s"
