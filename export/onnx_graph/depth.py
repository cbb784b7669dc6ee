"""The depth of an ONNX graph: how many nodes a number passes through, and so how often it is rounded."""

from onnx import ModelProto


def measure_depth(model: ModelProto, output: str) -> int:
    """Return the number of nodes on the longest path to a value of a graph; 0 for an input."""
    depths: dict[str, int] = {}
    for node in model.graph.node:  # in topological order, as ONNX demands
        depth = 1 + max((depths.get(name, 0) for name in node.input), default=0)
        depths |= dict.fromkeys(node.output, depth)
    return depths.get(output, 0)
