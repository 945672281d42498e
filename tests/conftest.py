"""What every room's tests share: a planted world whose structure is known, a cache apart, and skips said out loud."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import pytest

os.environ.setdefault("RECCL_ENERGY", "0")  # three seconds a run, where codecarbon is installed
os.environ.setdefault("RECCL_PLOTS", "0")  # as long as all else of so small a run; tests of plots set it to 1
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: threads cost more than such small worlds win

TESTS = Path(__file__).parent
UNMEASURED = {
    *("benchmarks", "cases", "configs", "docs", "examples", "robustness", "scripts"),
    *("test_architecture.py", "test_docs.py", "test_project.py"),
}
"""Tests that read files, or go hundreds of times through what other rooms cover: coverage is not measured in them.

Measuring makes Python's own code a third to two and a half times as slow.
"""

USERS, ITEMS, BLOCKS, ROWS = 200, 120, 4, 18
SECONDS = 1_000_000_000
"""The planted world's first moment."""


@pytest.fixture(scope="session", autouse=True)
def cache_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test reads or fills the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("RECCL_CACHE", str(folder))
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield folder


@pytest.fixture(scope="session")
def inside() -> Callable[[Path], AbstractContextManager[Path]]:
    """Work in a folder whose ./mlruns is the run store, whatever the environment says: `with inside(folder):`."""

    @contextmanager
    def inside(place: Path) -> Iterator[Path]:
        before, uri = Path.cwd(), os.environ.pop("MLFLOW_TRACKING_URI", None)
        os.chdir(place)
        yield place
        os.chdir(before)
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        if uri:
            os.environ["MLFLOW_TRACKING_URI"] = uri

    return inside


@pytest.fixture(scope="session")
def planted() -> pl.DataFrame:
    """Interactions of a block world: user u and item i belong together where u % 4 == i % 4.

    Every user has 18 distinct items, nine in ten of them from the own block, where early items are more popular.
    User ids are text, item ids are whole numbers with gaps, times are all different.
    """
    random = np.random.default_rng(7)
    popularity = 1 / np.sqrt(1 + np.arange(ITEMS) // BLOCKS)  # [I]
    rows = []
    for user in range(USERS):
        own = np.arange(ITEMS) % BLOCKS == user % BLOCKS
        chance = popularity * np.where(own, 0.9 / popularity[own].sum(), 0.1 / popularity[~own].sum())
        items = random.choice(ITEMS, ROWS, replace=False, p=chance / chance.sum())
        rows += [(f"u{user:03}", 10 + 3 * int(item)) for item in items]
    times = SECONDS + random.permutation(len(rows)) * 60
    return pl.DataFrame(rows, schema={"user": pl.String, "item": pl.Int64}, orient="row").with_columns(
        pl.Series("timestamp", times, dtype=pl.Int64)
    )


@pytest.fixture(scope="session")
def planted_users() -> pl.DataFrame:
    """Features of the planted users: a category (the block, one in ten lies), a list and a number."""
    return described("user", [f"u{user:03}" for user in range(USERS)], np.random.default_rng(8))


@pytest.fixture(scope="session")
def planted_items() -> pl.DataFrame:
    """Features of the planted items, likewise."""
    return described("item", [10 + 3 * item for item in range(ITEMS)], np.random.default_rng(9))


@pytest.fixture(scope="session")
def planted_dataset(planted: pl.DataFrame, planted_users: pl.DataFrame, planted_items: pl.DataFrame):
    """The planted world as a `Dataset`: a fifth of each user's rows is test, a tenth of the rest validation."""
    from reccl.data.dataset import build
    from reccl.data.ingest.funnel import Funnel
    from reccl.data.ingest.tables import Tables
    from reccl.data.splits import RandomPerUser

    tables = Tables(Funnel.read(planted.lazy()), planted_users.lazy(), planted_items.lazy())
    return build(tables, RandomPerUser())


@pytest.fixture(scope="session")
def planted_graph(planted_dataset):
    """The graph of the planted world's training rows."""

    return planted_dataset.build_graph()


@pytest.fixture
def real_data() -> Path:
    """The folder that holds the real data sets by name."""
    folder = os.environ.get("RECCL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("RECCL_DATA names no folder of real data sets")
    return Path(folder)


def described(key: str, ids: list[object], random: np.random.Generator) -> pl.DataFrame:
    """A feature table over ids whose block is their place modulo 4."""
    blocks = np.arange(len(ids)) % BLOCKS
    lied = np.where(random.random(len(ids)) < 0.1, random.integers(0, BLOCKS, len(ids)), blocks)
    tags = [[f"t{block}", f"t{extra}"][: 1 + int(extra % 2)] for block, extra in zip(blocks, lied + 1, strict=True)]
    return pl.DataFrame(
        {
            key: ids,
            "group": [f"g{block}" for block in lied],
            "tags": tags,
            "size": blocks + random.normal(0, 0.3, len(ids)),
        }
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Coverage is measured outside of UNMEASURED."""
    for item in items:
        if item.path.is_relative_to(TESTS) and item.path.relative_to(TESTS).parts[0] in UNMEASURED:
            item.add_marker("no_cover")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked `gpu` are skipped without a device; where RECCL_DEVICE asks for one, they fail without."""
    import torch

    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        if os.environ.get("RECCL_DEVICE", "").startswith("cuda"):
            pytest.fail("RECCL_DEVICE asks for a CUDA device, and this machine has none")
        pytest.skip("this machine has no CUDA device")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `part` runs for every part in its module's ROOM, a union of settings."""
    if "part" in metafunc.fixturenames and hasattr(metafunc.module, "ROOM"):
        metafunc.parametrize("part", parts_of(metafunc.module.ROOM), ids=lambda part: part.__name__)


def parts_of(room: object) -> list[type]:
    """The classes inside nested Annotated and unions."""
    inside = get_args(room)
    found = [part for each in inside for part in parts_of(each)] if inside else [room]
    return [part for part in found if isinstance(part, type)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say every skip with its reason: a green run is no claim about what did not run."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section("skipped")
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.line(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")
