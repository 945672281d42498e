"""Out of band: an object as a pickle and the memory of its tensors beside it, which need not be copied to be read."""

import copyreg
import pickle
import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import torch
from torch import Tensor

Packed = tuple[bytes, list[np.ndarray[Any, Any]]]
"""The pickle, and the bytes of its arrays."""


def pack(value: object) -> Packed:
    """Pickle an object, its dense tensors apart (protocol 5, PEP 574). Tensors come back on the CPU.

    >>> pickled, arrays = pack({"weights": torch.ones(1000)})
    >>> len(pickled) < 1000, [array.nbytes for array in arrays]
    (True, [4000])
    >>> unpack(pickled, arrays)["weights"].sum()
    tensor(1000.)
    """
    file, buffers = BytesIO(), list[pickle.PickleBuffer]()
    pickler = pickle.Pickler(file, protocol=5, buffer_callback=buffers.append)
    pickler.dispatch_table = {**copyreg.dispatch_table, Tensor: reduce_tensor}
    pickler.dump(value)
    return file.getvalue(), [np.frombuffer(buffer.raw(), np.uint8) for buffer in buffers]


def unpack(pickled: bytes, arrays: Sequence[np.ndarray[Any, Any]]) -> Any:
    """What `pack` packed, whose tensors share the memory of `arrays`: nobody may write into them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return pickle.loads(pickled, buffers=arrays)


def reduce_tensor(tensor: Tensor) -> Any:
    """How a tensor is pickled: as an array of NumPy, where it has one."""
    tensor = tensor.detach().cpu()
    if tensor.layout != torch.strided or tensor.dtype == torch.bfloat16:
        return tensor.__reduce_ex__(5)
    return torch.from_numpy, (tensor.contiguous().numpy(),)
