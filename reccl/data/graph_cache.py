"""Graph cache: results that are computed once for a graph and released with it."""

from collections.abc import Callable, Hashable
from functools import wraps
from inspect import signature
from typing import Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from reccl.data.graph import Graph

P = ParamSpec("P")
T = TypeVar("T")
KEPT = 2
"""Latest results of one function for one graph that are kept."""


def cache_on_graph(compute: Callable[Concatenate[Graph, P], T]) -> Callable[Concatenate[Graph, P], T]:
    """Like `functools.lru_cache` for a function of a graph, but results are released with the graph.

    A graph is its own key: another one with the same edges is computed anew. Other arguments must be hashable.
    """
    results: WeakKeyDictionary[Graph, dict[Hashable, T]] = WeakKeyDictionary()
    parameters = signature(compute)

    @wraps(compute)
    def cached(graph: Graph, /, *args: P.args, **kwargs: P.kwargs) -> T:
        known = results.setdefault(graph, {})
        given = parameters.bind(graph, *args, **kwargs)
        given.apply_defaults()
        key = tuple(given.arguments.items())[1:]  # without the graph
        if key not in known:
            known[key] = compute(graph, *args, **kwargs)
            for old in list(known)[:-KEPT]:
                del known[old]
        return known[key]

    return cached
