"""Gradient of the two-dimensional convolution with stride 1."""

import numpy as np

from . import RuleContext, register_rule
from .parts import Contribution


@register_rule("Conv")
def _conv(ctx: RuleContext) -> list[Contribution]:
    settings, (_, *kernel) = _read_geometry(ctx)
    dx = ctx.emit("ConvTranspose", ctx.gradient, ctx.inputs[1], kernel_shape=kernel, **settings)
    dbias = ctx.emit("ReduceSum", ctx.gradient, ctx.graph.ints(0, 2, 3), keepdims=0)
    return [dx, _weight_gradient(ctx), dbias]


def _read_geometry(ctx: RuleContext) -> tuple[dict[str, list[int]], tuple[int, int, int]]:
    """Return pads and dilations, and the kernel's channels, rows and columns."""
    weight, settings = ctx.graph.shape(ctx.inputs[1]), ctx.attributes
    plain = settings.get("group", 1) == 1 and settings.get("auto_pad", b"NOTSET") == b"NOTSET"
    if len(weight) != 4 or not plain or set(settings.get("strides", [1])) != {1}:
        raise ctx.make_error("is not a plain 2-D convolution of stride 1")
    channels, rows, columns = weight[1:]
    if not isinstance(channels, int) or not isinstance(rows, int) or not isinstance(columns, int):
        raise ctx.make_error("has a kernel of unknown size")
    pads, dilations = settings.get("pads", [0, 0, 0, 0]), settings.get("dilations", [1, 1])
    return {"pads": pads, "dilations": dilations}, (channels, rows, columns)


def _weight_gradient(ctx: RuleContext) -> str:
    """Return the gradient of the kernel [O, I, h, w]: the product of g and the input patches (im2col).

    The patches are computed by a convolution with one-hot kernels, which also applies the padding:

        x [B·I, 1, H, W] ─ Conv(one-hot [h·w, 1, h, w]) ─► [B·I, h·w, H', W'] ─► [B, I·h·w, H'·W']
        Σ_B  g [B, O, H'·W'] · patchesᵀ  ─► [O, I·h·w]
    """
    settings, (channels, rows, columns) = _read_geometry(ctx)
    (x, weight), taps = ctx.inputs[:2], rows * columns
    one_hot = ctx.graph.constant(np.eye(taps, dtype=np.float32).reshape(taps, 1, rows, columns))
    images = ctx.emit("Reshape", x, ctx.graph.ints(-1, 1, 0, 0))
    patches = ctx.emit("Conv", images, one_hot, **settings)

    batch = ctx.emit("Shape", x, start=0, end=1)
    by_clip = ctx.emit("Concat", batch, ctx.graph.ints(taps * channels, -1), axis=0)
    patches = ctx.emit("Transpose", ctx.emit("Reshape", patches, by_clip), perm=[0, 2, 1])
    gradient = ctx.emit("Reshape", ctx.gradient, ctx.graph.ints(0, 0, -1))
    per_clip = ctx.emit("MatMul", gradient, patches)  # [B, O, I·h·w]
    total = ctx.emit("ReduceSum", per_clip, ctx.graph.ints(0), keepdims=0)
    return ctx.emit("Reshape", total, ctx.graph.emit_shape(weight))
