"""Graph memory: the bytes of a graph and of its views' matrices, before there are any."""

from reccl.memory import FLOAT, ROW, Need, Sizes

EDGE = 4
"""Bytes of a node, or of an edge's number."""
WORKING = 16
"""Bytes for each row while edges are found and sorted, beside those of the graph."""
LISTED, KEPT = 32, 24
"""Bytes of a directed edge while the rows of one of several processes are made: listed, and normalized."""


def graph_memory(sizes: Sizes) -> Need:
    """Bytes of a graph: user, item and order of each edge, degrees, and the matrix's entries in both directions (a
    column of 32 bits and a value); and those while it is made of rows. Of several processes each has all edges, and
    the entries of its own nodes.
    """
    edges, entries = 3 * EDGE * sizes.interactions, 2 * (EDGE + FLOAT) * sizes.interactions // sizes.processes
    made = WORKING * sizes.interactions if sizes.processes == 1 else own_rows_bytes(sizes, sizes.interactions)
    return Need("the graph", edges + entries + 5 * ROW * sizes.num_nodes, made)


def own_rows_bytes(sizes: Sizes, left: int) -> int:
    """Bytes of making one process's rows of a matrix of so many edges: `LISTED` for each directed edge of its own that
    is listed, `KEPT` for each that is left, and both nodes of all that are left.
    """
    return 2 * (LISTED * sizes.interactions + KEPT * left) // sizes.processes + 2 * EDGE * left


def dropped_memory(sizes: Sizes, rate: float, *, matrices: int = 1) -> tuple[Need, ...]:
    """Bytes of `Graph.drop_edges`: matrices of the edges that are left, with what they are made of; and row, column and
    edge of each directed edge, which are made once for all views. Of several processes each lists the directed edges
    of its own nodes for every matrix anew.
    """
    left = round(2 * (1 - rate) * sizes.interactions)  # entries of a matrix
    if sizes.processes > 1:
        held = matrices * (EDGE + FLOAT) * left // sizes.processes
        return (Need("", held, own_rows_bytes(sizes, left // 2)),)
    return (
        Need("directed edges", 6 * EDGE * sizes.interactions, shared=True),
        Need("", matrices * (EDGE + FLOAT) * left, (3 * EDGE + 2 * FLOAT) * left),
    )
