"""Chains: matrices one after the other, from a column of items to a column of scores."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

ItemOperator = tuple[Tensor, ...]
"""M_1 [., I], ..., M_m [I, .], dense or CSR."""


def along(chain: ItemOperator, x: Tensor) -> Tensor:
    """M_m ... M_1 x: [I, B] -> [I, B]."""
    for matrix in chain:
        x = matrix @ x
    return x


def times(chain: ItemOperator, factor: float) -> ItemOperator:
    """The chain whose scores are `factor` times as large."""
    *before, last = chain
    if last.layout != torch.sparse_csr:
        return (*before, last * factor)
    parts = (last.crow_indices(), last.col_indices(), last.values() * factor)
    return (*before, torch.sparse_csr_tensor(*parts, last.shape, check_invariants=False))


def wider(chain: ItemOperator, more: int) -> ItemOperator:
    """The chain with `more` items at the end, which say nothing and are scored 0."""
    first, *rest = chain
    first = sized(first, first.shape[0], first.shape[1] + more)
    *middle, last = (first, *rest)
    return (*middle, sized(last, last.shape[0] + more, last.shape[1]))


def sized(matrix: Tensor, rows: int, columns: int) -> Tensor:
    """The matrix with zeros below and to the right."""
    below, beside = rows - matrix.shape[0], columns - matrix.shape[1]
    if matrix.layout != torch.sparse_csr:
        return torch.nn.functional.pad(matrix, (0, beside, 0, below))
    start = matrix.crow_indices()
    parts = (torch.cat([start, start[-1:].expand(below)]), matrix.col_indices(), matrix.values())
    return torch.sparse_csr_tensor(*parts, (rows, columns), check_invariants=False)


def gathered(chains: Sequence[ItemOperator]) -> tuple[ItemOperator, ...]:
    """Chains whose scores add up to the same: all single dense matrices become their sum."""
    single = [chain[0] for chain in chains if len(chain) == 1 and chain[0].layout == torch.strided]
    others = [chain for chain in chains if len(chain) != 1 or chain[0].layout != torch.strided]
    return (*([(torch.stack(single).sum(0),)] if len(single) > 1 else [(each,) for each in single]), *others)


def name_of(chain: int, place: int) -> str:
    """The name on disk of a chain's matrix; those of the first chain are called as they were when there was one."""
    return f"matrix_{place}" if chain == 0 else f"chain_{chain}_matrix_{place}"


def written(chains: Sequence[ItemOperator]) -> dict[str, Tensor]:
    """Plain tensors by name."""
    named: dict[str, Tensor] = {}
    for number, chain in enumerate(chains):
        for place, matrix in enumerate(chain):
            name = name_of(number, place)
            if matrix.layout == torch.sparse_csr:
                shape = torch.tensor(matrix.shape)
                parts = {"start": matrix.crow_indices(), "column": matrix.col_indices(), "shape": shape}
                named |= {f"{name}_{part}": tensor for part, tensor in parts.items()}
                named[f"{name}_value"] = matrix.values()
            else:
                named[name] = matrix
    return named


def read(named: Mapping[str, Tensor]) -> tuple[ItemOperator, ...]:
    """The chains that `written` wrote."""
    chains: list[ItemOperator] = []
    while chain := chain_of(named, len(chains)):
        chains.append(chain)
    return tuple(chains)


def chain_of(named: Mapping[str, Tensor], number: int) -> ItemOperator:
    """One chain; empty where there are not so many."""
    found: list[Tensor] = []
    while (name := name_of(number, len(found))) in named or f"{name}_value" in named:
        if name in named:
            found.append(named[name])
        else:
            start, column, value, shape = (named[f"{name}_{part}"] for part in ("start", "column", "value", "shape"))
            size = (int(shape[0]), int(shape[1]))
            found.append(torch.sparse_csr_tensor(start, column, value, size, check_invariants=True))
    return tuple(found)
