"""A folder with the planted world as a CSV file, in which studies are run."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

OUTSIDE = '''\
"""A scorer that fails where its l2 is 13, and kills its process where it is 17."""

import os, signal
from reccl.scorers.ease import Ease

class Unlucky(Ease):
    def build(self, *arguments, **named):
        if self.l2 == 17:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.l2 == 13:
            raise ZeroDivisionError("thirteen")
        return super().build(*arguments, **named)
'''


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, planted: pl.DataFrame, inside) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("shop")
    planted.write_csv(place / "buys.csv")
    (place / "unlucky_scorer.py").write_text(OUTSIDE)
    with inside(place), pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        yield place
