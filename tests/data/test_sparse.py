"""Importing reccl changes no warning filter, and its sparse matrices come without torch's word on their beta state."""

import subprocess
import sys

import pytest
import torch

from reccl.data.sparse import make_csr, spmm

MODULES = ("reccl", "reccl.data.graph", "reccl.data.dataset", "reccl.data.prepare", "reccl.data.features")


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("module", MODULES)
def test_importing_changes_no_warning_filter(module: str) -> None:
    # whose own filters are not ours
    libraries = "numpy, scipy.sparse, polars, pydantic, torch, platformdirs, sklearn, yaml"
    run(
        f"import warnings, {libraries}\nbefore = list(warnings.filters)\nimport {module}\n"
        "assert list(warnings.filters) == before, set(warnings.filters) - set(before)"
    )


def test_a_graph_is_made_without_a_warning_and_leaves_the_filters_as_they_were() -> None:
    run(
        "import warnings\nimport polars as pl\nimport torch\nimport scipy.sparse\nfrom reccl.data.graph import Graph\n"
        "warnings.simplefilter('error')\nbefore = list(warnings.filters)\n"
        "graph = Graph.from_interactions(pl.DataFrame({'user': [0], 'item': [0]}), 1, 1)\n"
        "graph.adjacency, graph.user_items.to_sparse()\nassert list(warnings.filters) == before"
    )


def test_the_product_is_that_of_the_dense_matrix() -> None:
    dense = torch.tensor([[0.0, 2.0, 0.0], [1.0, 0.0, 3.0]])
    matrix = make_csr(torch.tensor([0, 1, 3]), torch.tensor([1, 0, 2]), torch.tensor([2.0, 1.0, 3.0]), (2, 3))
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(spmm(matrix, x), dense @ x)


def test_a_checked_matrix_refuses_what_is_none() -> None:
    with pytest.raises(RuntimeError):
        make_csr(torch.tensor([0, 1, 3]), torch.tensor([1, 0, 9]), torch.ones(3), (2, 3), check=True)
