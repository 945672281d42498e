"""Device: decided once, by name."""

import torch

from reccl.distributed.group import expand_auto
from reccl.errors import TrainingError


def resolve_device(name: str) -> torch.device:
    """`auto` is what RECCL_DEVICE says, else CUDA where there is one, else the CPU; or cpu, cuda, cuda:1.

    Raises TrainingError if absent.
    """
    name = expand_auto(name)
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise TrainingError(f"unknown device {name!r}; choose auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise TrainingError(
                f"device {name!r} is not available: this machine has {count} CUDA devices; use --device cpu"
            )
    elif device.type != "cpu":
        raise TrainingError(f"device {name!r} is not supported; choose auto, cpu, cuda or cuda:N")
    return device
