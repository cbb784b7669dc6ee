"""Gradients of ops that move values without changing them."""

from ..graph import END
from . import RuleContext, register_rule
from .broadcast import unbroadcast
from .parts import Contribution, Part, compute_bounds, count_unknown


@register_rule("Reshape", "Flatten")
def _reshape(ctx: RuleContext) -> list[Contribution]:
    return [ctx.emit("Reshape", ctx.gradient, _emit_input_shape(ctx))]


def _emit_input_shape(ctx: RuleContext) -> str:
    """Return the input's shape as a Reshape target, constant if 0 (copy the size) and one −1 suffice."""
    output = dict(enumerate(ctx.graph.shape(ctx.output)))
    target = [
        size if isinstance(size, int) else 0 if size is not None and output.get(axis) == size else -1
        for axis, size in enumerate(ctx.graph.shape(ctx.inputs[0]))
    ]
    if target.count(-1) > 1:
        return ctx.graph.emit_shape(ctx.inputs[0])
    return ctx.graph.ints(*target)


@register_rule("Squeeze", "Unsqueeze")
def _squeeze(ctx: RuleContext) -> list[Contribution]:
    axes = ctx.constant_ints(1)
    if axes is None:  # a Squeeze of every axis of size 1
        return _reshape(ctx)
    inverse = "Unsqueeze" if ctx.node.op_type == "Squeeze" else "Squeeze"
    return [ctx.emit(inverse, ctx.gradient, ctx.graph.ints(*axes))]


@register_rule("Transpose")
def _transpose(ctx: RuleContext) -> list[Contribution]:
    rank = len(ctx.graph.shape(ctx.inputs[0]))
    order = list(ctx.attributes.get("perm", range(rank)[::-1]))
    return [ctx.emit("Transpose", ctx.gradient, perm=[order.index(axis) for axis in range(rank)])]


@register_rule("Expand")
def _expand(ctx: RuleContext) -> list[Contribution]:
    shape = ctx.graph.shape(ctx.output)
    return [unbroadcast(ctx.graph, ctx.gradient, shape, ctx.inputs[0])]


@register_rule("Concat")
def _concat(ctx: RuleContext) -> list[Contribution]:
    axis = ctx.attributes["axis"]
    sizes = tuple(ctx.graph.shape(name)[axis] for name in ctx.inputs)
    if count_unknown(sizes) <= 1:
        return [_emit_slice(ctx, start, end, axis) for start, end in compute_bounds(sizes)]
    lengths = [ctx.emit("Gather", ctx.emit("Shape", name), ctx.graph.ints(axis)) for name in ctx.inputs]
    split = ctx.emit("Concat", *lengths, axis=0)
    return list(ctx.graph.emit_many("Split", ctx.gradient, split, outputs=len(sizes), axis=axis))


def _emit_slice(ctx: RuleContext, start: int, end: int | None, axis: int) -> str:
    bounds = (start, END if end is None else end, axis)
    return ctx.emit("Slice", ctx.gradient, *(ctx.graph.ints(bound) for bound in bounds))


@register_rule("Pad")
def _pad(ctx: RuleContext) -> list[Contribution]:
    pads, rank = ctx.constant_ints(1) or [], len(ctx.graph.shape(ctx.output))
    axes = ctx.constant_ints(3) or list(range(rank))
    if ctx.attributes.get("mode", b"constant") != b"constant" or min(pads) < 0:
        raise ctx.make_error("does not pad with constants, or removes values")
    starts, trailing = pads[: len(axes)], pads[len(axes) :]
    ends = [-size if size else END for size in trailing]
    return [ctx.emit("Slice", ctx.gradient, *(ctx.graph.ints(*v) for v in (starts, ends, axes)))]


@register_rule("Slice")
def _slice(ctx: RuleContext) -> list[Contribution]:
    starts, ends, axes, steps = (ctx.constant_ints(index) for index in (1, 2, 3, 4))
    if not starts or not ends or len(starts) > 1 or steps not in (None, [1]):
        raise ctx.make_error("slices more than one axis, or has a step")
    return [[_make_part(ctx, ctx.gradient, axes[0] if axes else 0, starts[0], ends[0])]]


@register_rule("Split")
def _split(ctx: RuleContext) -> list[Contribution]:
    axis = ctx.attributes.get("axis", 0)
    sizes = tuple(ctx.graph.shape(name)[axis] for name in ctx.node.output)
    if count_unknown(sizes) > 1:
        raise ctx.make_error("splits an axis of unknown size")
    bounds = zip(ctx.gradients, compute_bounds(sizes), strict=True)
    return [[_make_part(ctx, g, axis, start, end) for g, (start, end) in bounds if g is not None]]


@register_rule("Gather")
def _gather(ctx: RuleContext) -> list[Contribution]:
    index = ctx.graph.value(ctx.inputs[1])
    if index is None or index.ndim > 1:
        raise ctx.make_error("has an index that is not a constant number or list")
    axis = ctx.attributes.get("axis", 0)
    if index.ndim == 0:
        pieces = [ctx.emit("Unsqueeze", ctx.gradient, ctx.graph.ints(axis))]
    else:
        pieces = [_emit_slice(ctx, i, i + 1, axis) for i in range(index.size)]
    indices = [int(i) for i in index.reshape(-1)]
    return [[_make_part(ctx, g, axis, i, i + 1 or None) for g, i in zip(pieces, indices, strict=True)]]


def _make_part(ctx: RuleContext, gradient: str, axis: int, start: int, end: int | None) -> Part:
    """Return the gradient of input[start:end] with normalised bounds."""
    shape = ctx.graph.shape(ctx.inputs[0])
    size = shape[axis]
    if isinstance(size, int):
        start, end = range(size)[start:end].start, range(size)[start:end].stop
        end = None if end == size else end
    elif end is not None and end >= 2**31 - 1:
        end = None
    return Part(gradient, axis % len(shape), start, end)
