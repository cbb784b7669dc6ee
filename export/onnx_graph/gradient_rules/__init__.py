"""The gradient of each ONNX op, as a registry of small functions.

A rule is handed one node on a differentiated path and answers with what it contributes to the gradient
of each input; trailing inputs that take none may be left out. The pass in `autodiff` decides which
inputs matter and sums what several consumers contribute; nodes that turn out not to be needed are dropped
in the end, so a rule may simply emit all.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from onnx import NodeProto

from edgecl.errors import ExportError
from export.onnx_graph.gradient_rules.parts import Contribution
from export.onnx_graph.graph import Graph, attributes, describe


@dataclass(frozen=True)
class Site:
    """One node on a differentiated path, with the gradients of its outputs (None: unused output)."""

    graph: Graph
    node: NodeProto
    gradients: tuple[str | None, ...]
    attributes: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "attributes", attributes(self.node))

    @property
    def inputs(self) -> list[str]:
        """Names of the node's inputs."""
        return list(self.node.input)

    @property
    def output(self) -> str:
        """Name of the node's first output."""
        return str(self.node.output[0])

    @property
    def gradient(self) -> str:
        """The gradient of the first output.

        Raises:
            ExportError: only an optional output is used, for which there are no rules.
        """
        first = self.gradients[0]
        if first is None:
            raise self.refuse("is differentiated through an optional output")
        return first

    def emit(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Shorthand for `graph.emit`."""
        return self.graph.emit(op, *inputs, **attributes)

    def constant_ints(self, index: int) -> list[int] | None:
        """The values of an integer input, such as axes; None where the node has no such input.

        Raises:
            ExportError: the input is there but not constant.
        """
        if len(self.inputs) <= index or not self.inputs[index]:
            return None
        value = self.graph.value(self.inputs[index])
        if value is None:
            raise self.refuse(f"has a computed input '{self.inputs[index]}' where a constant is needed")
        return [int(number) for number in value.reshape(-1)]

    def refuse(self, reason: str) -> ExportError:
        """The error for a node of a known op that its rule cannot differentiate."""
        return ExportError(f"no gradient: the {describe(self.node)} {reason}")


Rule = Callable[[Site], list[Contribution]]

_rules: dict[str, Rule] = {}


def rule(*ops: str) -> Callable[[Rule], Rule]:
    """Register the decorated function as the gradient of `ops`."""

    def register(function: Rule) -> Rule:
        _rules.update(dict.fromkeys(ops, function))
        return function

    return register


def rule_for(node: NodeProto) -> Rule:
    """The rule of a node's op.

    Raises:
        ExportError: there is none.
    """
    if node.op_type not in _rules:
        raise ExportError(
            f"no gradient rule for the {describe(node)}",
            "write the model with other ops, or add a rule to export/onnx_graph/gradient_rules",
        )
    return _rules[node.op_type]


def known_ops() -> list[str]:
    """All ops that can be differentiated."""
    return sorted(_rules)


from export.onnx_graph.gradient_rules import arithmetic, convolution, linear, reductions, shapes  # noqa: E402, F401
