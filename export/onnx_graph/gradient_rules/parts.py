"""Assembly of a gradient from the gradients of slices.

The gradient of a tensor that is split (q | k | v, CLS | grid, the flat parameter vector) is one Concat when
the slices tile an axis; padding each with zeros and adding them would cost far more.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import reduce

from ..graph import Graph, Shape


@dataclass(frozen=True)
class Part:
    """The gradient of x[start:end] along one axis.

    The bounds are as in Python: negative ones count from the end, `end=None` is the end. On an axis of known
    size they are between 0 and the size.
    """

    gradient: str
    axis: int
    start: int
    end: int | None


Contribution = str | list[Part] | None


def compute_bounds(sizes: Shape) -> list[tuple[int, int | None]]:
    """Return the bounds of consecutive pieces of an axis.

    Bounds after a piece of unknown size count from the end.
    """

    def edge(index: int) -> int:
        before = [size for size in sizes[:index] if isinstance(size, int)]
        after = [size for size in sizes[index:] if isinstance(size, int)]
        return sum(before) if len(before) == index else -sum(after)

    starts = [edge(index) for index in range(len(sizes))]
    return list(zip(starts, [*starts[1:], None], strict=True))


def count_unknown(sizes: Shape) -> int:
    """Return the number of sizes that are symbolic or unknown."""
    return sum(not isinstance(size, int) for size in sizes)


def assemble_gradient(graph: Graph, target: str, contributions: list[Contribution]) -> str:
    """Combine the contributions of all consumers of `target` into its gradient; return its name."""
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
    """Return gradients of the whole tensor from parts of one axis: a single one if the parts tile it."""
    by_start = {part.start: part for part in parts}
    chain: list[Part] = []
    cursor: int | None = 0
    while cursor is not None and cursor in by_start:
        chain.append(by_start.pop(cursor))
        cursor = chain[-1].end
    if cursor is None and len(chain) == len(parts) and not _may_overlap(parts):
        return [graph.emit("Concat", *(part.gradient for part in chain), axis=chain[0].axis)]
    return [_pad(graph, target, part) for part in parts]


def _may_overlap(parts: list[Part]) -> bool:
    """Return whether bounds count from both ends, so that parts may overlap on a short axis."""
    return any(part.start > 0 for part in parts) and any(part.start < 0 for part in parts)


def _pad(graph: Graph, target: str, part: Part) -> str:
    """Pad one part with zeros to the size of `target`."""
    size = graph.shape(target)[part.axis]
    if isinstance(size, int):
        end = size if part.end is None else max(part.start, part.end)
        pads = graph.ints(part.start, size - end)
    else:
        pads = _emit_pads(graph, target, part)
    return graph.emit("Pad", part.gradient, pads, "", graph.ints(part.axis))


def _emit_pads(graph: Graph, target: str, part: Part) -> str:
    """Return the number of zeros before and after a part, int64 [2], where the axis size varies by run."""
    length = _emit_length(graph, target, part.axis)
    if part.start < 0:
        from_end = graph.emit("Add", length, graph.ints(part.start))
        before = graph.emit("Max", from_end, graph.ints(0))
    else:
        before = graph.emit("Min", length, graph.ints(part.start))
    rest = graph.emit("Sub", length, before)
    after = graph.emit("Sub", rest, _emit_length(graph, part.gradient, part.axis))
    return graph.emit("Concat", before, after, axis=0)


def _emit_length(graph: Graph, name: str, axis: int) -> str:
    """Return the size of an axis in the current run, int64 [1]."""
    return graph.emit("Gather", graph.emit("Shape", name), graph.ints(axis))
