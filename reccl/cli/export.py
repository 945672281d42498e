"""`reccl export`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from reccl.cli.console import Quiet, RunName, hint, out, say
from reccl.errors import ConfigError

EXAMPLES = (
    "reccl export --out vectors/",
    "reccl export --out index/ --format faiss --index hnsw",
    "reccl export --out towers/ --format onnx --run latest",
)


class ExportFormat(StrEnum):
    """What is written."""

    npy = "npy"
    safetensors = "safetensors"
    parquet = "parquet"
    faiss = "faiss"
    onnx = "onnx"


class Index(StrEnum):
    """Kinds of index of faiss."""

    exact = "exact"
    hnsw = "hnsw"
    ivf = "ivf"


def export(
    target: Annotated[
        Path, typer.Option("--out", "-o", help="Folder to write; an older one is replaced when it is whole.")
    ],
    form: Annotated[
        ExportFormat, typer.Option("--format", help="Files, an index of faiss, or ONNX.")
    ] = ExportFormat.npy,
    index: Annotated[Index, typer.Option(help="Kind of index of faiss.")] = Index.exact,
    run: RunName = "latest",
    quiet: Quiet = False,
) -> None:
    """Write one vector a user and one an item, whose inner product is the score, with the ids beside them.

    Popularity is a component. Of a blend with item-item matrices it is the vector part, and that is said.
    """
    from reccl import tracking
    from reccl.recommend.export import export_vectors
    from reccl.recommend.export.export import MANIFEST
    from reccl.recommend.target import check_parent

    check_parent(target)
    if target.exists() and not (target / MANIFEST).is_file():
        raise ConfigError(f"--out {target} is there and is no export; choose another folder")
    found = tracking.find(run, say)
    model = tracking.model_of(found)
    vectors = export_vectors(model, target, form.value, index=index.value, run_id=found.info.run_id, log=say)
    out.print(
        f"{len(vectors.user_ids):,} users and {len(vectors.item_ids):,} items, {vectors.dimension} dimensions, "
        f"of run {found.info.run_id} -> {target}"
    )
    hint(f"{target / MANIFEST} says what the vectors are")
