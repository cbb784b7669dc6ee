"""Gradients of matrix products."""

from ..graph import Graph, Shape, node_attributes
from . import RuleContext, register_rule
from .broadcast import unbroadcast
from .parts import Contribution


@register_rule("MatMul")
def _matmul(ctx: RuleContext) -> list[Contribution]:
    a, b = ctx.inputs
    ranks = len(ctx.graph.shape(a)), len(ctx.graph.shape(b))
    if min(ranks) < 2:
        raise ctx.make_error("multiplies by a vector")
    left = ctx.emit("MatMul", ctx.gradient, _transpose(ctx.graph, b, ranks[1]))  # g · Bᵀ
    if ranks[1] == 2:
        return [left, _weight_gradient(ctx)]
    right = ctx.emit("MatMul", _transpose(ctx.graph, a, ranks[0]), ctx.gradient)  # Aᵀ · g
    return [_fit_batch(ctx, left, a), _fit_batch(ctx, right, b)]


def _weight_gradient(ctx: RuleContext) -> str:
    """Return the gradient of B [K, N] in A [..., K] · B: one Gemm over all leading axes of A."""
    rows, gradient = ctx.inputs[0], ctx.gradient
    if len(ctx.graph.shape(rows)) > 2:
        rows = _flatten_rows(ctx.graph, rows, rows)
        gradient = _flatten_rows(ctx.graph, gradient, ctx.output)
    return ctx.emit("Gemm", rows, gradient, transA=1)


def _flatten_rows(graph: Graph, name: str, like: str) -> str:
    """Reshape a tensor that has the shape of `like` [..., K] to a matrix [·, K]."""
    width = graph.shape(like)[-1]
    if isinstance(width, int):
        return graph.emit("Reshape", name, graph.ints(-1, width))
    last = graph.emit("Shape", like, start=-1)
    return graph.emit("Reshape", name, graph.emit("Concat", graph.ints(-1), last, axis=0))


def _transpose(graph: Graph, name: str, rank: int) -> str:
    """Swap the last two axes of a tensor; if the forward graph swapped them, return its input instead."""
    swap = [*range(rank - 2), rank - 1, rank - 2]
    producer = graph.producer(name)
    if (
        producer is not None
        and producer.op_type == "Transpose"
        and node_attributes(producer).get("perm") == swap
    ):
        return str(producer.input[0])
    return graph.emit("Transpose", name, perm=swap)


def _fit_batch(ctx: RuleContext, gradient: str, target: str) -> str:
    """Sum over the batch axes along which `target` was broadcast."""
    batch: Shape = ctx.graph.shape(ctx.output)[:-2]
    return unbroadcast(ctx.graph, gradient, batch + ctx.graph.shape(target)[-2:], target)


@register_rule("Gemm")
def _gemm(ctx: RuleContext) -> list[Contribution]:
    """Differentiate y = α · A' · B' + β · C, where A' and B' may be transposed."""
    (a, b, *c), g = ctx.inputs, ctx.gradient
    alpha = ctx.attributes.get("alpha", 1.0)
    flip_a, flip_b = ctx.attributes.get("transA", 0), ctx.attributes.get("transB", 0)
    if flip_a:
        left = ctx.emit("Gemm", b, g, alpha=alpha, transA=flip_b, transB=1)
    else:
        left = ctx.emit("Gemm", g, b, alpha=alpha, transB=1 - flip_b)
    if flip_b:
        right = ctx.emit("Gemm", g, a, alpha=alpha, transA=1, transB=flip_a)
    else:
        right = ctx.emit("Gemm", a, g, alpha=alpha, transA=1 - flip_a)
    return [left, right, *(_gemm_bias(ctx, name) for name in c)]


def _gemm_bias(ctx: RuleContext, name: str) -> str:
    beta = ctx.attributes.get("beta", 1.0)
    scaled = ctx.gradient if beta == 1 else ctx.emit("Mul", ctx.gradient, ctx.graph.scalar(beta))
    return unbroadcast(ctx.graph, scaled, ctx.graph.shape(ctx.output), name)
