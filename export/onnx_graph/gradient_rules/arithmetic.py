"""Gradients of element-wise ops. In the comments, y is the node's output and g its gradient."""

import math

from . import RuleContext, register_rule
from .broadcast import unbroadcast
from .parts import Contribution


def _fit(ctx: RuleContext, gradient: str, index: int) -> str:
    """Reduce a gradient that has the output's shape to the shape of one input."""
    return unbroadcast(ctx.graph, gradient, ctx.graph.shape(ctx.output), ctx.inputs[index])


@register_rule("Add")
def _add(ctx: RuleContext) -> list[Contribution]:
    return [_fit(ctx, ctx.gradient, 0), _fit(ctx, ctx.gradient, 1)]


@register_rule("Sub")
def _sub(ctx: RuleContext) -> list[Contribution]:
    return [_fit(ctx, ctx.gradient, 0), ctx.emit("Neg", _fit(ctx, ctx.gradient, 1))]


@register_rule("Mul")
def _mul(ctx: RuleContext) -> list[Contribution]:
    a, b = ctx.inputs
    return [
        _fit(ctx, ctx.emit("Mul", ctx.gradient, b), 0),
        _fit(ctx, ctx.emit("Mul", ctx.gradient, a), 1),
    ]


@register_rule("Div")
def _div(ctx: RuleContext) -> list[Contribution]:
    quotient = ctx.emit("Div", ctx.gradient, ctx.inputs[1])  # g / b, and −y · g / b
    divisor = ctx.emit("Neg", ctx.emit("Mul", ctx.output, quotient))
    return [_fit(ctx, quotient, 0), _fit(ctx, divisor, 1)]


@register_rule("Neg")
def _neg(ctx: RuleContext) -> list[Contribution]:
    return [ctx.emit("Neg", ctx.gradient)]


@register_rule("Reciprocal")
def _reciprocal(ctx: RuleContext) -> list[Contribution]:
    square = ctx.emit("Mul", ctx.output, ctx.output)
    return [ctx.emit("Neg", ctx.emit("Mul", ctx.gradient, square))]


@register_rule("Sqrt")
def _sqrt(ctx: RuleContext) -> list[Contribution]:
    half = ctx.emit("Mul", ctx.gradient, ctx.graph.scalar(0.5))
    return [ctx.emit("Div", half, ctx.output)]


@register_rule("Pow")
def _pow(ctx: RuleContext) -> list[Contribution]:
    value = ctx.graph.value(ctx.inputs[1])
    if value is None or value.size != 1:
        raise ctx.make_error("has an exponent that is not one constant number")
    exponent = float(value.reshape(()))
    power = ctx.inputs[0] if exponent == 2 else ctx.emit("Pow", ctx.inputs[0], ctx.graph.scalar(exponent - 1))
    slope = ctx.emit("Mul", power, ctx.graph.scalar(exponent))
    return [ctx.emit("Mul", ctx.gradient, slope)]


@register_rule("Exp")
def _exp(ctx: RuleContext) -> list[Contribution]:
    return [ctx.emit("Mul", ctx.gradient, ctx.output)]


@register_rule("Log")
def _log(ctx: RuleContext) -> list[Contribution]:
    return [ctx.emit("Div", ctx.gradient, ctx.inputs[0])]


@register_rule("Erf")
def _erf(ctx: RuleContext) -> list[Contribution]:
    square = ctx.emit("Mul", ctx.inputs[0], ctx.inputs[0])
    bell = ctx.emit("Exp", ctx.emit("Neg", square))  # 2/√π · exp(−x²)
    slope = ctx.emit("Mul", bell, ctx.graph.scalar(2 / math.sqrt(math.pi)))
    return [ctx.emit("Mul", ctx.gradient, slope)]


@register_rule("Sigmoid")
def _sigmoid(ctx: RuleContext) -> list[Contribution]:
    rest = ctx.emit("Sub", ctx.graph.scalar(1.0), ctx.output)
    slope = ctx.emit("Mul", ctx.output, rest)  # y (1 − y)
    return [ctx.emit("Mul", ctx.gradient, slope)]


@register_rule("Tanh")
def _tanh(ctx: RuleContext) -> list[Contribution]:
    square = ctx.emit("Mul", ctx.output, ctx.output)
    slope = ctx.emit("Sub", ctx.graph.scalar(1.0), square)  # 1 − y²
    return [ctx.emit("Mul", ctx.gradient, slope)]


@register_rule("Relu")
def _relu(ctx: RuleContext) -> list[Contribution]:
    zero = ctx.graph.scalar(0.0)
    return [ctx.emit("Where", ctx.emit("Greater", ctx.inputs[0], zero), ctx.gradient, zero)]


@register_rule("Where")
def _where(ctx: RuleContext) -> list[Contribution]:
    condition, zero = ctx.inputs[0], ctx.graph.scalar(0.0)
    then = ctx.emit("Where", condition, ctx.gradient, zero)
    otherwise = ctx.emit("Where", condition, zero, ctx.gradient)
    return [None, _fit(ctx, then, 1), _fit(ctx, otherwise, 2)]


@register_rule("Identity")
def _identity(ctx: RuleContext) -> list[Contribution]:
    return [ctx.gradient]


@register_rule("Cast")
def _cast(ctx: RuleContext) -> list[Contribution]:
    return [ctx.emit("Cast", ctx.gradient, to=ctx.graph.element_type(ctx.inputs[0]))]
