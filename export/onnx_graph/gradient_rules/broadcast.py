"""The gradient of broadcasting: a sum over the axes that were stretched."""

from export.onnx_graph.graph import Graph, Shape


def unbroadcast(graph: Graph, gradient: str, shape: Shape, target: str) -> str:
    """`gradient`, which has `shape`, summed down to the shape of tensor `target`.

    Symbolic sizes decide at export time where they can; where they cannot ("T" against 4 may be a
    broadcast of 1 or not), the graph looks at the real sizes in every run.
    """
    wanted = graph.shape(target)
    lead = len(shape) - len(wanted)
    pairs = list(zip(shape[lead:], wanted, strict=True))
    if any(theirs != 1 and (ours is None or theirs != ours) for ours, theirs in pairs):
        return _unbroadcast_at_run_time(graph, gradient, lead, target)
    stretched = [lead + i for i, (ours, theirs) in enumerate(pairs) if theirs == 1 and ours != 1]
    return _sum_away(graph, gradient, lead, stretched)


def _sum_away(graph: Graph, gradient: str, lead: int, stretched: list[int]) -> str:
    """Sum out the first `lead` axes and reduce the `stretched` ones to size 1."""
    if stretched:
        gradient = graph.emit("ReduceSum", gradient, graph.ints(*stretched), keepdims=1)
    if lead:
        gradient = graph.emit("ReduceSum", gradient, graph.ints(*range(lead)), keepdims=0)
    return gradient


def _unbroadcast_at_run_time(graph: Graph, gradient: str, lead: int, target: str) -> str:
    """Like `_sum_away`, with every axis reduced where `target` has size 1 (elsewhere nothing happens)."""
    if lead:
        gradient = graph.emit("ReduceSum", gradient, graph.ints(*range(lead)), keepdims=0)
    is_one = graph.emit("Equal", graph.emit("Shape", target), graph.ints(1))
    axes = graph.emit("Squeeze", graph.emit("NonZero", is_one), graph.ints(0))
    return graph.emit("ReduceSum", gradient, axes, keepdims=1, noop_with_empty_axes=1)
