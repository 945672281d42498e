"""ONNX towers: row numbers or encoded features to vectors, for runtimes that know nothing of PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reccl.encoders.tower import Tower
from reccl.errors import RecclError
from reccl.lazy import torch
from reccl.recommend.export.vectors import Vectors
from reccl.recommend.model import Model, list_towers

if TYPE_CHECKING:
    from torch import Tensor

OPSET, IR = 17, 8
"""Versions of the format that runtimes of the last years read."""
TOLERANCE = 1e-5
SAMPLE = 256
"""Rows by which a written tower is compared with the model."""


def write_onnx(model: Model, vectors: Vectors, folder: Path, log: Callable[[str], None]) -> dict[str, object]:
    """Write a tower of users and one of items, and those from features; the largest difference from the model.

    Raises RecclError where onnx or onnxruntime is missing, or a tower does not give what the model gives.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError:
        raise RecclError("onnx and onnxruntime are needed: pip install 'reccl[onnx]'") from None
    differences = {}
    for side, table in (("user", vectors.users), ("item", vectors.items)):
        path = folder / f"{side}_tower.onnx"
        rows = torch.arange(len(table))[:: max(1, len(table) // SAMPLE)]
        save(make_lookup(table, side), path)
        differences[path.stem] = compare(path, rows.numpy(), table[rows])
    for side, tower in list_towers(model.towers):
        path = folder / f"new_{side.removesuffix('s')}_tower.onnx"
        x = torch.randn(SAMPLE, tower.layers[0][0].shape[1], generator=torch.Generator().manual_seed(0))
        save(make_network(tower), path)
        differences[path.stem] = compare(path, x.numpy(), tower.embed_matrix(x))
    for name, difference in differences.items():
        log(f"{name}.onnx gives the model's vectors to {difference:.1e}")
    return {"largest_difference": differences}


def make_lookup(table: Tensor, side: str) -> Any:
    """A model from row numbers `side` [B] to vectors [B, D]."""
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node("Gather", ["vectors", side], ["vector"], axis=0)
    asked = helper.make_tensor_value_info(side, TensorProto.INT64, ["batch"])
    given = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["batch", table.shape[1]])
    return helper.make_graph(
        [node], f"{side}_tower", [asked], [given], [numpy_helper.from_array(table.numpy(), "vectors")]
    )


def make_network(tower: Tower) -> Any:
    """A model from encoded features [B, F] to vectors [B, D]; see `Tower`."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, x = [], [], "features"

    def constant(name: str, value: Any) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    for place, (weight, bias) in enumerate(tower.layers):
        if place:
            nodes.append(helper.make_node("Relu", [x], [f"relu_{place}"]))
            x = f"relu_{place}"
        parts = [constant(f"weight_{place}", weight.float().numpy()), constant(f"bias_{place}", bias.float().numpy())]
        nodes.append(helper.make_node("Gemm", [x, *parts], [f"layer_{place}"], transB=1))
        x = f"layer_{place}"
    if tower.unit_norm:
        nodes.append(helper.make_node("LpNormalization", [x], ["unit"], axis=1, p=2))
        x = "unit"
    nodes.append(helper.make_node("Mul", [x, constant("scale", np.float32(tower.scale))], ["scaled"]))
    after = np.asarray(tower.constants, np.float32)
    sides = constant("sides", np.array([0, tower.zeros, 0, len(after)]))  # columns before and behind
    width = tower.zeros + len(tower.layers[-1][0]) + len(after)
    behind = constant("constants", np.concatenate([np.zeros(width - len(after), np.float32), after])[None])
    nodes.append(helper.make_node("Pad", ["scaled", sides], ["padded"]))
    nodes.append(helper.make_node("Add", ["padded", behind], ["vector"]))
    asked = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", tower.layers[0][0].shape[1]])
    given = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["batch", width])
    return helper.make_graph(nodes, "new_tower", [asked], [given], constants)


def save(graph: Any, path: Path) -> None:
    """Write a graph as a model."""
    import onnx
    from onnx import helper

    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="reccl"
    )
    onnx.checker.check_model(made)
    onnx.save(made, str(path))


def compare(path: Path, x: np.ndarray[Any, Any], expected: Tensor) -> float:
    """The largest difference of what the file gives from what the model gives. Raises RecclError beyond 1e-5."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: x})
    scale = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
    difference = float((torch.from_numpy(found) - expected).abs().max()) if expected.numel() else 0.0
    if difference > TOLERANCE * scale:
        raise RecclError(f"{path.name} differs from the model by {difference:.1e}; please report it")
    return difference
