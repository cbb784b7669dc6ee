"""Gradients of ops along an axis: sums, means, softmax and layer normalisation."""

from onnx import TensorProto

from . import RuleContext, register_rule
from .parts import Contribution


def _expand_to_input(ctx: RuleContext, gradient: str) -> str:
    """Broadcast a reduced gradient over the reduced axes."""
    axes = ctx.constant_ints(1)
    if axes and not ctx.attributes.get("keepdims", 1):
        gradient = ctx.emit("Unsqueeze", gradient, ctx.graph.ints(*axes))
    return ctx.emit("Expand", gradient, ctx.graph.emit_shape(ctx.inputs[0]))


def _is_noop(ctx: RuleContext) -> bool:
    return not ctx.constant_ints(1) and bool(ctx.attributes.get("noop_with_empty_axes", 0))


@register_rule("ReduceSum")
def _reduce_sum(ctx: RuleContext) -> list[Contribution]:
    return [ctx.gradient if _is_noop(ctx) else _expand_to_input(ctx, ctx.gradient)]


@register_rule("ReduceMean")
def _reduce_mean(ctx: RuleContext) -> list[Contribution]:
    if _is_noop(ctx):
        return [ctx.gradient]
    sizes = [ctx.emit("Size", name) for name in (ctx.inputs[0], ctx.output)]
    count = ctx.emit("Cast", ctx.emit("Div", *sizes), to=TensorProto.FLOAT)
    return [_expand_to_input(ctx, ctx.emit("Div", ctx.gradient, count))]


@register_rule("Softmax")
def _softmax(ctx: RuleContext) -> list[Contribution]:
    weighted = ctx.emit("Mul", ctx.gradient, ctx.output)
    return [ctx.emit("Sub", weighted, ctx.emit("Mul", ctx.output, _sum(ctx, weighted)))]  # y (g − Σ g y)


@register_rule("LogSoftmax")
def _log_softmax(ctx: RuleContext) -> list[Contribution]:
    share = ctx.emit("Mul", ctx.emit("Exp", ctx.output), _sum(ctx, ctx.gradient))
    return [ctx.emit("Sub", ctx.gradient, share)]  # g − exp(y) Σ g


def _sum(ctx: RuleContext, name: str) -> str:
    axis = ctx.graph.ints(ctx.attributes.get("axis", -1))
    return ctx.emit("ReduceSum", name, axis, keepdims=1)


@register_rule("LayerNormalization")
def _layer_normalization(ctx: RuleContext) -> list[Contribution]:
    """Compute dx = (h − mean(h) − n · mean(h · n)) / σ with n = (x − mean) / σ and h = g · scale."""
    x, scale = ctx.inputs[:2]
    rank = len(ctx.graph.shape(x))
    first = ctx.attributes.get("axis", -1) % rank
    lead, inner = ctx.graph.ints(*range(first)), ctx.graph.ints(*range(first, rank))
    mean, inverse = (ctx.graph.enable_output(ctx.node, i) for i in (1, 2))

    normed = ctx.emit("Mul", ctx.emit("Sub", x, mean), inverse)
    h = ctx.emit("Mul", ctx.gradient, scale)
    along = ctx.emit("ReduceMean", ctx.emit("Mul", h, normed), inner)
    centred = ctx.emit("Sub", h, ctx.emit("ReduceMean", h, inner))
    dx = ctx.emit("Mul", ctx.emit("Sub", centred, ctx.emit("Mul", normed, along)), inverse)

    dscale = ctx.emit("ReduceSum", ctx.emit("Mul", ctx.gradient, normed), lead, keepdims=0)
    dbias = ctx.emit("ReduceSum", ctx.gradient, lead, keepdims=0)
    return [dx, dscale, dbias]
