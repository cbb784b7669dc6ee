"""Gradients that arrive in pieces, as from slices, and how they become whole again.

A tensor that is cut up (q | k | v, CLS | grid, the flat parameter vector) gets its gradient by one
Concat when the pieces tile an axis; padding each with zeros and adding would cost far more.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import reduce

from export.onnx_graph.graph import Graph, Shape


@dataclass(frozen=True)
class Part:
    """The gradient of x[start:end] along one axis.

    Bounds are Python's: negative ones count from the end, `end=None` is the end. On an axis of known
    size none is negative or lies past the end.
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
    if cursor is None and len(chain) == len(parts) and not _may_overlap(parts):
        return [graph.emit("Concat", *(part.gradient for part in chain), axis=chain[0].axis)]
    return [_pad(graph, target, part) for part in parts]


def _may_overlap(parts: list[Part]) -> bool:
    """Whether some count from the start and some from the end, which meet in an axis that is too short."""
    return any(part.start > 0 for part in parts) and any(part.start < 0 for part in parts)


def _pad(graph: Graph, target: str, part: Part) -> str:
    """One part with zeros around it."""
    size = graph.shape(target)[part.axis]
    if isinstance(size, int):
        end = size if part.end is None else max(part.start, part.end)
        pads = graph.ints(part.start, size - end)
    else:
        pads = _pads_at_run_time(graph, target, part)
    return graph.emit("Pad", part.gradient, pads, "", graph.ints(part.axis))


def _pads_at_run_time(graph: Graph, target: str, part: Part) -> str:
    """int64 [2]: zeros before and behind a part of an axis whose size, and so its true bounds, vary."""
    length = _length(graph, target, part.axis)
    if part.start < 0:
        from_end = graph.emit("Add", length, graph.ints(part.start))
        before = graph.emit("Max", from_end, graph.ints(0))
    else:
        before = graph.emit("Min", length, graph.ints(part.start))
    behind = graph.emit("Sub", length, before)
    after = graph.emit("Sub", behind, _length(graph, part.gradient, part.axis))
    return graph.emit("Concat", before, after, axis=0)


def _length(graph: Graph, name: str, axis: int) -> str:
    """int64 [1]: the size of an axis in this run."""
    return graph.emit("Gather", graph.emit("Shape", name), graph.ints(axis))
