"""Checkpoint: parameters on disk as safetensors, written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reccl.atomic import atomic_path
from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


def save(state: Mapping[str, Tensor], path: Path) -> None:
    """Write the file, and the folders that it is to stand in where they are missing."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as draft:
        draft.touch()
        mode = draft.stat().st_mode
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, draft)
        draft.chmod(mode)  # safetensors lets nobody else read what it writes


def load(path: Path, device: torch.device | None = None) -> dict[str, Tensor]:
    """Read what `save` wrote."""
    from safetensors.torch import load_file

    return load_file(path, device=str(device or "cpu"))
