"""The ort-training engine against torch; one test per pitfall of onnxruntime-training."""

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from device_runtime.model.session import open_session
from device_runtime.training.engines.ort_training import NO_CLASS, OrtTrainingEngine
from device_runtime.training.engines.portable import PortableEngine
from edgecl.arrays import Floats
from edgecl.bundle.manifest import AdapterSpec, Description, Geometry, TensorSpec
from edgecl.errors import EngineError, ExportError
from export.engines.ort_training import ARTIFACTS, write_artifacts
from export.engines.train_step import flatten_parameters, make_train_step
from export.model.adapters import AdaptedTail
from export.model.ast import DEFAULT_FRONT_END
from tests.tiny_tails import CONFIG, FEATURES, RANK, make_tiny_tail

CLASSES, MAX_CLASSES = 4, 7
TOKENS = 1 + CONFIG.rows * CONFIG.columns
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 0.02


@dataclass
class FolderBundle:
    """The part of a bundle's interface that an engine uses."""

    path: Path
    manifest: Description

    def read(self, name: str) -> bytes:
        return self.path.joinpath(name).read_bytes()


@dataclass
class Case:
    tail: AdaptedTail
    forward: onnx.ModelProto
    bundle: FolderBundle

    def engine(self) -> OrtTrainingEngine:
        return OrtTrainingEngine(self.bundle, threads=1)

    def task(self, seed: int, classes: int = CLASSES) -> tuple[Floats, Floats]:
        """Draw parameters [n] and a normalizer [2, P]."""
        rng = np.random.default_rng(seed)
        size = self.bundle.manifest.adapter_size + classes * (FEATURES + 1)
        normalizer = np.stack([rng.standard_normal(FEATURES), rng.uniform(0.5, 2.0, FEATURES)])
        return (0.2 * rng.standard_normal(size)).astype(np.float32), normalizer.astype(np.float32)


@pytest.fixture(scope="module", params=["post", "tail-2"])
def case(request, tmp_path_factory) -> Case:
    (tail, forward), path = make_tiny_tail(request.param), tmp_path_factory.mktemp("bundle")
    write_artifacts(forward, path / "ort_training", MAX_CLASSES)
    return Case(tail, forward, FolderBundle(path, describe(tail)))


def describe(tail: AdaptedTail) -> Description:
    return Description(
        name="tiny",
        created="2026-01-01",
        front_end=DEFAULT_FRONT_END,
        geometry=Geometry(
            window_samples=CONFIG.window_samples,
            frequency_rows=CONFIG.rows,
            time_columns=CONFIG.columns,
            special_tokens=CONFIG.special_tokens,
            width=CONFIG.width,
            blocks=CONFIG.depth,
            heads=CONFIG.heads,
            attention=CONFIG.attention,
            pooling=CONFIG.pooling,
        ),
        variant="fp16",
        adapter=AdapterSpec(kind="conv", rank=RANK, placement=tail.placement.name),
        parameters=tuple(TensorSpec(name=n, shape=tuple(v.shape)) for n, v in tail.trainable().items()),
        max_classes=MAX_CLASSES,
        engines=("ort-training",),
        licence="Apache-2.0",
        origin="random",
    )


def batch(seed: int, classes: int = CLASSES) -> tuple[Floats, Floats]:
    """Draw tokens [6, N, D] and soft targets [6, C]; the last row is padding."""
    rng = np.random.default_rng(1000 + seed)
    targets = rng.dirichlet(np.ones(classes), 6)
    targets[5] = 0
    tokens = rng.standard_normal((6, TOKENS, CONFIG.width))
    return tokens.astype(np.float32), targets.astype(np.float32)


class TorchTrainer:
    """The reference: torch autograd and torch.optim.AdamW, started from the same flat vector."""

    def __init__(self, tail: AdaptedTail, flat: Floats, normalizer: Floats) -> None:
        self.tail, self.normalizer = tail, torch.tensor(normalizer)
        shapes = {name: tuple(value.shape) for name, value in tail.trainable().items()}
        parts = np.split(flat, np.cumsum([prod(shape) for shape in shapes.values()]))
        shapes["head"] = (-1, FEATURES + 1)
        self.tensors = {
            name: torch.nn.Parameter(torch.tensor(part.reshape(shape)))
            for (name, shape), part in zip(shapes.items(), parts, strict=True)
        }
        self.adamw = torch.optim.AdamW(self.tensors.values(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    def step(self, tokens: Floats, targets: Floats) -> float:
        adapters = {name: value for name, value in self.tensors.items() if name != "head"}
        inputs = (torch.tensor(tokens), self.normalizer, self.tensors["head"])
        logits, _ = torch.func.functional_call(self.tail, adapters, inputs)
        wanted = torch.tensor(targets)
        loss = -(wanted * logits.log_softmax(-1)).sum() / wanted.sum()
        self.adamw.zero_grad()
        loss.backward()
        self.adamw.step()
        return loss.item()

    def parameters(self) -> Floats:
        return torch.cat([tensor.detach().flatten() for tensor in self.tensors.values()]).numpy()

    def gradients(self) -> list[Floats]:
        return [tensor.grad.flatten().numpy() for tensor in self.tensors.values()]


def train(engine: OrtTrainingEngine, steps: range, classes: int = CLASSES) -> None:
    for seed in steps:
        engine.step(*batch(seed, classes), LEARNING_RATE, WEIGHT_DECAY)


def relative(difference: Floats, reference: Floats) -> float:
    return float(np.abs(difference - reference).max() / np.abs(reference).max())


def test_loss_and_gradients_equal_torch_autograd(case):
    task = case.task(0)
    engine, reference = case.engine(), TorchTrainer(case.tail, *task)
    engine.start(*task)

    loss = engine.step(*batch(0), LEARNING_RATE, WEIGHT_DECAY)

    assert loss == pytest.approx(reference.step(*batch(0)), abs=1e-5)
    gradients = reference.gradients()
    found = engine.state().first_moment / np.float32(0.1)  # 1 − β₁ of the gradient, at the first step
    ours = np.split(found, np.cumsum([each.size for each in gradients[:-1]]))
    for mine, theirs in zip(ours, gradients, strict=True):
        assert relative(mine, theirs) < 1e-5


def test_fifty_steps_equal_torch_adamw(case):
    task = case.task(1)
    engine, reference = case.engine(), TorchTrainer(case.tail, *task)
    engine.start(*task)

    for seed in range(50):
        ours = engine.step(*batch(seed), LEARNING_RATE, WEIGHT_DECAY)
        assert ours == pytest.approx(reference.step(*batch(seed)), abs=1e-5)

    difference = np.abs(engine.parameters() - reference.parameters())
    assert difference.mean() <= 1e-6
    assert np.abs(engine.parameters() - task[0]).mean() > 1e-2, "it did train"


def test_gradients_as_small_as_epsilon_still_step_as_in_torch(case):
    """With tiny gradients epsilon determines the step: 1e-6, or Hugging Face's order, differs by far."""
    parameters, normalizer = case.task(2)
    normalizer[1] *= 1e-7
    engine, reference = case.engine(), TorchTrainer(case.tail, parameters, normalizer)
    engine.start(parameters, normalizer)

    for seed in range(3):
        engine.step(*batch(seed), LEARNING_RATE, WEIGHT_DECAY)
        reference.step(*batch(seed))

    assert np.abs(engine.parameters() - reference.parameters()).max() < 1e-5


def test_training_a_task_does_not_depend_on_tasks_trained_before(case):
    engine, fresh = case.engine(), case.engine()
    engine.start(*case.task(3, classes=6))
    train(engine, range(5), classes=6)

    for each in (engine, fresh):
        each.start(*case.task(4))
        train(each, range(5))

    assert engine.parameters().tobytes() == fresh.parameters().tobytes()


def test_resuming_in_another_engine_is_bit_exact(case):
    whole, first, second = case.engine(), case.engine(), case.engine()
    parameters, normalizer = case.task(5)
    whole.start(parameters, normalizer)
    train(whole, range(8))

    first.start(parameters, normalizer)
    train(first, range(3))
    state = first.state()
    train(first, range(3, 4))  # the state is a copy, which this does not change
    second.resume(state, normalizer)
    train(second, range(3, 8))

    assert second.parameters().tobytes() == whole.parameters().tobytes()
    assert second.state().step == 8


def test_parameters_are_returned_unchanged_before_the_first_step(case):
    engine = case.engine()
    for classes in (2, CLASSES, MAX_CLASSES):
        parameters, normalizer = case.task(6, classes)
        before = parameters.copy()
        engine.start(parameters, normalizer)
        assert engine.parameters().tobytes() == before.tobytes()
        engine.step(*batch(0, classes), LEARNING_RATE, WEIGHT_DECAY)
        assert parameters.tobytes() == before.tobytes(), "the caller's vector is not trained in place"


def test_padding_rows_stay_zero_and_have_no_denormal_probabilities(case):
    """Denormal numbers slow some processors down."""
    engine = case.engine()
    engine.start(*case.task(seed=0))
    train(engine, range(50))
    task = engine._require_task()
    for vector in (task.parameters, task.gradients, task.first_moment, task.second_moment):
        assert not vector[task.size :].any()
    assert np.exp(np.float32(NO_CLASS)) > np.finfo(np.float32).tiny


def test_the_error_for_more_classes_than_rows_suggests_the_portable_engine(case):
    with pytest.raises(EngineError, match="8 classes") as error:
        case.engine().start(*case.task(7, classes=MAX_CLASSES + 1))
    assert "--engine portable" in error.value.hint


def test_models_are_ir_10_and_use_onnx_and_microsoft_operators_only(case):
    for name in ARTIFACTS[:3]:
        model = onnx.load(case.bundle.path / "ort_training" / name)
        assert model.ir_version == 10
        assert {entry.domain for entry in model.opset_import} <= {"", "com.microsoft"}


def test_the_official_training_classes_read_the_artifacts_and_agree(case):
    """An application on ORT's own training API gets the same result; it has to apply the weight decay."""
    from onnxruntime.training.api import CheckpointState, Module, Optimizer  # noqa: PLC0415

    folder = case.bundle.path / "ort_training"
    checkpoint = CheckpointState.load_checkpoint(folder / "checkpoint")
    module = Module(folder / "training_model.onnx", checkpoint, folder / "eval_model.onnx")
    adamw = Optimizer(folder / "optimizer_model.onnx", module)
    adamw.set_learning_rate(LEARNING_RATE)
    parameters, normalizer = np.zeros_like(case.task(0)[0]), case.task(0)[1]
    engine = case.engine()
    engine.start(parameters, normalizer)
    mask = np.where(np.arange(MAX_CLASSES) < CLASSES, 0, NO_CLASS).astype(np.float32)

    for seed in range(3):
        tokens, targets = batch(seed)
        padded = np.pad(targets, ((0, 0), (0, MAX_CLASSES - CLASSES)))
        loss = module(tokens, normalizer, mask, padded)[0]
        adamw.step()
        module.lazy_reset_grad()
        assert float(loss) == pytest.approx(engine.step(tokens, targets, LEARNING_RATE, 0.0), abs=1e-6)

    assert np.abs(checkpoint.parameters["head"].data[:CLASSES]).max() > 0
    head = engine.parameters()[-CLASSES * (FEATURES + 1) :].reshape(CLASSES, -1)
    np.testing.assert_allclose(checkpoint.parameters["head"].data[:CLASSES], head, atol=1e-7)


def test_the_gradient_of_a_split_with_an_unused_output_is_correct(tmp_path):
    write_artifacts(split_with_unused_output(), tmp_path, max_classes=3)
    assert relative(*split_gradients(tmp_path)) < 1e-5


def test_without_our_pass_that_gradient_is_silently_wrong(tmp_path, monkeypatch):
    """The pitfall itself; if onnxruntime fixes it, `_replace_splits` can be removed."""
    monkeypatch.setattr("export.engines.ort_training._replace_splits", lambda model: None)
    write_artifacts(split_with_unused_output(), tmp_path, max_classes=3)
    assert relative(*split_gradients(tmp_path)) > 0.1


def split_with_unused_output() -> onnx.ModelProto:
    """Make a model of logits [B, 3] = the last three columns of tokens [B, 4] @ adapter.weight [4, 4]."""
    nodes = [
        helper.make_node("MatMul", ["tokens", "adapter.weight"], ["product"]),
        helper.make_node("Split", ["product", "sizes"], ["unused", "logits"], axis=1),
    ]
    shapes = {"tokens": ["batch", 4], "adapter.weight": [4, 4], "logits": ["batch", 3]}
    *inputs, logits = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
    sizes = numpy_helper.from_array(np.array([1, 3], np.int64), "sizes")
    graph = helper.make_graph(nodes, "split", inputs, [logits], [sizes])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def split_gradients(folder: Path) -> tuple[Floats, Floats]:
    """Compute the gradient of adapter.weight with the training model and with torch."""
    rng = np.random.default_rng(0)
    tokens, weight = (rng.standard_normal((4, 4)).astype(np.float32) for _ in range(2))
    targets, gradient = np.eye(4, 3, dtype=np.float32), np.zeros((4, 4), np.float32)
    session = open_session((folder / "training_model.onnx").read_bytes(), threads=1)
    feeds = {"tokens": tokens, "targets": targets, "class_mask": np.zeros(3, np.float32)}
    buffer = {"adapter.weight_grad.accumulation.buffer": gradient, "lazy_reset_grad": np.array([True])}
    session.run(None, {**feeds, **buffer, "adapter.weight": weight})

    reference = torch.tensor(weight, requires_grad=True)
    logits = (torch.tensor(tokens) @ reference)[:, 1:]
    (-(torch.tensor(targets) * logits.log_softmax(-1)).sum() / targets.sum()).backward()
    return gradient, reference.grad.numpy()


def test_layer_norms_with_equal_constants_need_copies_of_their_own(tmp_path, monkeypatch):
    """The norms of an untrained block are all ones and zeros, which the exporter merges."""
    _, forward = make_tiny_tail("tail-2")
    norms = [node for node in forward.graph.node if node.op_type == "LayerNormalization"]
    assert len({node.input[1] for node in norms}) < len(norms)

    monkeypatch.setattr("export.engines.ort_training._separate_layer_norms", lambda graph: None)
    with pytest.raises(ExportError, match="cannot differentiate"):
        write_artifacts(forward, tmp_path)


def test_opset_22_is_rejected(case, tmp_path):
    newer = onnx.ModelProto()
    newer.CopyFrom(case.forward)
    newer.opset_import[0].version = 22
    with pytest.raises(ExportError, match="opset 22"):
        write_artifacts(newer, tmp_path)


ON_A_DEVICE = """
import hashlib, sys
from pathlib import Path
from types import SimpleNamespace

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[2:]:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())

import numpy as np
from device_runtime.training.engines.ort_training import NO_CLASS, OrtTrainingEngine
from edgecl.bundle.manifest import Description

folder = Path(sys.argv[1])
manifest = Description.model_validate_json((folder / "description.json").read_bytes())
bundle = SimpleNamespace(manifest=manifest, read=lambda name: (folder / name).read_bytes())
case = np.load(folder / "case.npz")
engine = OrtTrainingEngine(bundle, threads=1)
engine.start(case["parameters"], case["normalizer"])
for _ in range(3):
    engine.step(case["tokens"], case["targets"], 1e-3, 0.0)
digest = hashlib.sha256(engine.parameters().tobytes()).hexdigest()
print(digest, "torch" in sys.modules, "onnx" in sys.modules)
"""


@pytest.mark.parametrize("missing", [["torch", "onnx"], []], ids=["missing", "installed"])
def test_training_needs_no_torch_and_does_not_import_it(case, missing):
    folder, (parameters, normalizer), (tokens, targets) = case.bundle.path, case.task(8), batch(0)
    (folder / "description.json").write_text(case.bundle.manifest.model_dump_json())
    np.savez(
        folder / "case.npz", parameters=parameters, normalizer=normalizer, tokens=tokens, targets=targets
    )
    engine = case.engine()
    engine.start(parameters, normalizer)
    for _ in range(3):
        engine.step(tokens, targets, 1e-3, 0.0)

    command = [sys.executable, "-c", ON_A_DEVICE, str(folder), *missing]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    here = hashlib.sha256(engine.parameters().tobytes()).hexdigest()
    assert printed.split() == [here, "False", "False"]


def test_both_engines_train_to_the_same_parameters(case):
    layout = [(tensor.name, tensor.shape) for tensor in case.bundle.manifest.parameters]
    step = make_train_step(flatten_parameters(case.forward, layout))
    (case.bundle.path / "train_step.onnx").write_bytes(step.SerializeToString())
    engines = [case.engine(), PortableEngine(case.bundle, threads=1)]
    for engine in engines:
        engine.start(*case.task(9))

    for seed in range(50):
        losses = [engine.step(*batch(seed), LEARNING_RATE, WEIGHT_DECAY) for engine in engines]
        assert losses[0] == pytest.approx(losses[1], abs=1e-5)

    first, second = (engine.state() for engine in engines)
    assert np.abs(first.parameters - second.parameters).mean() <= 1e-6
    assert relative(first.first_moment, second.first_moment) < 1e-4
    assert relative(first.second_moment, second.second_moment) < 1e-4


def test_a_training_run_started_by_one_engine_can_be_finished_by_the_other(case):
    portable = PortableEngine(case.bundle, threads=1)
    parameters, normalizer = case.task(10)
    whole, first = case.engine(), case.engine()
    whole.start(parameters, normalizer)
    train(whole, range(10))
    first.start(parameters, normalizer)
    train(first, range(5))

    portable.resume(first.state(), normalizer)
    train(portable, range(5, 10))

    assert np.abs(portable.parameters() - whole.parameters()).mean() <= 1e-6
