"""The optional training methods, on the demonstration's sounds."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from device_runtime.data.dataset import Dataset
from device_runtime.data.task_loader import load_task
from device_runtime.model.adapter import load_initial_parameters
from device_runtime.model.runtime import Runtime
from device_runtime.system.progress import ignore_progress
from device_runtime.training.batches import iterate_batches
from device_runtime.training.efficiency.data_removal import DataRemoval
from device_runtime.training.efficiency.gradient_mask import GradientMask
from device_runtime.training.efficiency.masked_engine import Mask, MaskedEngine
from device_runtime.training.efficiency.sparse_adapter import SparseAdapter
from device_runtime.training.engines.base import Engine, TrainingState
from device_runtime.training.engines.factory import list_engines, open_engine
from device_runtime.training.methods.adapter import Trainer
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.recipe import Recipe
from edgecl.arrays import Floats
from edgecl.store.blob import TaskBlob
from edgecl.store.store import Store
from edgecl.windows import split_into_windows
from tests.device.conftest import ALARMS, Edgecl
from tests.device.helpers import read_blobs
from tools.demo.synthesise import make_clip

CLIPS, EPOCHS = 6, 4
BATCHED = Recipe(batch=4)


@pytest.fixture(scope="module")
def runtime(bundle: Path) -> Runtime:
    return Runtime.open(bundle, threads=1)


@pytest.fixture(scope="module")
def data(runtime: Runtime) -> TrainingData:
    """Six recordings of each of the demonstration's three alarms."""
    clips = [
        (label, make_clip(label, number).astype(np.float32)) for label in ALARMS for number in range(CLIPS)
    ]
    windows = [split_into_windows(waveform, runtime.window_samples) for _, waveform in clips]
    counts = [len(part) for part in windows]
    dataset = Dataset(
        tokens=runtime.backbone.extract_tokens(np.concatenate(windows)),
        labels=np.repeat([ALARMS.index(label) for label, _ in clips], counts),
        recordings=np.repeat(np.arange(len(clips)), counts),
        augmented=np.zeros(sum(counts), np.bool_),
        classes=len(ALARMS),
    )
    return TrainingData.from_dataset(
        dataset, runtime.forward, load_initial_parameters(runtime.bundle, len(ALARMS)), seed=0
    )


class CountingEngine:
    """An engine that counts the windows it was trained on and cannot be masked."""

    name = "counting"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.windows, self.learning_rate = 0, 0.0

    def start(self, parameters: Floats, normalizer: Floats) -> None:
        self._engine.start(parameters, normalizer)

    def resume(self, state: TrainingState, normalizer: Floats) -> None:
        raise AssertionError("only masks resume an engine between steps")

    def step(self, tokens: Floats, targets: Floats, learning_rate: float, weight_decay: float) -> float:
        self.windows, self.learning_rate = self.windows + len(tokens), learning_rate
        return self._engine.step(tokens, targets, learning_rate, weight_decay)

    def parameters(self) -> Floats:
        return self._engine.parameters()

    def state(self) -> TrainingState:
        raise AssertionError("only masks read the state between steps")


@dataclass
class RecordingMask:
    """A mask that masks nothing and keeps the gradients it is updated with."""

    gradients: list[Floats] = field(default_factory=list)

    def apply(self, before: TrainingState, after: TrainingState) -> TrainingState:
        return after

    def update(self, parameters: Floats, gradient: Floats, done: float) -> None:
        self.gradients.append(gradient)


def train(
    runtime: Runtime, data: TrainingData, recipe: Recipe, engine: str = "portable", seed: int = 0
) -> Floats:
    opened = open_engine(engine, runtime.bundle, 1)
    return Trainer(opened, runtime.forward, recipe, seed, ignore_progress).train(data, EPOCHS)


def train_epoch(engine: Engine, data: TrainingData) -> None:
    every = np.arange(len(data.folds))
    for tokens, targets in iterate_batches(data.dataset, every, BATCHED, np.random.default_rng(0)):
        engine.step(tokens, targets, 1e-3, 1.0)


def get_matrices(runtime: Runtime, parameters: Floats) -> list[Floats]:
    """Return the adapter's matrices, flat; biases are left out."""
    found, start = [], 0
    for tensor in runtime.forward.tensors:
        size = int(np.prod(tensor.shape))
        found += [parameters[start : start + size]] if len(tensor.shape) > 1 else []
        start += size
    return found


def test_a_recipe_without_masks_trains_on_the_engine_itself(runtime: Runtime, data: TrainingData) -> None:
    engine = CountingEngine(open_engine("portable", runtime.bundle, 1))
    parameters = Trainer(engine, runtime.forward, Recipe(), 0, ignore_progress).train(data, EPOCHS)
    assert parameters.tobytes() == train(runtime, data, Recipe()).tobytes()


@pytest.mark.parametrize("name", list_engines())
def test_a_mask_that_masks_nothing_changes_no_bit(runtime: Runtime, data: TrainingData, name: str) -> None:
    plain, inside = (open_engine(name, runtime.bundle, 1) for _ in range(2))
    for engine in (plain, MaskedEngine(inside, [RecordingMask()])):
        engine.start(data.initial_parameters, data.normalizer)
        train_epoch(engine, data)
    assert plain.parameters().tobytes() == inside.parameters().tobytes()


@pytest.mark.parametrize("name", list_engines())
def test_masked_parameters_and_their_moments_keep_every_bit(
    runtime: Runtime, data: TrainingData, name: str
) -> None:
    mask = GradientMask(0.8, data.initial_parameters.size)
    engine = MaskedEngine(open_engine(name, runtime.bundle, 1), [mask])
    engine.start(data.initial_parameters, data.normalizer)
    train_epoch(engine, data)
    engine.update_masks(0.25)
    before = engine.state()
    train_epoch(engine, data)
    after = engine.state()
    moved = after.parameters != before.parameters
    assert 0 < moved.mean() < 0.201
    for vector in ("first_moment", "second_moment"):
        assert np.array_equal(getattr(after, vector)[~moved], getattr(before, vector)[~moved])


def make_state(value: int) -> TrainingState:
    vector = np.full(4, value, np.float32)
    return TrainingState(vector, vector, vector, step=value)


def test_the_parameters_with_the_largest_gradients_are_trained() -> None:
    mask = GradientMask(0.5, 4)
    mask.update(np.zeros(4, np.float32), np.array([0.1, -4, 3, 0], np.float32), done=0.5)
    before, after = (make_state(value) for value in (0, 1))
    assert mask.apply(before, after).parameters.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("name", list_engines())
def test_masks_are_updated_with_the_gradients_of_masked_parameters_too(
    runtime: Runtime, data: TrainingData, name: str
) -> None:
    freezing, recording = GradientMask(1.0, data.initial_parameters.size), RecordingMask()
    freezing.update(data.initial_parameters, data.initial_parameters, done=0.1)
    both: list[list[Mask]] = [[recording], [freezing, recording]]
    for masks in both:
        engine = MaskedEngine(open_engine(name, runtime.bundle, 1), masks)
        engine.start(data.initial_parameters, data.normalizer)
        batches = iterate_batches(data.dataset, np.arange(8), BATCHED, np.random.default_rng(0))
        engine.step(*next(batches), 1e-3, 1.0)
        engine.update_masks(0.5)
    assert np.array_equal(engine.parameters(), data.initial_parameters)
    free, masked = recording.gradients
    assert np.abs(free).max() > 0.01
    assert np.array_equal(masked, free)


@pytest.mark.parametrize("engine", list_engines())
def test_a_sparse_adapter_has_the_requested_share_of_zeros_and_a_dense_head(
    runtime: Runtime, data: TrainingData, engine: str
) -> None:
    parameters = train(runtime, data, Recipe(sparsity=0.75), engine)
    for matrix in get_matrices(runtime, parameters):
        assert np.count_nonzero(matrix) == matrix.size - round(0.75 * matrix.size)
    head = parameters[runtime.forward.adapter_size :]
    assert np.count_nonzero(head) > 0.99 * head.size


def test_which_weights_are_zero_changes_in_training(runtime: Runtime, data: TrainingData) -> None:
    mask = SparseAdapter(0.75, runtime.forward.tensors, data.initial_parameters, np.random.default_rng(0))
    engine = MaskedEngine(open_engine("portable", runtime.bundle, 1), [mask])
    engine.start(data.initial_parameters, data.normalizer)
    first = [np.flatnonzero(matrix) for matrix in get_matrices(runtime, engine.parameters())]
    for epoch in range(1, EPOCHS + 1):
        train_epoch(engine, data)
        engine.update_masks(epoch / EPOCHS)
    last = [np.flatnonzero(matrix) for matrix in get_matrices(runtime, engine.parameters())]
    assert not np.array_equal(first[0], last[0])
    assert np.isin(first[0], last[0]).mean() > 0.5


def test_the_easiest_windows_of_each_class_are_removed_but_never_all_of_one() -> None:
    labels = np.array([0] * 10 + [1] * 4 + [2])
    losses = np.arange(15, dtype=np.float32)
    removal = DataRemoval(0.9, labels, epochs=8)
    assert [epoch for epoch in range(1, 9) if removal.is_due(epoch)] == [2, 4]
    windows = removal.select_remaining(np.arange(15), labels, losses)
    assert windows.tolist() == [4, 5, 6, 7, 8, 9, 11, 12, 13, 14]
    windows = removal.select_remaining(windows, labels[windows], losses[windows])
    assert windows.tolist() == [8, 9, 12, 13, 14]
    for _ in range(5):
        windows = removal.select_remaining(windows, labels[windows], losses[windows])
    assert set(labels[windows]) == {0, 1, 2}


def test_data_removal_trains_on_fewer_windows_and_the_learning_rate_still_falls_to_zero(
    runtime: Runtime, data: TrainingData
) -> None:
    counts, windows = {}, len(data.folds)
    for share in (0.0, 0.5):
        engine = CountingEngine(open_engine("portable", runtime.bundle, 1))
        recipe = Recipe(batch=4, data_removal=share)
        Trainer(engine, runtime.forward, recipe, 0, ignore_progress).train(data, epochs=8)
        counts[share] = engine.windows
        assert engine.learning_rate < 0.02 * recipe.learning_rate
    assert counts[0.0] == 8 * windows
    assert 8 * windows * 0.6 < counts[0.5] < 8 * windows * 0.75


@pytest.mark.skipif(len(list_engines()) < 2, reason="one engine only")
@pytest.mark.parametrize("setting", ["data_removal=0.5", "gradient_mask=0.5", "sparsity=0.5"])
def test_both_engines_train_the_same_parameters_by_every_method(
    runtime: Runtime, data: TrainingData, setting: str
) -> None:
    one, other = (train(runtime, data, Recipe.parse([setting]), name) for name in list_engines())
    assert np.abs(one - other).mean() < 1e-5


def test_a_soup_is_the_mean_of_its_trainings(runtime: Runtime, data: TrainingData) -> None:
    alone = [train(runtime, data, Recipe(), seed=seed) for seed in (5, 6, 7)]
    together = train(runtime, data, Recipe(soup=3), seed=5)
    assert np.allclose(together, np.mean(alone, axis=0), atol=1e-7)


def test_a_warm_start_copies_an_adapter_and_leaves_its_task_unchanged(
    edgecl: Edgecl, runtime: Runtime, recordings: Path, tmp_path: Path
) -> None:
    home, options = tmp_path / "home", ("--method", "adapter", "--recipe", "copies=0")
    edgecl("enroll", "alarms", recordings / "alarms", *options)
    before = read_blobs(home)
    result = edgecl("enroll", "kitchen", recordings / "kitchen", *options, "--recipe", "warm_start=on")
    assert result.code == 0
    assert before.items() <= read_blobs(home).items()
    task = load_stored_task(home, "kitchen", runtime)
    assert task.record.training["started_from"] == "alarms"
    assert task.record.training["recipe"] == "copies=0 warm_start=on"
    size = runtime.forward.adapter_size
    alarms = load_stored_task(home, "alarms", runtime).parameters[:size]
    assert not np.shares_memory(task.parameters, alarms)
    distances = [
        np.linalg.norm(task.parameters[:size] - start)
        for start in (alarms, load_initial_parameters(runtime.bundle, classes=0))
    ]
    assert distances[0] < distances[1]


def load_stored_task(home: Path, name: str, runtime: Runtime) -> TaskBlob:
    with Store.open(home, create=False) as store:
        return load_task(store, name, runtime.bundle.manifest)


def test_a_correction_trains_by_the_recipe_of_the_enrolment(
    edgecl: Edgecl, runtime: Runtime, recordings: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    recipe = ("--recipe", "sparsity=0.9", "--recipe", "copies=0")
    edgecl("enroll", "alarms", recordings / "alarms", "--method", "adapter", *recipe)
    first = load_stored_task(home, "alarms", runtime)
    edgecl("correct", recordings / "kitchen" / "knock" / "0.wav", "--not", "alarms/timer")
    corrected = load_stored_task(home, "alarms", runtime)
    assert len(corrected.labels) == len(first.labels) + 1
    assert corrected.record.training["recipe"] == "copies=0 sparsity=0.9"
    for matrix in get_matrices(runtime, corrected.parameters):
        assert np.count_nonzero(matrix) == matrix.size - round(0.9 * matrix.size)
