"""Gradients that arrive in pieces, as from slices, and how they become whole again.

A tensor that is cut up (q | k | v, CLS | grid, the flat parameter vector) gets its gradient by one
Concat when the pieces tile an axis; padding each with zeros and adding would cost far more.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import reduce

from export.graph import Graph, Shape


@dataclass(frozen=True)
class Part:
    """The gradient of x[start:end] along one axis.

    Bounds are Python's: negative ones count from the end, `end=None` is the end.
    """

    gradient: str
    axis: int
    start: int
    end: int | None


Contribution = str | list[Part] | None


def edges(sizes: Shape) -> list[tuple[int, int | None]]:
    """Bounds of consecutive pieces of an axis; behind a piece of unknown size they count from the end."""

    def edge(index: int) -> int:
        before = [size for size in sizes[:index] if isinstance(size, int)]
        behind = [size for size in sizes[index:] if isinstance(size, int)]
        return sum(before) if len(before) == index else -sum(behind)

    starts = [edge(index) for index in range(len(sizes))]
    return list(zip(starts, [*starts[1:], None], strict=True))


def unknown(sizes: Shape) -> int:
    """How many of these sizes are not known numbers."""
    return sum(not isinstance(size, int) for size in sizes)


def assemble(graph: Graph, target: str, contributions: list[Contribution]) -> str:
    """The whole gradient of tensor `target` from everything its consumers contribute."""
    wholes = [c for c in contributions if isinstance(c, str)]
    axes: dict[int, dict[tuple[int, int | None], list[str]]] = defaultdict(lambda: defaultdict(list))
    for part in (part for c in contributions if isinstance(c, list) for part in c):
        axes[part.axis][part.start, part.end].append(part.gradient)
    for axis, pieces in axes.items():
        parts = [Part(_sum(graph, names), axis, *bounds) for bounds, names in pieces.items()]
        wholes += _join(graph, target, parts)
    return _sum(graph, wholes)


def _sum(graph: Graph, names: list[str]) -> str:
    return reduce(lambda total, name: graph.emit("Add", total, name), names)


def _join(graph: Graph, target: str, parts: list[Part]) -> list[str]:
    """Parts of one axis as gradients of the whole tensor: a single one if they tile it."""
    behind = {part.start: part for part in parts}
    chain: list[Part] = []
    cursor: int | None = 0
    while cursor is not None and cursor in behind:
        chain.append(behind.pop(cursor))
        cursor = chain[-1].end
    if cursor is None and len(chain) == len(parts):
        return [graph.emit("Concat", *(part.gradient for part in chain), axis=chain[0].axis)]
    return [_pad(graph, target, part) for part in parts]


def _pad(graph: Graph, target: str, part: Part) -> str:
    """One part with zeros around it."""
    before = _distance(graph, target, part.axis, part.start)
    after = _distance(graph, target, part.axis, part.end, from_end=True)
    pads = graph.emit("Concat", before, after, axis=0)
    return graph.emit("Pad", part.gradient, pads, "", graph.ints(part.axis))


def _distance(graph: Graph, target: str, axis: int, bound: int | None, from_end: bool = False) -> str:
    """int64 [1]: how far a bound lies behind the start of an axis, or before its end."""
    if bound is None:
        return graph.ints(0)
    if from_end == (bound < 0):
        return graph.ints(abs(bound))
    size = graph.shape(target)[axis]
    if isinstance(size, int):
        return graph.ints(size - abs(bound))
    length = graph.emit("Gather", graph.emit("Shape", target), graph.ints(axis))
    return graph.emit("Sub", length, graph.ints(abs(bound)))
