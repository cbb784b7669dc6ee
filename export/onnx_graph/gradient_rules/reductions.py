"""Gradients of sums, means, softmax and layer normalisation: ops that look along an axis."""

from onnx import TensorProto

from export.onnx_graph.gradient_rules import Site, rule
from export.onnx_graph.gradient_rules.parts import Contribution


def _spread(site: Site, gradient: str) -> str:
    """A reduced gradient stretched over the reduced axes again."""
    axes = site.constant_ints(1)
    if axes and not site.attributes.get("keepdims", 1):
        gradient = site.emit("Unsqueeze", gradient, site.graph.ints(*axes))
    return site.emit("Expand", gradient, site.graph.shape_tensor(site.inputs[0]))


def _is_noop(site: Site) -> bool:
    return not site.constant_ints(1) and bool(site.attributes.get("noop_with_empty_axes", 0))


@rule("ReduceSum")
def _reduce_sum(site: Site) -> list[Contribution]:
    return [site.gradient if _is_noop(site) else _spread(site, site.gradient)]


@rule("ReduceMean")
def _reduce_mean(site: Site) -> list[Contribution]:
    if _is_noop(site):
        return [site.gradient]
    sizes = [site.emit("Size", name) for name in (site.inputs[0], site.output)]
    averaged = site.emit("Cast", site.emit("Div", *sizes), to=TensorProto.FLOAT)
    return [_spread(site, site.emit("Div", site.gradient, averaged))]


@rule("Softmax")
def _softmax(site: Site) -> list[Contribution]:
    weighted = site.emit("Mul", site.gradient, site.output)
    return [site.emit("Sub", weighted, site.emit("Mul", site.output, _sum(site, weighted)))]  # y (g − Σ g y)


@rule("LogSoftmax")
def _log_softmax(site: Site) -> list[Contribution]:
    share = site.emit("Mul", site.emit("Exp", site.output), _sum(site, site.gradient))
    return [site.emit("Sub", site.gradient, share)]  # g − exp(y) Σ g


def _sum(site: Site, name: str) -> str:
    axis = site.graph.ints(site.attributes.get("axis", -1))
    return site.emit("ReduceSum", name, axis, keepdims=1)


@rule("LayerNormalization")
def _layer_normalization(site: Site) -> list[Contribution]:
    """With n = (x − mean) / σ and h = g · scale:  dx = (h − mean(h) − n · mean(h · n)) / σ."""
    x, scale = site.inputs[:2]
    rank = len(site.graph.shape(x))
    first = site.attributes.get("axis", -1) % rank
    lead, inner = site.graph.ints(*range(first)), site.graph.ints(*range(first, rank))
    mean, inverse = (site.graph.optional_output(site.node, i) for i in (1, 2))

    normed = site.emit("Mul", site.emit("Sub", x, mean), inverse)
    h = site.emit("Mul", site.gradient, scale)
    along = site.emit("ReduceMean", site.emit("Mul", h, normed), inner)
    centred = site.emit("Sub", h, site.emit("ReduceMean", h, inner))
    dx = site.emit("Mul", site.emit("Sub", centred, site.emit("Mul", normed, along)), inverse)

    dscale = site.emit("ReduceSum", site.emit("Mul", site.gradient, normed), lead, keepdims=0)
    dbias = site.emit("ReduceSum", site.gradient, lead, keepdims=0)
    return [dx, dscale, dbias]
