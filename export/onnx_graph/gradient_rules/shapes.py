"""Gradients of the ops that move values about without changing them."""

from export.onnx_graph.gradient_rules import Site, rule
from export.onnx_graph.gradient_rules.broadcast import unbroadcast
from export.onnx_graph.gradient_rules.parts import Contribution, Part, edges, unknown
from export.onnx_graph.graph import END


@rule("Reshape", "Flatten")
def _reshape(site: Site) -> list[Contribution]:
    return [site.emit("Reshape", site.gradient, _shape_back(site))]


def _shape_back(site: Site) -> str:
    """The input's shape for Reshape: a constant if 0 ("as in the output") and one −1 can say it."""
    output = dict(enumerate(site.graph.shape(site.output)))
    target = [
        size if isinstance(size, int) else 0 if size is not None and output.get(axis) == size else -1
        for axis, size in enumerate(site.graph.shape(site.inputs[0]))
    ]
    if target.count(-1) > 1:
        return site.graph.shape_tensor(site.inputs[0])
    return site.graph.ints(*target)


@rule("Squeeze", "Unsqueeze")
def _squeeze(site: Site) -> list[Contribution]:
    axes = site.constant_ints(1)
    if axes is None:  # a Squeeze of whatever has size 1
        return _reshape(site)
    back = "Unsqueeze" if site.node.op_type == "Squeeze" else "Squeeze"
    return [site.emit(back, site.gradient, site.graph.ints(*axes))]


@rule("Transpose")
def _transpose(site: Site) -> list[Contribution]:
    rank = len(site.graph.shape(site.inputs[0]))
    order = list(site.attributes.get("perm", range(rank)[::-1]))
    return [site.emit("Transpose", site.gradient, perm=[order.index(axis) for axis in range(rank)])]


@rule("Expand")
def _expand(site: Site) -> list[Contribution]:
    shape = site.graph.shape(site.output)
    return [unbroadcast(site.graph, site.gradient, shape, site.inputs[0])]


@rule("Concat")
def _concat(site: Site) -> list[Contribution]:
    axis = site.attributes["axis"]
    sizes = tuple(site.graph.shape(name)[axis] for name in site.inputs)
    if unknown(sizes) <= 1:
        return [_slice(site, start, end, axis) for start, end in edges(sizes)]
    lengths = [site.emit("Gather", site.emit("Shape", name), site.graph.ints(axis)) for name in site.inputs]
    split = site.emit("Concat", *lengths, axis=0)
    return list(site.graph.emit_many("Split", site.gradient, split, outputs=len(sizes), axis=axis))


def _slice(site: Site, start: int, end: int | None, axis: int) -> str:
    bounds = (start, END if end is None else end, axis)
    return site.emit("Slice", site.gradient, *(site.graph.ints(bound) for bound in bounds))


@rule("Pad")
def _pad(site: Site) -> list[Contribution]:
    pads, rank = site.constant_ints(1) or [], len(site.graph.shape(site.output))
    axes = site.constant_ints(3) or list(range(rank))
    if site.attributes.get("mode", b"constant") != b"constant" or min(pads) < 0:
        raise site.refuse("does more than put constants around a tensor")
    starts, behind = pads[: len(axes)], pads[len(axes) :]
    ends = [-size if size else END for size in behind]
    return [site.emit("Slice", site.gradient, *(site.graph.ints(*v) for v in (starts, ends, axes)))]


@rule("Slice")
def _slice_rule(site: Site) -> list[Contribution]:
    starts, ends, axes, steps = (site.constant_ints(index) for index in (1, 2, 3, 4))
    if not starts or not ends or len(starts) > 1 or steps not in (None, [1]):
        raise site.refuse("cuts more than one axis, or has a step")
    return [[_part(site, site.gradient, axes[0] if axes else 0, starts[0], ends[0])]]


@rule("Split")
def _split(site: Site) -> list[Contribution]:
    axis = site.attributes.get("axis", 0)
    sizes = tuple(site.graph.shape(name)[axis] for name in site.node.output)
    if unknown(sizes) > 1:
        raise site.refuse("cuts an axis of unknown size")
    bounds = zip(site.gradients, edges(sizes), strict=True)
    return [[_part(site, g, axis, start, end) for g, (start, end) in bounds if g is not None]]


@rule("Gather")
def _gather(site: Site) -> list[Contribution]:
    index = site.graph.value(site.inputs[1])
    if index is None or index.ndim > 1:
        raise site.refuse("has an index that is not a constant number or list")
    axis = site.attributes.get("axis", 0)
    if index.ndim == 0:
        pieces = [site.emit("Unsqueeze", site.gradient, site.graph.ints(axis))]
    else:
        pieces = [_slice(site, i, i + 1, axis) for i in range(index.size)]
    chosen = [int(i) for i in index.reshape(-1)]
    return [[_part(site, g, axis, i, i + 1 or None) for g, i in zip(pieces, chosen, strict=True)]]


def _part(site: Site, gradient: str, axis: int, start: int, end: int | None) -> Part:
    """The gradient of input[start:end], its bounds in their plainest form."""
    shape = site.graph.shape(site.inputs[0])
    size = shape[axis]
    if isinstance(size, int):
        start, end = range(size)[start:end].start, range(size)[start:end].stop
        end = None if end == size else end
    elif end is not None and end >= 2**31 - 1:
        end = None
    return Part(gradient, axis % len(shape), start, end)
