"""Gradients of the element-wise ops. In the comments y is the node's output and g its gradient."""

import math

from export.onnx_graph.gradient_rules import Site, rule
from export.onnx_graph.gradient_rules.broadcast import unbroadcast
from export.onnx_graph.gradient_rules.parts import Contribution


def _fit(site: Site, gradient: str, index: int) -> str:
    """A gradient of the output's shape brought to the shape of one input."""
    return unbroadcast(site.graph, gradient, site.graph.shape(site.output), site.inputs[index])


@rule("Add")
def _add(site: Site) -> list[Contribution]:
    return [_fit(site, site.gradient, 0), _fit(site, site.gradient, 1)]


@rule("Sub")
def _sub(site: Site) -> list[Contribution]:
    return [_fit(site, site.gradient, 0), site.emit("Neg", _fit(site, site.gradient, 1))]


@rule("Mul")
def _mul(site: Site) -> list[Contribution]:
    a, b = site.inputs
    return [
        _fit(site, site.emit("Mul", site.gradient, b), 0),
        _fit(site, site.emit("Mul", site.gradient, a), 1),
    ]


@rule("Div")
def _div(site: Site) -> list[Contribution]:
    quotient = site.emit("Div", site.gradient, site.inputs[1])  # g / b, and −y · g / b
    divisor = site.emit("Neg", site.emit("Mul", site.output, quotient))
    return [_fit(site, quotient, 0), _fit(site, divisor, 1)]


@rule("Neg")
def _neg(site: Site) -> list[Contribution]:
    return [site.emit("Neg", site.gradient)]


@rule("Reciprocal")
def _reciprocal(site: Site) -> list[Contribution]:
    square = site.emit("Mul", site.output, site.output)
    return [site.emit("Neg", site.emit("Mul", site.gradient, square))]


@rule("Sqrt")
def _sqrt(site: Site) -> list[Contribution]:
    half = site.emit("Mul", site.gradient, site.graph.scalar(0.5))
    return [site.emit("Div", half, site.output)]


@rule("Pow")
def _pow(site: Site) -> list[Contribution]:
    value = site.graph.value(site.inputs[1])
    if value is None or value.size != 1:
        raise site.refuse("has an exponent that is not one constant number")
    exponent = float(value.reshape(()))
    if exponent == 2:
        power = site.inputs[0]
    else:
        power = site.emit("Pow", site.inputs[0], site.graph.scalar(exponent - 1))
    slope = site.emit("Mul", power, site.graph.scalar(exponent))
    return [site.emit("Mul", site.gradient, slope)]


@rule("Exp")
def _exp(site: Site) -> list[Contribution]:
    return [site.emit("Mul", site.gradient, site.output)]


@rule("Log")
def _log(site: Site) -> list[Contribution]:
    return [site.emit("Div", site.gradient, site.inputs[0])]


@rule("Erf")
def _erf(site: Site) -> list[Contribution]:
    square = site.emit("Mul", site.inputs[0], site.inputs[0])
    bell = site.emit("Exp", site.emit("Neg", square))  # 2/√π · exp(−x²)
    slope = site.emit("Mul", bell, site.graph.scalar(2 / math.sqrt(math.pi)))
    return [site.emit("Mul", site.gradient, slope)]


@rule("Sigmoid")
def _sigmoid(site: Site) -> list[Contribution]:
    rest = site.emit("Sub", site.graph.scalar(1.0), site.output)
    slope = site.emit("Mul", site.output, rest)  # y (1 − y)
    return [site.emit("Mul", site.gradient, slope)]


@rule("Tanh")
def _tanh(site: Site) -> list[Contribution]:
    square = site.emit("Mul", site.output, site.output)
    slope = site.emit("Sub", site.graph.scalar(1.0), square)  # 1 − y²
    return [site.emit("Mul", site.gradient, slope)]


@rule("Relu")
def _relu(site: Site) -> list[Contribution]:
    zero = site.graph.scalar(0.0)
    return [site.emit("Where", site.emit("Greater", site.inputs[0], zero), site.gradient, zero)]


@rule("Where")
def _where(site: Site) -> list[Contribution]:
    condition, zero = site.inputs[0], site.graph.scalar(0.0)
    then = site.emit("Where", condition, site.gradient, zero)
    otherwise = site.emit("Where", condition, zero, site.gradient)
    return [None, _fit(site, then, 1), _fit(site, otherwise, 2)]


@rule("Identity")
def _identity(site: Site) -> list[Contribution]:
    return [site.gradient]


@rule("Cast")
def _cast(site: Site) -> list[Contribution]:
    return [site.emit("Cast", site.gradient, to=site.graph.element_type(site.inputs[0]))]
