"""The portable train step against torch: gradients and AdamW, for many shapes with one graph."""

from dataclasses import dataclass

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from torch import Tensor

from device_runtime.model.session import open_session
from device_runtime.training.engines.base import Engine
from device_runtime.training.engines.portable import PortableEngine
from edgecl.errors import ExportError
from export.engines.train_step import flatten_parameters, make_train_step
from export.golden import flatten_trainables
from export.golden import run_tail as torch_forward
from export.model.adapters import AdaptedTail
from export.onnx_graph.graph import IR_VERSION, OPSET
from tests.tiny_tails import CONFIG, FEATURES, make_tiny_tail

LEARNING_RATE, WEIGHT_DECAY, STEPS = 3e-3, 0.02, 60

BATCHES = [(6, 7, 4), (1, 7, 2), (3, 13, 9), (16, 3, 1)]  # windows B, time columns T, classes C


@dataclass
class OneFile:
    """The part of a bundle's interface that the portable engine uses."""

    train_step: bytes

    def read(self, name: str) -> bytes:
        assert name == "train_step.onnx"
        return self.train_step


@dataclass
class Batch:
    """The tensors of one step, drawn from a seed; if there are several target rows, the last is padding."""

    tokens: Tensor  # [B, N, D]
    targets: Tensor  # [B, C]
    normalizer: Tensor  # [2, P]
    parameters: Tensor  # [n]

    @classmethod
    def draw(cls, tail: AdaptedTail, windows: int, columns: int, classes: int, seed: int = 0) -> "Batch":
        random = torch.Generator().manual_seed(seed)
        targets = torch.rand(windows, classes, generator=random).softmax(-1)
        targets[-1] *= float(windows == 1)
        start = flatten_trainables(tail, torch.zeros(classes, FEATURES + 1))
        return cls(
            torch.randn(windows, 1 + CONFIG.rows * columns, CONFIG.width, generator=random),
            targets,
            torch.rand(2, FEATURES, generator=random) + 0.5,
            start + 0.2 * torch.randn(start.shape, generator=random),
        )


@dataclass
class Exported:
    """An adapted tail in torch, and its graphs."""

    tail: AdaptedTail
    forward: onnx.ModelProto
    adapter: onnx.ModelProto
    step: onnx.ModelProto

    def engine(self) -> Engine:
        return PortableEngine(OneFile(self.step.SerializeToString()), threads=1)

    def torch_logits(self, batch: Batch) -> tuple[Tensor, Tensor]:
        shapes = [value.shape for value in self.tail.trainable().values()]
        return torch_forward(self.tail, shapes, batch.parameters, batch.tokens, batch.normalizer)

    def torch_loss(self, batch: Batch) -> Tensor:
        logits, _ = self.torch_logits(batch)
        return -(batch.targets * logits.log_softmax(-1)).sum() / batch.targets.sum()


@pytest.fixture(scope="module", params=["post", "tail-2"])
def exported(request: pytest.FixtureRequest) -> Exported:
    tail, forward = make_tiny_tail(request.param)
    adapter = flatten_parameters(forward, layout_of(tail))
    return Exported(tail, forward, adapter, make_train_step(adapter))


def layout_of(tail: AdaptedTail) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, tuple(value.shape)) for name, value in tail.trainable().items()]


def run(model: onnx.ModelProto, outputs: list[str], **inputs: Tensor | float) -> list[np.ndarray]:
    feed = {name: np.asarray(value, dtype=np.float32) for name, value in inputs.items()}
    return open_session(model.SerializeToString(), threads=1).run(outputs, feed)


@pytest.mark.parametrize("shape", BATCHES, ids=str)
def test_one_forward_graph_serves_every_batch_length_and_class_count(exported: Exported, shape) -> None:
    batch = Batch.draw(exported.tail, *shape)
    with torch.no_grad():
        expected = exported.torch_logits(batch)

    inputs = {"tokens": batch.tokens, "parameters": batch.parameters, "normalizer": batch.normalizer}
    found = run(exported.adapter, ["logits", "features"], **inputs)

    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("shape", BATCHES, ids=str)
def test_one_step_graph_gives_torchs_loss_and_gradients_at_every_shape(exported: Exported, shape) -> None:
    assert_first_step_is_torchs(exported, Batch.draw(exported.tail, *shape))


@pytest.mark.parametrize("movement", [0.0, 1e-5, 1e-3])
def test_nearly_constant_sounds_have_torchs_gradients_too(exported: Exported, movement: float) -> None:
    """Their deviation over time is a root near zero, where the slope is steep."""
    batch = Batch.draw(exported.tail, *BATCHES[0])
    grid = batch.tokens[:, 1:].unflatten(1, (CONFIG.rows, -1))
    grid.copy_(grid[:, :, :1] + movement * grid)
    assert_first_step_is_torchs(exported, batch)


def assert_first_step_is_torchs(exported: Exported, batch: Batch) -> None:
    batch.parameters.requires_grad_()
    loss = exported.torch_loss(batch)
    (gradients,) = torch.autograd.grad(loss, batch.parameters)
    batch.parameters.requires_grad_(False)

    zeros = torch.zeros_like(batch.parameters)
    found = run(
        exported.step,
        ["loss", "gradients"],
        **vars(batch),
        first_moment=zeros,
        second_moment=zeros,
        learning_rate=0.0,
        weight_decay=0.0,
        bias_correction1=1.0,
        bias_correction2=1.0,
    )

    assert found[0] == pytest.approx(loss.item(), rel=1e-5, abs=1e-6)
    np.testing.assert_allclose(
        found[1], gradients.numpy(), rtol=1e-4, atol=1e-5 * float(gradients.abs().max())
    )


def test_many_steps_end_where_torchs_adamw_ends(exported: Exported) -> None:
    batches = [Batch.draw(exported.tail, *BATCHES[0], seed=seed) for seed in range(5)]
    vector = batches[0].parameters.clone().requires_grad_()
    optimizer = torch.optim.AdamW([vector], lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    engine = exported.engine()
    engine.start(vector.detach().numpy().copy(), batches[0].normalizer.numpy())

    for number in range(STEPS):
        batch = batches[number % len(batches)]
        batch.normalizer, batch.parameters = batches[0].normalizer, vector
        loss = exported.torch_loss(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found = engine.step(batch.tokens.numpy(), batch.targets.numpy(), LEARNING_RATE, WEIGHT_DECAY)
        assert found == pytest.approx(loss.item(), rel=1e-4)

    difference = np.abs(engine.parameters() - vector.detach().numpy())
    assert difference.max() < 2e-5
    assert difference.mean() < 1e-6


def test_a_padding_row_changes_nothing(exported: Exported) -> None:
    batch = Batch.draw(exported.tail, *BATCHES[0])
    padded, shorter = exported.engine(), exported.engine()
    for engine, rows in ((padded, 6), (shorter, 5)):
        engine.start(batch.parameters.numpy(), batch.normalizer.numpy())
        engine.step(batch.tokens[:rows].numpy(), batch.targets[:rows].numpy(), LEARNING_RATE, WEIGHT_DECAY)

    np.testing.assert_allclose(
        padded.state().first_moment, shorter.state().first_moment, rtol=1e-4, atol=1e-7
    )


def test_a_resumed_training_run_is_bit_exact(exported: Exported) -> None:
    batch = Batch.draw(exported.tail, *BATCHES[0])
    arguments = (batch.tokens.numpy(), batch.targets.numpy(), LEARNING_RATE, WEIGHT_DECAY)
    engine = exported.engine()
    engine.start(batch.parameters.numpy(), batch.normalizer.numpy())
    for _ in range(3):
        engine.step(*arguments)
    halfway = engine.state()
    expected = [engine.step(*arguments) for _ in range(3)], engine.parameters()

    engine.start(np.zeros_like(halfway.parameters), batch.normalizer.numpy())  # another task in between
    engine.step(*arguments)
    engine.resume(halfway, batch.normalizer.numpy())

    assert [engine.step(*arguments) for _ in range(3)] == expected[0]
    assert np.array_equal(engine.parameters(), expected[1])


def test_the_step_is_plain_onnx_and_runs_the_forward_once(exported: Exported) -> None:
    ops = [node.op_type for node in exported.step.graph.node]
    forward_ops = [node.op_type for node in exported.adapter.graph.node]

    assert {node.domain for node in exported.step.graph.node} == {""}
    assert [(entry.domain, entry.version) for entry in exported.step.opset_import] == [("", OPSET)]
    assert exported.step.ir_version == IR_VERSION
    for op in ("Sigmoid", "Softmax", "LayerNormalization", "Erf"):  # no gradient rule emits these
        assert ops.count(op) == forward_ops.count(op)


def test_a_layout_with_other_shapes_is_rejected(exported: Exported) -> None:
    name, shape = layout_of(exported.tail)[0]
    with pytest.raises(ExportError, match=f"'{name}' has the shape .* as in the layout"):
        flatten_parameters(exported.forward, [(name, (*shape, 1))])


def test_a_trainable_tensor_that_is_not_an_input_is_rejected(exported: Exported) -> None:
    with pytest.raises(ExportError, match=r"no input 'adapters\.missing'"):
        flatten_parameters(exported.forward, [("adapters.missing", (3,))])


def test_an_op_without_a_gradient_rule_stops_the_export(exported: Exported) -> None:
    model = onnx.ModelProto.FromString(exported.adapter.SerializeToString())
    logits = model.graph.node[-1]
    logits.output[0] = "before"
    model.graph.node.append(helper.make_node("Round", ["before"], ["logits"], name="rounding"))
    with pytest.raises(
        ExportError, match=r"no gradient rule for the Round node 'rounding' \(output 'logits'\)"
    ):
        make_train_step(model)
