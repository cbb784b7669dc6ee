"""The switches of a recipe, on sounds: what leaves, what stands still, what is zero, what is copied."""

from dataclasses import dataclass, field, replace
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
from device_runtime.training.recipe_text import explained, recipe_of, words_of
from edgecl.arrays import Floats
from edgecl.errors import UsageError
from edgecl.learning.leep import leep
from edgecl.store.blob import TaskBlob
from edgecl.store.store import Store
from edgecl.windows import split_into_windows
from tests.device.conftest import ALARMS, Edgecl
from tests.device.helpers import assert_fails, read_blobs
from tools.demo.synthesise import make_clip

CLIPS, EPOCHS = 6, 4
BATCHED = Recipe(batch=4)


@pytest.fixture(scope="module")
def runtime(bundle: Path) -> Runtime:
    return Runtime.open(bundle, threads=1)


@pytest.fixture(scope="module")
def material(runtime: Runtime) -> TrainingData:
    """Six recordings of each of the demonstration's three alarms."""
    clips = [
        (label, make_clip(label, number).astype(np.float32)) for label in ALARMS for number in range(CLIPS)
    ]
    windows = [split_into_windows(waveform, runtime.window_samples) for _, waveform in clips]
    counts = [len(part) for part in windows]
    examples = Dataset(
        tokens=runtime.backbone.extract_tokens(np.concatenate(windows)),
        labels=np.repeat([ALARMS.index(label) for label, _ in clips], counts),
        recordings=np.repeat(np.arange(len(clips)), counts),
        augmented=np.zeros(sum(counts), np.bool_),
        classes=len(ALARMS),
    )
    return TrainingData.from_dataset(
        examples, runtime.forward, load_initial_parameters(runtime.bundle, len(ALARMS)), seed=0
    )


class Counting(MaskedEngine):
    """An engine that remembers how many windows it was shown, and the last learning rate."""

    shown, rate = 0, 0.0

    def step(self, tokens: Floats, targets: Floats, learning_rate: float, weight_decay: float) -> float:
        self.shown, self.rate = self.shown + len(tokens), learning_rate
        return super().step(tokens, targets, learning_rate, weight_decay)


@dataclass
class Listening:
    """A mask that lets everything through and remembers what it was told."""

    gradients: list[Floats] = field(default_factory=list)

    def apply(self, before: TrainingState, after: TrainingState) -> TrainingState:
        return after

    def update(self, parameters: Floats, gradient: Floats, done: float) -> None:
        self.gradients.append(gradient)


def trained(
    runtime: Runtime, material: TrainingData, recipe: Recipe, engine: str = "portable", seed: int = 0
) -> Floats:
    opened = open_engine(engine, runtime.bundle, 1)
    return Trainer(opened, runtime.forward, recipe, seed, ignore_progress).train(material, EPOCHS)


def one_epoch(engine: Engine, material: TrainingData) -> None:
    every = np.arange(len(material.folds))
    for tokens, targets in iterate_batches(material.dataset, every, BATCHED, np.random.default_rng(0)):
        engine.step(tokens, targets, 1e-3, 1.0)


def matrices(runtime: Runtime, parameters: Floats) -> list[Floats]:
    """The adapter's tensors but for biases, flat."""
    found, start = [], 0
    for tensor in runtime.forward.tensors:
        size = int(np.prod(tensor.shape))
        found += [parameters[start : start + size]] if len(tensor.shape) > 1 else []
        start += size
    return found


@pytest.mark.parametrize("name", list_engines())
def test_without_masks_a_masked_engine_is_the_engine_inside(
    runtime: Runtime, material: TrainingData, name: str
) -> None:
    plain, inside = (open_engine(name, runtime.bundle, 1) for _ in range(2))
    for engine in (plain, MaskedEngine(inside, [])):
        engine.start(material.initial_parameters, material.normalizer)
        one_epoch(engine, material)
    assert plain.parameters().tobytes() == inside.parameters().tobytes()


@pytest.mark.parametrize("name", list_engines())
def test_what_is_masked_keeps_every_bit_of_itself_and_of_its_moments(
    runtime: Runtime, material: TrainingData, name: str
) -> None:
    mask = GradientMask(0.8, material.initial_parameters.size)
    engine = MaskedEngine(open_engine(name, runtime.bundle, 1), [mask])
    engine.start(material.initial_parameters, material.normalizer)
    one_epoch(engine, material)
    engine.update_masks(0.25)
    before = engine.state()
    one_epoch(engine, material)
    after = engine.state()
    moved = after.parameters != before.parameters
    assert 0 < moved.mean() < 0.201
    for vector in ("first_moment", "second_moment"):
        assert np.array_equal(getattr(after, vector)[~moved], getattr(before, vector)[~moved])


def still_at(value: int) -> TrainingState:
    vector = np.full(4, value, np.float32)
    return TrainingState(vector, vector, vector, step=value)


def test_the_largest_gradients_are_let_through() -> None:
    mask = GradientMask(0.5, 4)
    mask.update(np.zeros(4, np.float32), np.array([0.1, -4, 3, 0], np.float32), done=0.5)
    before, after = (still_at(value) for value in (0, 1))
    assert mask.apply(before, after).parameters.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("name", list_engines())
def test_masks_are_told_the_gradient_of_what_they_keep_from_moving_too(
    runtime: Runtime, material: TrainingData, name: str
) -> None:
    still, listening = GradientMask(1.0, material.initial_parameters.size), Listening()
    still.update(material.initial_parameters, material.initial_parameters, done=0.1)
    both: list[list[Mask]] = [[listening], [still, listening]]
    for masks in both:
        engine = MaskedEngine(open_engine(name, runtime.bundle, 1), masks)
        engine.start(material.initial_parameters, material.normalizer)
        batches = iterate_batches(material.dataset, np.arange(8), BATCHED, np.random.default_rng(0))
        engine.step(*next(batches), 1e-3, 1.0)
        engine.update_masks(0.5)
    assert np.array_equal(engine.parameters(), material.initial_parameters)
    free, behind = listening.gradients
    assert np.abs(free).max() > 0.01
    assert np.array_equal(behind, free)


@pytest.mark.parametrize("engine", list_engines())
def test_a_sparse_adapter_has_as_many_weights_as_it_was_allowed_and_its_head_is_dense(
    runtime: Runtime, material: TrainingData, engine: str
) -> None:
    parameters = trained(runtime, material, Recipe(sparsity=0.75), engine)
    for matrix in matrices(runtime, parameters):
        assert np.count_nonzero(matrix) == matrix.size - round(0.75 * matrix.size)
    assert np.count_nonzero(parameters[runtime.forward.adapter_size :]) > 0.99 * len(ALARMS) * 1000


def test_which_weights_live_is_learnt(runtime: Runtime, material: TrainingData) -> None:
    mask = SparseAdapter(0.75, runtime.forward.tensors, material.initial_parameters, np.random.default_rng(0))
    engine = MaskedEngine(open_engine("portable", runtime.bundle, 1), [mask])
    engine.start(material.initial_parameters, material.normalizer)
    first = [np.flatnonzero(matrix) for matrix in matrices(runtime, engine.parameters())]
    for epoch in range(1, EPOCHS + 1):
        one_epoch(engine, material)
        engine.update_masks(epoch / EPOCHS)
    last = [np.flatnonzero(matrix) for matrix in matrices(runtime, engine.parameters())]
    assert not np.array_equal(first[0], last[0])
    assert np.isin(first[0], last[0]).mean() > 0.5


def test_the_easiest_windows_of_each_class_leave_and_never_all_of_one() -> None:
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


def test_less_is_learnt_from_and_the_learning_rate_still_falls_to_nothing(
    runtime: Runtime, material: TrainingData
) -> None:
    shown, windows = {}, len(material.folds)
    for share in (0.0, 0.5):
        engine = Counting(open_engine("portable", runtime.bundle, 1), [])
        recipe = replace(BATCHED, data_removal=share)
        Trainer(engine, runtime.forward, recipe, 0, ignore_progress).train(material, epochs=8)
        shown[share] = engine.shown
        assert engine.rate < 0.02 * recipe.learning_rate
    assert shown[0.0] == 8 * windows
    assert 8 * windows * 0.6 < shown[0.5] < 8 * windows * 0.75


@pytest.mark.skipif(len(list_engines()) < 2, reason="one engine only")
@pytest.mark.parametrize("words", ["data_removal=0.5", "gradient_mask=0.5", "sparsity=0.5"])
def test_both_engines_learn_the_same_by_every_switch(
    runtime: Runtime, material: TrainingData, words: str
) -> None:
    one, other = (trained(runtime, material, recipe_of([words]), name) for name in list_engines())
    assert np.abs(one - other).mean() < 1e-5


def test_a_soup_is_the_mean_of_its_trainings(runtime: Runtime, material: TrainingData) -> None:
    alone = [trained(runtime, material, Recipe(), seed=seed) for seed in (5, 6, 7)]
    together = trained(runtime, material, Recipe(soup=3), seed=5)
    assert np.allclose(together, np.mean(alone, axis=0), atol=1e-7)


def test_leep_is_best_where_one_task_tells_all_of_the_other_and_worst_where_nothing() -> None:
    labels = np.array([0, 0, 1, 1])
    sure = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]], float)
    assert leep(sure, labels) == pytest.approx(0)
    assert leep(np.full((4, 3), 1 / 3), labels) == pytest.approx(np.log(0.5))


def test_an_adapter_starts_from_a_copy_of_another_and_leaves_that_alone(
    edgecl: Edgecl, runtime: Runtime, recordings: Path, tmp_path: Path
) -> None:
    home, by_adapter = tmp_path / "home", ("--method", "adapter", "--recipe", "copies=0")
    edgecl("enroll", "alarms", recordings / "alarms", *by_adapter)
    before = read_blobs(home)
    told = edgecl("enroll", "kitchen", recordings / "kitchen", *by_adapter, "--recipe", "warm_start=on")
    assert told.code == 0
    assert before.items() <= read_blobs(home).items()
    learnt = learnt_task(home, "kitchen", runtime)
    assert learnt.record.training["started_from"] == "alarms"
    assert learnt.record.training["recipe"] == "copies=0 warm_start=on"
    size = runtime.forward.adapter_size
    alarms = learnt_task(home, "alarms", runtime).parameters[:size]
    assert not np.shares_memory(learnt.parameters, alarms)
    distances = [
        np.linalg.norm(learnt.parameters[:size] - start)
        for start in (alarms, load_initial_parameters(runtime.bundle, classes=0))
    ]
    assert distances[0] < distances[1]


def learnt_task(home: Path, name: str, runtime: Runtime) -> TaskBlob:
    with Store.open(home, create=False) as store:
        return load_task(store, name, runtime.bundle.manifest)


def test_a_correction_trains_by_the_recipe_of_the_enrolment(
    edgecl: Edgecl, runtime: Runtime, recordings: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    recipe = ("--recipe", "sparsity=0.9", "--recipe", "copies=0")
    edgecl("enroll", "alarms", recordings / "alarms", "--method", "adapter", *recipe)
    first = learnt_task(home, "alarms", runtime)
    edgecl("correct", recordings / "kitchen" / "knock" / "0.wav", "--not", "alarms/timer")
    corrected = learnt_task(home, "alarms", runtime)
    assert len(corrected.labels) == len(first.labels) + 1
    assert corrected.record.training["recipe"] == "copies=0 sparsity=0.9"
    for matrix in matrices(runtime, corrected.parameters):
        assert np.count_nonzero(matrix) == matrix.size - round(0.9 * matrix.size)


def test_a_recipe_in_words_is_the_same_recipe() -> None:
    recipe = Recipe(epochs=12, learning_rate=2.5e-4, warm_start=True, soup=3)
    assert words_of(recipe) == "epochs=12 learning_rate=0.00025 warm_start=on soup=3"
    assert recipe_of(words_of(recipe).split()) == recipe
    assert words_of(Recipe()) == ""


@pytest.mark.parametrize(
    ("words", "sentence", "hint"),
    [
        (["mixup"], "'mixup' is no KEY=VALUE of a recipe", "explains them: epochs, batch"),
        (["epoch=3"], "a recipe has no 'epoch'; did you mean 'epochs'?", "explains them: epochs, batch"),
        (["epochs=2.5"], "epochs of a recipe is a whole number, not '2.5'", "usually 30"),
        (["warm_start=1"], "warm_start of a recipe is on or off, not '1'", "usually off"),
        (["sparsity=1"], "sparsity of a recipe lies between 0 and 0.99, not at 1", "are zero"),
        (["learning_rate=nan"], "learning_rate of a recipe lies between", "peak"),
        (["soup=3", "sparsity=0.5"], "soup and sparsity exclude each other", "averaged"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_and_explained(words: list[str], sentence: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        recipe_of(words)
    assert sentence in refused.value.message
    assert hint in refused.value.hint


def test_a_misspelt_key_stops_an_enrolment_before_anything_is_heard(
    edgecl: Edgecl, recordings: Path, tmp_path: Path
) -> None:
    told = edgecl("enroll", "alarms", recordings / "alarms", "--recipe", "mixpu=0")
    assert_fails(told, 2, "a recipe has no 'mixpu'; did you mean 'mixup'?", "--recipe help")
    assert not (tmp_path / "home").exists()


def test_a_closed_form_takes_no_number_of_training(edgecl: Edgecl, recordings: Path) -> None:
    told = edgecl("enroll", "alarms", recordings / "alarms", "--method", "ridge", "--recipe", "epochs=9")
    assert_fails(told, 2, "ridge is computed in closed form: 'epochs=9' has no effect", "--method adapter")


def test_recipe_help_explains_every_key(edgecl: Edgecl) -> None:
    told = edgecl("enroll", "--recipe", "help")
    assert told.code == 0
    for word, bounds, _ in explained():
        assert word in told.out
        assert bounds in told.out
