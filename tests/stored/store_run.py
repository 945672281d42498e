"""Stores a small run of this version, which every later version must read: python tests/stored/store_run.py"""

import os
import re
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

import polars as pl

import reccl

HERE = Path(__file__).parent
CONFIG = """\
name: stored
data: {pipeline: table, interactions: orders.csv}
encoder: {kind: matrix_factorization, dimension: 4}
objective: {ranking: {kind: ranking}}
training: {epochs: 3, batch_size: 64}
evaluation: {cutoffs: [10]}
"""
PERSONAL = ("mlflow.user", "mlflow.source.name", "mlflow.source.git.commit", "mlflow.source.git.branch", "reccl.host")


def main() -> None:
    """Train on made-up orders in a folder of its own, and keep the folder, with nothing of this machine in it."""
    with tempfile.TemporaryDirectory() as place:
        shop = Path(place)
        pairs = [(f"u{user:02}", 100 + i) for user in range(30) for i in range(20) if (user * 7 + i * 3) % 5 < 2]
        pl.DataFrame(pairs, schema=["user", "item"], orient="row").write_csv(shop / "orders.csv")
        (shop / "stored.yaml").write_text(CONFIG)
        call(shop, "train", "--config", "stored.yaml")
        call(shop, "recommend", "--run", "latest", "--k", "3", "--out", "expected.csv", "--format", "csv")
        (shop / "evaluated.json").write_text(call(shop, "evaluate", "--run", "latest", "--json"))
        forget_machine(shop)
        with tarfile.open(HERE / f"run-{reccl.__version__}.tar.xz", "w:xz") as archive:
            archive.add(shop, "shop", filter=kept)


def call(shop: Path, *words: str) -> str:
    """Run reccl in the folder; what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1]), "RECCL_CACHE": str(shop / "cache")}
    command = [sys.executable, "-m", "reccl", *words]
    return subprocess.run(command, cwd=shop, env=environment, check=True, capture_output=True, text=True).stdout


def forget_machine(shop: Path) -> None:
    """Take the names of user, machine and folder out of the database and the files."""
    with closing(sqlite3.connect(shop / "mlruns" / "mlflow.db")) as base:
        for table in ("tags", "logged_model_tags"):
            key = "key" if table == "tags" else "tag_key"
            value = "value" if table == "tags" else "tag_value"
            for name in PERSONAL:
                base.execute(f"update {table} set {value} = 'somebody' where {key} = ?", (name,))
        base.execute("update runs set user_id = 'somebody'")
        base.execute("update datasets set dataset_source = '{}'")
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            base.execute(f"update {table} set {column} = replace({column}, ?, '/gone')", (str(shop),))
        base.execute(
            "update logged_models set artifact_location = replace(artifact_location, ?, '/gone')", (str(shop),)
        )
        base.commit()
        base.execute("vacuum")
    for path in shop.rglob("*"):
        if path.name in ("MLmodel", "environment.txt"):
            text = path.read_text().replace(str(shop), "/gone").replace(str(HERE.parents[1]), "/gone")
            path.write_text(re.sub(r"(?m)^platform .*$", "platform Linux", text))


def kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Without the cache, locks, and the names of their owner."""
    if member.name.startswith("shop/cache") or member.name.endswith(".lock"):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main()
