"""What one process and two train alike; run as a rank, this trains all of it in a group and leaves what came out.

python tests/distributed/side_by_side.py FOLDER: with the data set in FOLDER/data.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from typing_extensions import override

from reccl.config import Experiment, resolve
from reccl.data import store
from reccl.data.dataset import Dataset
from reccl.distributed import Group, join
from reccl.fitting import assist, fit_encoder, learn
from reccl.training import Callback, Checkpoints
from reccl.training.checkpoint import save

CPU = torch.device("cpu")
MF, LIGHTGCN = {"kind": "matrix_factorization", "dimension": 8}, {"kind": "lightgcn", "dimension": 8, "layers": 2}
TWO_TOWER = {"kind": "two_tower", "dimension": 8, "hidden": [16], "feature_dimension": 4}
IN_BATCH, BPR = {"kind": "ranking"}, {"kind": "ranking", "loss": {"kind": "bpr"}, "negatives": {"kind": "uniform"}}


def sgl(first: str, second: str) -> dict[str, Any]:
    views = {"first": {"kind": first, "rate": 0.3}, "second": {"kind": second, "rate": 0.3}}
    return {"ranking": BPR, "contrast": {"kind": "contrast", **views}, "l2": {"kind": "l2"}}


NOISE = {"first": {"kind": "noise"}, "second": {"kind": "noise"}}
CASES: dict[str, dict[str, Any]] = {
    "matrix factorization": {"encoder": MF, "objective": {"ranking": BPR, "l2": {"kind": "l2", "weight": 0.1}}},
    "lightgcn": {"encoder": LIGHTGCN, "objective": {"ranking": IN_BATCH, "l2": {"kind": "l2"}}},
    "full softmax": {
        "encoder": LIGHTGCN,
        "objective": {"softmax": {"kind": "full_softmax", "reverse": 0.3, "user_exponent": 0.5, "known": "masked"}},
    },
    "lightccf": {
        "encoder": LIGHTGCN,
        "objective": {"ranking": BPR, "aggregation": {"kind": "neighborhood_aggregation"}, "l2": {"kind": "l2"}},
    },
    "sgl-ed": {"encoder": LIGHTGCN, "objective": sgl("edge_drop", "edge_drop")},
    "sgl-nd and sgl-rw": {"encoder": LIGHTGCN, "objective": sgl("node_drop", "random_walk")},
    "simgcl": {"encoder": LIGHTGCN, "objective": {"ranking": BPR, "contrast": {"kind": "contrast", **NOISE}}},
    "xsimgcl": {
        "encoder": {**LIGHTGCN, "initial_weight": 0, "unit_norm": True, "receiver_exponent": 0.6},
        "objective": {
            "ranking": {**IN_BATCH, "view": {"kind": "noise", "length": 0.2}},
            "layer": {"kind": "cross_layer"},
        },
    },
    "two-tower": {"encoder": TWO_TOWER, "objective": {"ranking": {**IN_BATCH, "symmetric": True}}},
    "everything of the loop": {
        "encoder": TWO_TOWER,
        "objective": {
            "ranking": {**IN_BATCH, "temperature": {"kind": "learnable"}, "negatives": {"kind": "hard", "number": 3}}
        },
        "training": {
            "optimizer": "adamw",
            "weight_decay": 0.1,
            "schedule": "cosine",
            "max_grad_norm": 0.05,
            "ema_decay": 0.9,
            "batch_by": "user",
        },
    },
    "what is remembered": {
        "encoder": LIGHTGCN,
        "objective": {
            "ranking": {**IN_BATCH, "queue": 30},
            "contrast": {"kind": "contrast", "momentum": 0.9, "queue": 20, "temperature": {"kind": "adaptive"}},
            "whole": {**IN_BATCH, "loss": {"kind": "bilateral_softmax"}, "temperature": None},
        },
    },
    "a batch of one": {
        "encoder": MF,
        "objective": {"ranking": IN_BATCH, "contrast": {"kind": "contrast", "first": {"kind": "plain"}}},
        "training": {"batch_size": 2591},
    },
}
"""What is trained in both ways."""
RESUMED = {"from one to two": "sgl-ed", "from two to one": "everything of the loop"}
"""Cases that stop in their second epoch, and go on with another number of processes."""


class StoppedError(Exception):
    """Stands for a kill."""


class Stop(Callback):
    """Ends training in the second epoch, on every rank."""

    def __init__(self) -> None:
        self.left = 0

    @override
    def on_fit_start(self, epochs: int, steps: int) -> None:
        self.left = steps + 1

    @override
    def on_step_end(self) -> None:
        self.left -= 1
        if not self.left:
            raise StoppedError


def experiment_of(case: str) -> Experiment:
    short = {"epochs": 2, "batch_size": 700, "learning_rate": 0.01, "checkpoint_seconds": 0}
    data = {"pipeline": "table", "interactions": "buys.csv"}
    given = CASES[case]
    return resolve({"name": "planted", "data": data, **given, "training": {**short, **given.get("training", {})}}, {})


def stop(case: str, data: Dataset, folder: Path, group: Group) -> None:
    """Train until the second epoch has begun, and leave checkpoints in the folder."""
    experiment, graph = experiment_of(case), data.build_graph()
    kept = Checkpoints(folder, case, 0) if group.leads else None
    builder, features = experiment.scorer.builder(graph), data.build_feature_tables()
    try:
        fit_encoder(experiment, data, graph, features, builder, Stop(), None, kept, None, group)
    except StoppedError:
        return
    raise AssertionError("nothing was stopped")


def train(case: str, data: Dataset, group: Group, out: Path, checkpoints: Path | None = None) -> None:
    """Train on this rank, and leave history and embeddings in the folder `out`."""
    experiment = experiment_of(case)
    if not group.leads:
        assist(experiment, data, CPU, group)
        return
    kept = Checkpoints(checkpoints, case, 0) if checkpoints else None
    model = learn(experiment, data, CPU, checkpoints=kept, group=group)
    assert (model.fit.earlier_seconds > 0) == bool(checkpoints), "training went on from a checkpoint"
    save(model.scorer.tensors(), out / "embeddings.safetensors")
    save(model.fit.state, out / "parameters.safetensors")
    (out / "history.json").write_text(json.dumps([asdict(epoch) for epoch in model.fit.history]))


def main(folder: Path) -> None:
    """As a rank: all cases, in the order in which they stand."""
    data = store.read(folder / "data")
    with join(CPU) as group:
        for case in CASES:
            train(case, data, group, folder / "two" / case)
        train(RESUMED["from one to two"], data, group, folder / "two" / "resumed", folder / "stopped by one")
        stop(RESUMED["from two to one"], data, folder / "stopped by two", group)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
