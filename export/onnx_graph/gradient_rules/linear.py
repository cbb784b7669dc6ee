"""Gradients of the matrix products."""

from export.onnx_graph.gradient_rules import Site, rule
from export.onnx_graph.gradient_rules.broadcast import unbroadcast
from export.onnx_graph.gradient_rules.parts import Contribution
from export.onnx_graph.graph import Graph, Shape, attributes


@rule("MatMul")
def _matmul(site: Site) -> list[Contribution]:
    a, b = site.inputs
    ranks = len(site.graph.shape(a)), len(site.graph.shape(b))
    if min(ranks) < 2:
        raise site.refuse("multiplies by a vector")
    left = site.emit("MatMul", site.gradient, _transposed(site.graph, b, ranks[1]))  # g · Bᵀ
    if ranks[1] == 2:
        return [left, _weight_gradient(site)]
    right = site.emit("MatMul", _transposed(site.graph, a, ranks[0]), site.gradient)  # Aᵀ · g
    return [_fit_batch(site, left, a), _fit_batch(site, right, b)]


def _weight_gradient(site: Site) -> str:
    """Gradient of B [K, N] in A [..., K] · B: one Gemm over all leading axes of A at once."""
    rows, gradient = site.inputs[0], site.gradient
    if len(site.graph.shape(rows)) > 2:
        rows, gradient = _flat(site.graph, rows, rows), _flat(site.graph, gradient, site.output)
    return site.emit("Gemm", rows, gradient, transA=1)


def _flat(graph: Graph, name: str, like: str) -> str:
    """A tensor of the shape of `like` [..., K] as matrix [·, K]."""
    width = graph.shape(like)[-1]
    if isinstance(width, int):
        return graph.emit("Reshape", name, graph.ints(-1, width))
    last = graph.emit("Shape", like, start=-1)
    return graph.emit("Reshape", name, graph.emit("Concat", graph.ints(-1), last, axis=0))


def _transposed(graph: Graph, name: str, rank: int) -> str:
    """A tensor with its last two axes swapped; what was a swap in the forward graph is simply undone."""
    swap = [*range(rank - 2), rank - 1, rank - 2]
    producer = graph.producer(name)
    if producer is not None and producer.op_type == "Transpose" and attributes(producer).get("perm") == swap:
        return str(producer.input[0])
    return graph.emit("Transpose", name, perm=swap)


def _fit_batch(site: Site, gradient: str, target: str) -> str:
    """Sum out batch axes along which `target` was broadcast."""
    batch: Shape = site.graph.shape(site.output)[:-2]
    return unbroadcast(site.graph, gradient, batch + site.graph.shape(target)[-2:], target)


@rule("Gemm")
def _gemm(site: Site) -> list[Contribution]:
    """y = α · A' · B' + β · C, where A' and B' may be transposed."""
    (a, b, *c), g = site.inputs, site.gradient
    alpha = site.attributes.get("alpha", 1.0)
    flip_a, flip_b = site.attributes.get("transA", 0), site.attributes.get("transB", 0)
    if flip_a:
        left = site.emit("Gemm", b, g, alpha=alpha, transA=flip_b, transB=1)
    else:
        left = site.emit("Gemm", g, b, alpha=alpha, transB=1 - flip_b)
    if flip_b:
        right = site.emit("Gemm", g, a, alpha=alpha, transA=1, transB=flip_a)
    else:
        right = site.emit("Gemm", a, g, alpha=alpha, transA=1 - flip_a)
    return [left, right, *(_gemm_bias(site, name) for name in c)]


def _gemm_bias(site: Site, name: str) -> str:
    beta = site.attributes.get("beta", 1.0)
    scaled = site.gradient if beta == 1 else site.emit("Mul", site.gradient, site.graph.scalar(beta))
    return unbroadcast(site.graph, scaled, site.graph.shape(site.output), name)
