"""Reverse-mode differentiation of an ONNX graph, written as more ONNX.

Walking the nodes backwards, each one's rule turns the gradients of its outputs into contributions to
the gradients of its inputs. Only what lies between the chosen tensors and the loss is visited: a tensor
is *active* when it is a float that depends on them, and nothing else receives a gradient.
"""

from collections import defaultdict
from collections.abc import Iterable

from onnx import NodeProto

from edgecl.errors import ExportError
from export.onnx_graph.gradient_rules import Site, rule_for
from export.onnx_graph.gradient_rules.parts import Contribution, assemble
from export.onnx_graph.graph import Graph


def append_gradients(graph: Graph, loss: str, wrt: Iterable[str]) -> dict[str, str]:
    """Names of the gradients of the scalar `loss` with respect to each tensor of `wrt`; `graph` grows.

    Raises:
        ExportError: a node on the way has no rule, or the loss does not depend on one of `wrt`.
    """
    if graph.shape(loss) != ():
        raise ExportError(f"the loss '{loss}' is not a scalar but has the shape {graph.shape(loss)}")
    forward, wanted = graph.nodes, list(wrt)
    active = _active(graph, forward, wanted)
    contributions: dict[str, list[Contribution]] = defaultdict(list)
    contributions[loss] = [graph.scalar(1.0)]
    for node in reversed(forward):
        if active.intersection(node.output):
            _backward(graph, node, active, contributions)
    return {name: _gradient(graph, name, contributions) for name in wanted}


def _active(graph: Graph, nodes: list[NodeProto], wrt: list[str]) -> set[str]:
    """All float tensors that depend on `wrt`, themselves included."""
    active = set(wrt)
    for node in nodes:
        if active.intersection(node.input):
            active.update(name for name in node.output if graph.may_be_float(name))
    return active


def _backward(
    graph: Graph, node: NodeProto, active: set[str], contributions: dict[str, list[Contribution]]
) -> None:
    """Add what one node contributes to the gradients of its active inputs."""
    gradients = tuple(
        assemble(graph, name, contributions[name]) if contributions.get(name) else None
        for name in node.output
    )
    if not any(gradients):  # a dead branch: the loss does not look at it
        return
    found = rule_for(node)(Site(graph, node, gradients))
    for name, contribution in zip(node.input, found, strict=False):
        if name in active and contribution is not None:
            contributions[name].append(contribution)


def _gradient(graph: Graph, name: str, contributions: dict[str, list[Contribution]]) -> str:
    if not contributions.get(name):
        raise ExportError(
            f"the loss does not depend on '{name}'", "take it out of the trainables, or connect it"
        )
    return assemble(graph, name, contributions[name])
