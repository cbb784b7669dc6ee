"""Gradient of the two-dimensional convolution of stride 1."""

import numpy as np

from export.onnx_graph.gradient_rules import Site, rule
from export.onnx_graph.gradient_rules.parts import Contribution


@rule("Conv")
def _conv(site: Site) -> list[Contribution]:
    settings, (_, *kernel) = _geometry(site)
    dx = site.emit("ConvTranspose", site.gradient, site.inputs[1], kernel_shape=kernel, **settings)
    dbias = site.emit("ReduceSum", site.gradient, site.graph.ints(0, 2, 3), keepdims=0)
    return [dx, _weight_gradient(site), dbias]


def _geometry(site: Site) -> tuple[dict[str, list[int]], tuple[int, int, int]]:
    """Pads and dilations, and the kernel's channels, rows and columns."""
    weight, settings = site.graph.shape(site.inputs[1]), site.attributes
    plain = settings.get("group", 1) == 1 and settings.get("auto_pad", b"NOTSET") == b"NOTSET"
    if len(weight) != 4 or not plain or set(settings.get("strides", [1])) != {1}:
        raise site.refuse("is not a plain 2-D convolution of stride 1")
    channels, rows, columns = weight[1:]
    if not isinstance(channels, int) or not isinstance(rows, int) or not isinstance(columns, int):
        raise site.refuse("has a kernel of unknown size")
    pads, dilations = settings.get("pads", [0, 0, 0, 0]), settings.get("dilations", [1, 1])
    return {"pads": pads, "dilations": dilations}, (channels, rows, columns)


def _weight_gradient(site: Site) -> str:
    """Gradient of the kernel [O, I, h, w], as the product of g with the patches that each output saw.

    The patches (im2col) come from a convolution with one-hot kernels, which also takes care of pads:

        x [B·I, 1, H, W] ─ Conv(one-hot [h·w, 1, h, w]) ─► [B·I, h·w, H', W'] ─► [B, I·h·w, H'·W']
        Σ_B  g [B, O, H'·W'] · patchesᵀ  ─► [O, I·h·w]
    """
    settings, (channels, rows, columns) = _geometry(site)
    (x, weight), taps = site.inputs[:2], rows * columns
    one_hot = site.graph.constant(np.eye(taps, dtype=np.float32).reshape(taps, 1, rows, columns))
    images = site.emit("Reshape", x, site.graph.ints(-1, 1, 0, 0))
    patches = site.emit("Conv", images, one_hot, **settings)

    batch = site.emit("Shape", x, start=0, end=1)
    by_clip = site.emit("Concat", batch, site.graph.ints(taps * channels, -1), axis=0)
    patches = site.emit("Transpose", site.emit("Reshape", patches, by_clip), perm=[0, 2, 1])
    gradient = site.emit("Reshape", site.gradient, site.graph.ints(0, 0, -1))
    per_clip = site.emit("MatMul", gradient, patches)  # [B, O, I·h·w]
    total = site.emit("ReduceSum", per_clip, site.graph.ints(0), keepdims=0)
    return site.emit("Reshape", total, site.graph.shape_tensor(weight))
