"""The gradient of each ONNX op: a registry of small functions.

A rule receives one node on the differentiated path and returns its contribution to the gradient of each
input; trailing inputs without a gradient may be omitted. `autodiff` selects the inputs that need a gradient
and sums the contributions of several consumers. Unused nodes are removed at the end, so a rule may emit the
gradients of all inputs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from onnx import NodeProto

from edgecl.errors import ExportError

from ..graph import Graph, describe_node, node_attributes
from .parts import Contribution


@dataclass(frozen=True)
class RuleContext:
    """One node on a differentiated path, with the gradients of its outputs (None: unused output)."""

    graph: Graph
    node: NodeProto
    gradients: tuple[str | None, ...]
    attributes: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "attributes", node_attributes(self.node))

    @property
    def inputs(self) -> list[str]:
        """The names of the node's inputs."""
        return list(self.node.input)

    @property
    def output(self) -> str:
        """The name of the node's first output."""
        return str(self.node.output[0])

    @property
    def gradient(self) -> str:
        """The gradient of the first output.

        Raises:
            ExportError: only an optional output is used; there are no rules for those.
        """
        first = self.gradients[0]
        if first is None:
            raise self.make_error("is differentiated through an optional output")
        return first

    def emit(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Append a node as `Graph.emit` does."""
        return self.graph.emit(op, *inputs, **attributes)

    def constant_ints(self, index: int) -> list[int] | None:
        """Return the values of an integer input, such as axes; None if the node has no such input.

        Raises:
            ExportError: the input exists but is not constant.
        """
        if len(self.inputs) <= index or not self.inputs[index]:
            return None
        value = self.graph.value(self.inputs[index])
        if value is None:
            raise self.make_error(f"has a computed input '{self.inputs[index]}' where a constant is needed")
        return [int(number) for number in value.reshape(-1)]

    def make_error(self, reason: str) -> ExportError:
        """Return the error for a node that the rule of its op cannot differentiate."""
        return ExportError(f"no gradient: the {describe_node(self.node)} {reason}")


Rule = Callable[[RuleContext], list[Contribution]]

_rules: dict[str, Rule] = {}


def register_rule(*ops: str) -> Callable[[Rule], Rule]:
    """Return a decorator that registers a function as the gradient of `ops`."""

    def register(function: Rule) -> Rule:
        _rules.update(dict.fromkeys(ops, function))
        return function

    return register


def find_rule(node: NodeProto) -> Rule:
    """Return the rule of a node's op.

    Raises:
        ExportError: the op has no rule.
    """
    if node.op_type not in _rules:
        raise ExportError(
            f"no gradient rule for the {describe_node(node)}",
            "write the model with other ops, or add a rule to export/onnx_graph/gradient_rules",
        )
    return _rules[node.op_type]


def list_differentiable_ops() -> list[str]:
    """Return the names of all ops that have a rule."""
    return sorted(_rules)


from . import arithmetic, convolution, linear, reductions, shapes  # noqa: E402, F401
