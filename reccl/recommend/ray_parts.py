"""Ray parts: the parts of a folder, scored by Ray Data on the cores of this machine or of a cluster.

Blocks of users go through a pool of actors. The model is sent to a machine once, and its actors share it. An actor
gives the whole Parquet file of a part, and the process that asked writes it, so that the machines need share no files.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from reccl.errors import RecclError, describe_error
from reccl.recommend.listing import Listing
from reccl.recommend.out_of_band import pack, unpack
from reccl.recommend.parts import Plan, write_part
from reccl.recommend.ray_session import connect
from reccl.signals import heed_signals

if TYPE_CHECKING:
    from reccl.recommend.parts import Lists

Block = tuple[int, pl.Series]
"""A part's number and its users."""


class PartScorer:
    """One actor: it has the model once, and scores part after part."""

    def __init__(self, reference: bytes, plan: Plan) -> None:
        """`reference` is the pickle of one to what `pack` gave."""
        import ray

        self.lists, self.plan = unpack(*ray.get(ray.cloudpickle.loads(reference))), plan

    def __call__(self, block: pa.Table) -> pa.Table:
        """The Parquet file of the part whose users the block holds."""
        file = BytesIO()
        write_part(self.lists(pl.Series("user", block["user"])), file, self.plan)
        return pa.table({"part": block["part"][:1], "file": pa.array([file.getvalue()], pa.large_binary())})


def score_parts(lists: Lists, blocks: Sequence[Block], plan: Plan, address: str | None) -> Generator[tuple[int, bytes]]:
    """The files of the parts, in the order in which they are done.

    Args:
        lists: a `Listing`.
        blocks: the parts.
        plan: what they are of.
        address: of a cluster; see `connect`.

    Raises ConfigError where Ray is missing or no cluster answers, RecclError where a part fails.
    """
    assert isinstance(lists, Listing), "what is sent to another process must be known there by its name"
    if not blocks:
        return
    with heed_signals() as check_signals, connect(address) as ray:
        from ray.data import ActorPoolStrategy, from_arrow

        tables = [
            pa.table({"user": users.to_arrow(compat_level=pl.CompatLevel.oldest()), "part": [part] * len(users)})
            for part, users in blocks
        ]
        cores = int(ray.cluster_resources().get("CPU", 1))
        with quiet(ray), plain_errors(ray):
            files = from_arrow(tables).map_batches(
                PartScorer,
                batch_size=None,
                batch_format="pyarrow",
                compute=ActorPoolStrategy(
                    size=max(1, min(len(blocks), cores - 1))
                ),  # without a free core Ray waits for ever
                num_cpus=1,
                fn_constructor_args=(ray.cloudpickle.dumps(ray.put(pack(lists.only_ranking()))), plan),
            )
            for bundle in files.iter_internal_ref_bundles():  # iter_batches has threads that nobody can end
                check_signals()
                for table in map(ray.get, bundle.block_refs):
                    yield from zip(table["part"].to_pylist(), table["file"].to_pylist(), strict=True)
            check_signals()


@contextmanager
def quiet(ray: Any) -> Iterator[None]:
    """Ray Data without its bars and messages, and with errors as they were raised."""
    context, log = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    settings = {"enable_progress_bars": False, "print_on_execution_start": False, "raise_original_map_exception": True}
    before, level = {name: getattr(context, name) for name in settings}, log.level
    try:
        log.setLevel(logging.CRITICAL)
        for name, value in settings.items():
            setattr(context, name, value)
        yield
    finally:
        log.setLevel(level)
        for name, value in before.items():
            setattr(context, name, value)


@contextmanager
def plain_errors(ray: Any) -> Iterator[None]:
    """What fails in an actor is raised as it would be here."""
    try:
        yield
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, RecclError):
            raise cause from None
        reason = describe_error(cause or error, where=False)
        raise RecclError(f"Ray could not score a part: {reason}; finished parts are kept, add --resume") from error
