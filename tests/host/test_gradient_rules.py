"""Every gradient rule against torch autograd, with sizes known at export or at run time only."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx.parser
import onnxruntime
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper
from torch.nn.functional import layer_norm, pad

from edgecl.errors import ExportError
from export.onnx_graph.autodiff import append_gradients
from export.onnx_graph.gradient_rules import list_differentiable_ops
from export.onnx_graph.graph import Graph

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Case:
    """One forward expression in ONNX text and the same in torch."""

    ops: str  # ends with an assignment to y
    torch: Callable[..., torch.Tensor]
    shapes: Shapes
    positive: bool = False
    fixed: str = ""  # inputs whose sizes a rule must know at export


def case(ops: str, function: Callable[..., torch.Tensor], *, positive=False, fixed="", **shapes) -> Case:
    return Case(ops, function, shapes, positive, fixed)


def ints(name: str, *values: int) -> str:
    listed = ", ".join(map(str, values))
    return f"{name} = Constant <value = int64[{len(values)}] {{{listed}}}> ()\n"


def slice_of(x: str, start: int, end: int, axis: int, y: str = "y") -> str:
    constants = ints(y + "s", start) + ints(y + "e", end) + ints(y + "a", axis)
    return constants + f"{y} = Slice({x}, {y}s, {y}e, {y}a)\n"


CONV = "y = Conv <pads = [1, 1, 1, 1], kernel_shape = [3, 3]> (a, k, b)"
WIDE_CONV = "y = Conv <pads = [2, 1, 0, 1], dilations = [2, 1], kernel_shape = [3, 2]> (a, k)"
NORM = "y = LayerNormalization <axis = -1, epsilon = 1e-5> (a, s, b)"
MASK = "c = Constant <value = bool[3] {1, 0, 1}> ()\n"

CASES = [
    case("y = Add(a, b)", lambda a, b: a + b, a=(2, 3), b=(3,)),
    case("y = Add(a, b)", lambda a, b: a + b, a=(2, 1, 3), b=(4, 1)),
    case("y = Sub(a, b)", lambda a, b: a - b, a=(1, 3), b=(2, 3)),
    case("y = Mul(a, b)", lambda a, b: a * b, a=(2, 3), b=()),
    case("y = Mul(a, a)", lambda a: a * a, a=(2, 3)),
    case("y = Div(a, b)", lambda a, b: a / b, a=(3,), b=(2, 3), positive=True),
    case("y = Neg(a)", torch.neg, a=(2, 3)),
    case("y = Reciprocal(a)", torch.reciprocal, a=(2, 3), positive=True),
    case("y = Sqrt(a)", torch.sqrt, a=(2, 3), positive=True),
    case("e = Constant <value = float {2.0}> ()\ny = Pow(a, e)", lambda a: a**2, a=(2, 3)),
    case("e = Constant <value = float {-1.5}> ()\ny = Pow(a, e)", lambda a: a**-1.5, a=(2, 3), positive=True),
    case("y = Exp(a)", torch.exp, a=(2, 3)),
    case("y = Log(a)", torch.log, a=(2, 3), positive=True),
    case("y = Erf(a)", torch.erf, a=(2, 3)),
    case("y = Sigmoid(a)", torch.sigmoid, a=(2, 3)),
    case("y = Tanh(a)", torch.tanh, a=(2, 3)),
    case("y = Relu(a)", torch.relu, a=(2, 3)),
    case(
        MASK + "y = Where(c, a, b)",
        lambda a, b: torch.where(torch.tensor([1, 0, 1]) > 0, a, b),
        a=(2, 3),
        b=(1,),
    ),
    case("y = Identity(a)", torch.clone, a=(2, 3)),
    case("d = Cast <to = 11> (a)\ny = Cast <to = 1> (d)", torch.clone, a=(2, 3)),
    case("y = MatMul(a, b)", lambda a, b: a @ b, a=(2, 3), b=(3, 4)),
    case("y = MatMul(a, b)", lambda a, b: a @ b, a=(2, 5, 3), b=(3, 4)),
    case("y = MatMul(a, b)", lambda a, b: a @ b, a=(2, 1, 5, 3), b=(6, 3, 4)),
    case("y = MatMul(a, b)", lambda a, b: a @ b, a=(5, 3), b=(2, 3, 4)),
    case("t = Transpose <perm = [1, 0]> (b)\ny = MatMul(a, t)", lambda a, b: a @ b.T, a=(2, 5, 3), b=(4, 3)),
    case("y = Gemm(a, b)", lambda a, b: a @ b, a=(2, 3), b=(3, 4)),
    case(
        "y = Gemm <alpha = 0.5, beta = 2.0, transA = 1> (a, b, c)",
        lambda a, b, c: 0.5 * a.T @ b + 2 * c,
        a=(3, 2),
        b=(3, 4),
        c=(4,),
    ),
    case("y = Gemm <transB = 1> (a, b, c)", lambda a, b, c: a @ b.T + c, a=(2, 3), b=(4, 3), c=(2, 1)),
    case("y = Gemm <transA = 1, transB = 1> (a, b)", lambda a, b: a.T @ b.T, a=(3, 2), b=(4, 3)),
    case(ints("s", 3, -1) + "y = Reshape(a, s)", lambda a: a.reshape(3, -1), a=(2, 3, 4)),
    case("y = Flatten <axis = 2> (a)", lambda a: a.flatten(0, 1), a=(2, 3, 4)),
    case("y = Transpose <perm = [2, 0, 1]> (a)", lambda a: a.permute(2, 0, 1), a=(2, 3, 4)),
    case("y = Transpose(a)", lambda a: a.permute(2, 1, 0), a=(2, 3, 4)),
    case(ints("x", 1) + "y = Squeeze(a, x)", lambda a: a.squeeze(1), a=(2, 1, 4), fixed="a"),
    case("y = Squeeze(a)", torch.squeeze, a=(2, 1, 4), fixed="a"),
    case(ints("x", 0, -1) + "y = Unsqueeze(a, x)", lambda a: a[None, ..., None], a=(2, 3)),
    case(ints("s", 2, 4, 3) + "y = Expand(a, s)", lambda a: a.expand(2, 4, 3), a=(4, 1)),
    case("y = Concat <axis = -1> (a, b, a)", lambda a, b: torch.cat([a, b, a], -1), a=(2, 3), b=(2, 1)),
    case(slice_of("a", 1, 2**62, 1), lambda a: a[:, 1:], a=(2, 4)),
    case(slice_of("a", -3, -1, 1), lambda a: a[:, -3:-1], a=(2, 4)),
    case(slice_of("a", 0, 2, -1), lambda a: a[:, :2], a=(2, 4)),
    case(
        slice_of("a", 0, 1, 1, "p") + slice_of("a", 1, 2**62, 1, "q") + "y = Concat <axis = 1> (q, p)",
        lambda a: torch.cat([a[:, 1:], a[:, :1]], 1),
        a=(2, 4),
    ),
    case(
        slice_of("a", 0, 3, 1, "p") + slice_of("a", 1, 4, 1, "q") + "y = Mul(q, p)",
        lambda a: a[:, 1:4] * a[:, :3],
        a=(2, 4),
    ),
    case(
        "p, q, r = Split <axis = 1, num_outputs = 3> (a)\ny = Mul(r, p)",
        lambda a: a[:, :2] * a[:, 4:],
        a=(2, 6),
        fixed="a",
    ),
    case("i = Constant <value = int64 {-1}> ()\ny = Gather <axis = 1> (a, i)", lambda a: a[:, -1], a=(2, 4)),
    case(ints("i", 2, 0, 2) + "y = Gather <axis = 1> (a, i)", lambda a: a[:, [2, 0, 2]], a=(2, 4)),
    case(ints("s", 1, 0, 0, 2) + "y = Pad(a, s)", lambda a: pad(a, (0, 2, 1, 0)), a=(2, 3)),
    case(
        ints("s", 0, 1) + ints("x", 1) + "o = Constant <value = float {1.0}> ()\ny = Pad(a, s, o, x)",
        lambda a: pad(a, (0, 1), value=1.0),
        a=(2, 3),
    ),
    case(ints("x", 0, -1) + "y = ReduceSum <keepdims = 0> (a, x)", lambda a: a.sum((0, 2)), a=(2, 3, 4)),
    case("y = ReduceSum(a)", lambda a: a.sum().reshape(1, 1), a=(2, 3)),
    case(ints("x") + "y = ReduceSum <noop_with_empty_axes = 1> (a, x)", torch.clone, a=(2, 3)),
    case(ints("x", 1) + "y = ReduceMean(a, x)", lambda a: a.mean(1, keepdim=True), a=(2, 3)),
    case(ints("x", 1) + "y = ReduceMean <keepdims = 0> (a, x)", lambda a: a.mean(1), a=(2, 3)),
    case("y = Softmax <axis = 1> (a)", lambda a: a.softmax(1), a=(2, 3, 4)),
    case("y = LogSoftmax(a)", lambda a: a.log_softmax(-1), a=(2, 3)),
    case(
        NORM,
        lambda a, s, b: layer_norm(a, (4,), s, b),
        a=(2, 3, 4),
        s=(4,),
        b=(4,),
        fixed="sb",
    ),
    case(
        CONV,
        lambda a, k, b: torch.conv2d(a, k, b, padding=1),
        a=(2, 3, 4, 5),
        k=(6, 3, 3, 3),
        b=(6,),
        fixed="k",
    ),
    case(
        CONV,
        lambda a, k, b: torch.conv2d(a, k, b, padding=1),
        a=(2, 3, 1, 1),
        k=(6, 3, 3, 3),
        b=(6,),
        fixed="k",
    ),
    case(
        WIDE_CONV,
        lambda a, k: torch.conv2d(pad(a, (1, 1, 2, 0)), k, dilation=(2, 1)),
        a=(2, 3, 5, 4),
        k=(2, 3, 3, 2),
        fixed="k",
    ),
]


def model_of(
    ops: str, shapes: Shapes, y_shape: tuple[int, ...], symbolic: bool, fixed: str = ""
) -> ModelProto:
    """Make a model whose loss is Σ w · y; with `symbolic`, each size is a different symbol."""

    def declare(name: str, shape: tuple[int, ...]) -> str:
        hidden = symbolic and name not in fixed
        sizes = [f"{name}{i}" if hidden else str(size) for i, size in enumerate(shape)]
        return f"float[{','.join(sizes)}] {name}" if sizes else f"float {name}"

    inputs = ", ".join(declare(name, shape) for name, shape in {**shapes, "w": y_shape}.items())
    return onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 18]> test ({inputs}) => (float loss) {{\n{ops}\n'
        "weighted = Mul(y, w)\nloss = ReduceSum <keepdims = 0> (weighted)\n}"
    )


def gradients_of(model: ModelProto, values: dict[str, torch.Tensor], wrt: list[str]) -> list[np.ndarray]:
    graph = Graph(model)
    names = append_gradients(graph, "loss", wrt)
    for name in wrt:
        graph.emit_as(f"d{name}", "Identity", names[name])
    rank = {name: len(graph.shape(name)) for name in wrt}
    outputs = [
        helper.make_tensor_value_info(f"d{n}", TensorProto.FLOAT, [f"d{n}{i}" for i in range(rank[n])])
        for n in wrt
    ]
    session = onnxruntime.InferenceSession(
        graph.finish(outputs).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    used = {value.name for value in session.get_inputs()}
    feed = {name: value.detach().numpy() for name, value in values.items() if name in used}
    return session.run(None, feed)


def assert_matches_torch(example: Case, symbolic: bool, wrt: list[str] | None = None) -> None:
    generator = torch.Generator().manual_seed(1)
    values = {name: torch.randn(shape, generator=generator) for name, shape in example.shapes.items()}
    if example.positive:
        values = {name: value.abs() + 0.5 for name, value in values.items()}
    wrt = wrt or list(values)
    for name in wrt:
        values[name].requires_grad_()
    y = example.torch(**values)
    w = torch.randn(y.shape, generator=generator)
    expected = torch.autograd.grad((y * w).sum(), [values[name] for name in wrt])

    model = model_of(example.ops, example.shapes, tuple(y.shape), symbolic, example.fixed)
    found = gradients_of(model, {**values, "w": w}, wrt)
    for name, ours, theirs in zip(wrt, found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=2e-5, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("symbolic", [False, True], ids=["known sizes", "unknown sizes"])
@pytest.mark.parametrize("example", CASES, ids=lambda example: example.ops.splitlines()[-1])
def test_a_rule_gives_the_same_gradient_as_torch(example: Case, symbolic: bool) -> None:
    assert_matches_torch(example, symbolic)


def test_every_rule_has_a_case() -> None:
    seen = {node.op_type for c in CASES for node in model_of(c.ops, c.shapes, (), False).graph.node}
    assert seen >= set(list_differentiable_ops())


SIZES = st.integers(min_value=1, max_value=4)


@st.composite
def broadcast_shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Draw two shapes that broadcast against each other."""
    full = draw(st.lists(SIZES, max_size=3))
    stretched = [
        [1 if draw(st.booleans()) else size for size in full][draw(st.integers(0, len(full))) :] for _ in "ab"
    ]
    return tuple(stretched[0]), tuple(stretched[1])


@settings(max_examples=25, deadline=None)
@given(shapes=broadcast_shapes(), symbolic=st.booleans())
def test_the_gradient_of_any_broadcast_is_a_sum(shapes: tuple[tuple[int, ...], ...], symbolic: bool) -> None:
    assert_matches_torch(case("y = Mul(a, b)", lambda a, b: a * b, a=shapes[0], b=shapes[1]), symbolic)


@settings(max_examples=50, deadline=None)
@given(size=SIZES, start=st.integers(-6, 6), end=st.integers(-6, 6) | st.just(2**62), symbolic=st.booleans())
def test_the_gradient_of_any_slice_is_padded(size: int, start: int, end: int, symbolic: bool) -> None:
    """This includes slices beyond the end of an axis whose size is known at run time only."""
    assume(range(size)[start:end])  # onnxruntime fails on a loss of an empty tensor
    assert_matches_torch(case(slice_of("a", start, end, 1), lambda a: a[:, start:end], a=(2, size)), symbolic)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 6])
@pytest.mark.parametrize("bounds", [(3, -2), (-2, 3), (2, 3), (-3, -2)], ids=str)
def test_slices_that_tile_a_long_axis_may_overlap_on_a_short_one(size: int, bounds: tuple[int, int]) -> None:
    first, second = bounds
    ops = (
        slice_of("a", 0, first, 1, "p")
        + slice_of("a", first, second, 1, "q")
        + slice_of("a", second, 2**62, 1, "r")
        + "y = Concat <axis = 1> (r, p, q)"
    )

    def pieces(a: torch.Tensor) -> torch.Tensor:
        return torch.cat([a[:, second:], a[:, :first], a[:, first:second]], 1)

    assert_matches_torch(case(ops, pieces, a=(2, size)), symbolic=True)


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(SIZES, min_size=1, max_size=4), unknown=st.sets(st.integers(0, 3)))
def test_the_gradient_of_any_concatenation_is_split(sizes: list[int], unknown: set[int]) -> None:
    shapes = {f"x{i}": (2, size) for i, size in enumerate(sizes)}
    fixed = "".join(name for i, name in enumerate(shapes) if i not in unknown)
    ops = f"y = Concat <axis = 1> ({', '.join(shapes)})"
    assert_matches_torch(case(ops, lambda **x: torch.cat(list(x.values()), 1), fixed=fixed, **shapes), True)


def test_a_tensor_used_several_times_receives_the_sum() -> None:
    ops = "p = Exp(a)\nq = Mul(p, a)\nr = Add(q, a)\ny = Add(r, p)"
    assert_matches_torch(case(ops, lambda a: a.exp() * a + a + a.exp(), a=(2, 3)), False)


def test_a_branch_that_the_loss_does_not_depend_on_is_ignored() -> None:
    ops = "p, q = Split <axis = 1, num_outputs = 2> (a)\ndead = Floor(q)\ny = Exp(p)"
    assert_matches_torch(case(ops, lambda a: a[:, :2].exp(), a=(2, 4)), False)


def test_only_nodes_between_the_given_tensors_and_the_loss_are_differentiated() -> None:
    ops = "frozen = Floor(b)\ny = Mul(a, frozen)"
    assert_matches_torch(case(ops, lambda a, b: a * b.floor(), a=(2, 3), b=(2, 3)), False, wrt=["a"])


def test_the_error_for_an_op_without_a_rule_names_its_node_and_output() -> None:
    model = model_of("[rounding] p = Floor(a)\ny = Exp(p)", {"a": (2, 3)}, (2, 3), False)
    with pytest.raises(ExportError, match=r"no gradient rule for the Floor node 'rounding' \(output 'p'\)"):
        append_gradients(Graph(model), "loss", ["a"])


@pytest.mark.parametrize(
    ("ops", "reason"),
    [
        ("y = Conv <strides = [2, 2], kernel_shape = [3, 3]> (a, k)", "plain 2-D convolution of stride 1"),
        ("y = Conv <group = 2, kernel_shape = [3, 3]> (a, h)", "plain 2-D convolution of stride 1"),
        ("y = Pow(a, a)", "exponent"),
        (ints("s", 0, 0) + ints("e", 1, 1) + "y = Slice(a, s, e)", "more than one axis"),
    ],
)
def test_a_node_that_its_rule_cannot_differentiate_is_rejected(ops: str, reason: str) -> None:
    model = model_of(ops, {"a": (2, 2, 5, 5), "k": (2, 2, 3, 3), "h": (2, 1, 3, 3)}, (1,), False)
    with pytest.raises(ExportError, match=f"no gradient: .*{reason}"):
        append_gradients(Graph(model), "loss", ["a"])


def test_a_loss_that_does_not_depend_on_a_given_tensor_is_rejected() -> None:
    model = model_of("y = Exp(a)", {"a": (2,), "b": (2,)}, (2,), False)
    with pytest.raises(ExportError, match="does not depend on 'b'"):
        append_gradients(Graph(model), "loss", ["a", "b"])


def test_a_node_of_a_non_standard_domain_is_rejected_even_if_unused() -> None:
    model = model_of("y = Exp(a)", {"a": (2,)}, (2,), False)
    model.graph.node.append(helper.make_node("Gelu", ["a"], ["unused"], domain="com.microsoft", name="fast"))
    with pytest.raises(ExportError, match=r"Gelu node 'fast' .* non-standard domain 'com\.microsoft'"):
        Graph(model)


def test_a_graph_of_another_opset_is_rejected() -> None:
    model = model_of("y = Exp(a)", {"a": (2,)}, (2,), False)
    model.opset_import[0].version = 17
    with pytest.raises(ExportError, match="opset 17, not 18"):
        Graph(model)
