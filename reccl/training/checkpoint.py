"""Checkpoint: parameters on disk as safetensors, written whole or not at all."""

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor


def save(state: Mapping[str, Tensor], path: Path) -> None:
    """Write to a temporary name beside `path`, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def load(path: Path, device: torch.device | None = None) -> dict[str, Tensor]:
    """Read what `save` wrote."""
    return load_file(path, device=str(device or "cpu"))
