"""Training an adapter on a real bundle: folds by recording, learns, stops, repeats itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device_runtime.data.dataset import FOLDS, NEVER_HELD_OUT, Dataset, assign_folds
from device_runtime.model.adapter import load_initial_parameters
from device_runtime.model.runtime import Runtime
from device_runtime.system.progress import ignore_progress
from device_runtime.training.engines.factory import list_engines, open_engine
from device_runtime.training.methods.adapter import EpochSelector, TrainedAdapter, Trainer
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.recipe import Recipe, Schedule
from device_runtime.training.validation import ValidationResult

QUICK = Recipe(epochs=6, patience=6)


@pytest.fixture(scope="module")
def runtime(bundle: Path) -> Runtime:
    return Runtime.open(bundle, threads=1)


@pytest.fixture(scope="module")
def examples(runtime: Runtime) -> Dataset:
    """Three classes of noise around a token grid of their own: 8 recordings each, 2 windows a recording."""
    random = np.random.default_rng(1)
    geometry = runtime.bundle.manifest.geometry
    count = geometry.special_tokens + geometry.frequency_rows * geometry.time_columns
    centres = random.standard_normal((3, 1, count, geometry.width))
    labels = np.repeat([0, 1, 2], 16)
    noise = random.standard_normal((48, count, geometry.width))
    tokens = (centres[labels, 0] + 2 * noise).astype(np.float16)
    return Dataset(tokens, labels, np.arange(48) // 2, np.zeros(48, np.bool_), classes=3)


def tried(runtime: Runtime, examples: Dataset, recipe: Recipe, engine: str = "portable") -> TrainedAdapter:
    start = load_initial_parameters(runtime.bundle, examples.classes)
    material = TrainingData.from_dataset(examples, runtime.forward, start, seed=3)
    trainer = Trainer(open_engine(engine, runtime.bundle, 1), runtime.forward, recipe, 3, ignore_progress)
    return trainer.fit(material)


def test_windows_of_one_recording_are_never_in_two_folds(examples: Dataset) -> None:
    folds = assign_folds(examples, seed=0)
    for recording in range(24):
        assert len(set(folds[examples.recordings == recording])) == 1


def test_takes_of_one_thing_are_never_in_two_folds_and_the_folds_are_about_as_large(
    examples: Dataset,
) -> None:
    of = np.repeat([0, 0, 0, 1, 1, 2, 3, 4], 2)  # of 8 recordings a class, 3 of one thing, 2 of another
    takes = np.concatenate([of, of + 10, of + 20])
    folds = assign_folds(replace(examples, groups=takes), seed=0)
    for take in np.unique(takes):
        assert len(set(folds[takes == take])) == 1
    assert sorted(np.bincount(folds[examples.labels == 0]).tolist()) == [2, 2, 2, 4, 6]


def test_every_class_is_in_every_fold_and_every_recording_is_held_out_once(examples: Dataset) -> None:
    folds = assign_folds(examples, seed=0)
    for label in range(3):
        assert set(folds[examples.labels == label]) == set(range(FOLDS))


def test_the_only_recording_of_a_class_is_never_held_out(examples: Dataset) -> None:
    alone = replace(examples, recordings=np.where(examples.labels == 2, 99, examples.recordings))
    assert set(assign_folds(alone, seed=0)[examples.labels == 2]) == {NEVER_HELD_OUT}


@pytest.mark.parametrize("engine", list_engines())
def test_training_learns_what_the_held_out_recordings_are(
    runtime: Runtime, examples: Dataset, engine: str
) -> None:
    assert tried(runtime, examples, QUICK, engine).validation.accuracy == 1.0


def test_the_same_seed_gives_the_same_bytes(runtime: Runtime, examples: Dataset) -> None:
    one, other = (tried(runtime, examples, QUICK).fit_all() for _ in range(2))
    assert one.tobytes() == other.tobytes()


def taken(accuracies: list[float], chance: float, patience: int = 3) -> tuple[int, int]:
    """(the epoch taken, the epoch after which training ends)"""
    choice, last = EpochSelector(patience), 0
    for epoch, accuracy in enumerate(accuracies, start=1):
        last = epoch if choice.accept(epoch, accuracy, chance) else last
        if choice.should_stop(epoch):
            break
    return last, epoch


def test_the_last_epoch_is_taken_while_the_held_out_recordings_are_as_good_as_ever() -> None:
    assert taken([0.5, 0.9, 0.95, 0.92, 0.93], chance=0.05) == (5, 5)


def test_an_epoch_that_got_worse_by_more_than_chance_is_not_taken() -> None:
    assert taken([0.5, 0.95, 0.7, 0.7], chance=0.05) == (2, 4)


def test_training_ends_when_it_stays_worse_for_too_long() -> None:
    assert taken([0.95, 0.7, 0.7, 0.7, 0.99], chance=0.05) == (1, 4)


def test_few_recordings_leave_more_to_chance_than_many() -> None:
    def error(recordings: int) -> float:
        scores = np.tile([[0.9, 0.1]], (recordings, 1))
        return ValidationResult(np.arange(recordings), np.zeros(recordings, np.int64), scores).margin_of_error

    assert 1 / 12 < error(12) < 2 / 12  # one recording more or less proves nothing
    assert error(1000) < 0.01


def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing() -> None:
    schedule = Schedule(Recipe(batch=10, learning_rate=1.0, warmup=0.1), windows=95, epochs=10)
    rates = [schedule.next() for _ in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert 0.95 < max(rates) <= 1.0
    assert np.argmax(rates) == 9
    assert rates[-1] < 0.001
