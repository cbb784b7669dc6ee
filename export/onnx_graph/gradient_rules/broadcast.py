"""The gradient of broadcasting: a sum over the broadcast axes."""

from ..graph import Graph, Shape


def unbroadcast(graph: Graph, gradient: str, shape: Shape, target: str) -> str:
    """Sum `gradient`, which has `shape`, to the shape of the tensor `target`.

    Where the symbolic sizes do not determine the broadcast axes (the size "T" against 4 may be 1 or 4), the
    graph compares the actual sizes in every run.
    """
    wanted = graph.shape(target)
    lead = len(shape) - len(wanted)
    pairs = list(zip(shape[lead:], wanted, strict=True))
    if any(theirs != 1 and (ours is None or theirs != ours) for ours, theirs in pairs):
        return _unbroadcast_at_run_time(graph, gradient, lead, target)
    broadcast = [lead + i for i, (ours, theirs) in enumerate(pairs) if theirs == 1 and ours != 1]
    return _reduce_axes(graph, gradient, lead, broadcast)


def _reduce_axes(graph: Graph, gradient: str, lead: int, broadcast: list[int]) -> str:
    """Remove the first `lead` axes and reduce the `broadcast` axes to size 1, both by summation."""
    if broadcast:
        gradient = graph.emit("ReduceSum", gradient, graph.ints(*broadcast), keepdims=1)
    if lead:
        gradient = graph.emit("ReduceSum", gradient, graph.ints(*range(lead)), keepdims=0)
    return gradient


def _unbroadcast_at_run_time(graph: Graph, gradient: str, lead: int, target: str) -> str:
    """Reduce like `_reduce_axes`, along every axis where `target` has size 1 when the graph runs."""
    if lead:
        gradient = graph.emit("ReduceSum", gradient, graph.ints(*range(lead)), keepdims=0)
    is_one = graph.emit("Equal", graph.emit("Shape", target), graph.ints(1))
    axes = graph.emit("Squeeze", graph.emit("NonZero", is_one), graph.ints(0))
    return graph.emit("ReduceSum", gradient, axes, keepdims=1, noop_with_empty_axes=1)
