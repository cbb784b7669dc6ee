"""Reverse-mode differentiation of an ONNX graph; the gradients are appended as ONNX nodes.

The nodes are visited in reverse order. The rule of each node turns the gradients of its outputs into
contributions to the gradients of its inputs. Only nodes between the given tensors and the loss are visited:
a tensor is *active* when it is a float that depends on them, and only active tensors receive a gradient.
"""

from collections import defaultdict
from collections.abc import Iterable

from onnx import NodeProto

from edgecl.errors import ExportError

from .gradient_rules import RuleContext, find_rule
from .gradient_rules.parts import Contribution, assemble_gradient
from .graph import Graph


def append_gradients(graph: Graph, loss: str, wrt: Iterable[str]) -> dict[str, str]:
    """Append the gradients of a scalar loss to a graph.

    Args:
        graph: the graph to extend.
        loss: name of a scalar tensor.
        wrt: names of the tensors to differentiate with respect to.

    Returns:
        The name of the gradient of each tensor in `wrt`.

    Raises:
        ExportError: a node between `wrt` and the loss has no rule, or the loss does not depend on one of
            `wrt`.
    """
    if graph.shape(loss) != ():
        raise ExportError(f"the loss '{loss}' is not a scalar but has the shape {graph.shape(loss)}")
    forward, wanted = graph.nodes, list(wrt)
    active = _find_active(graph, forward, wanted)
    contributions: dict[str, list[Contribution]] = defaultdict(list)
    contributions[loss] = [graph.scalar(1.0)]
    for node in reversed(forward):
        if active.intersection(node.output):
            _differentiate_node(graph, node, active, contributions)
    return {name: _collect_gradient(graph, name, contributions) for name in wanted}


def _find_active(graph: Graph, nodes: list[NodeProto], wrt: list[str]) -> set[str]:
    """Return all float tensors that depend on `wrt`, including `wrt`."""
    active = set(wrt)
    for node in nodes:
        if active.intersection(node.input):
            active.update(name for name in node.output if graph.may_be_float(name))
    return active


def _differentiate_node(
    graph: Graph, node: NodeProto, active: set[str], contributions: dict[str, list[Contribution]]
) -> None:
    """Add the contributions of one node to the gradients of its active inputs."""
    gradients = tuple(
        assemble_gradient(graph, name, contributions[name]) if contributions.get(name) else None
        for name in node.output
    )
    if not any(gradients):  # the loss does not depend on this branch
        return
    results = find_rule(node)(RuleContext(graph, node, gradients))
    for name, contribution in zip(node.input, results, strict=False):
        if name in active and contribution is not None:
            contributions[name].append(contribution)


def _collect_gradient(graph: Graph, name: str, contributions: dict[str, list[Contribution]]) -> str:
    if not contributions.get(name):
        raise ExportError(
            f"the loss does not depend on '{name}'", "remove it from the trainable tensors, or connect it"
        )
    return assemble_gradient(graph, name, contributions[name])
