"""The trainer on a real bundle: splits by recording, learns, stops, repeats itself."""

from pathlib import Path

import numpy as np
import pytest

from device_runtime.adapter import identity_normalizer, initial_parameters
from device_runtime.engines import available, open_engine
from device_runtime.examples import Examples, split_by_recording
from device_runtime.progress import silent
from device_runtime.recipe import Recipe, Schedule
from device_runtime.runtime import Runtime
from device_runtime.trainer import Choice, HeldOut, Trained, Trainer
from edgecl.calibration import normalizer_of

QUICK = Recipe(epochs=6, patience=6)


@pytest.fixture(scope="module")
def runtime(bundle: Path) -> Runtime:
    return Runtime.open(bundle, threads=1)


@pytest.fixture(scope="module")
def examples(runtime: Runtime) -> Examples:
    """Three classes of noise around a token grid of their own: 8 recordings each, 2 windows a recording."""
    random = np.random.default_rng(1)
    geometry = runtime.bundle.manifest.geometry
    count = geometry.special_tokens + geometry.frequency_rows * geometry.time_columns
    centres = random.standard_normal((3, 1, count, geometry.width))
    labels = np.repeat([0, 1, 2], 16)
    noise = random.standard_normal((48, count, geometry.width))
    tokens = (centres[labels, 0] + 2 * noise).astype(np.float16)
    return Examples(tokens, labels, np.arange(48) // 2, classes=3)


def trained(runtime: Runtime, examples: Examples, recipe: Recipe, engine: str = "portable") -> Trained:
    start = initial_parameters(runtime.bundle, examples.classes)
    identity = identity_normalizer(runtime.bundle.manifest)
    _, features = runtime.forward.run(examples.tokens, start, identity)
    trainer = Trainer(open_engine(engine, runtime.bundle, 1), runtime.forward, recipe, seed=3)
    return trainer.train(examples, start, normalizer_of(features), silent)


def test_windows_of_one_recording_are_never_on_both_sides(examples: Examples) -> None:
    held_out = split_by_recording(examples, 0.2, np.random.default_rng(0))
    assert not set(examples.recordings[held_out]) & set(examples.recordings[~held_out])
    assert [len(set(examples.recordings[held_out & (examples.labels == c)])) for c in range(3)] == [2, 2, 2]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.99, 1.0])
def test_every_class_keeps_a_recording_on_either_side(examples: Examples, share: float) -> None:
    held_out = split_by_recording(examples, share, np.random.default_rng(0))
    for label in range(3):
        assert {True, False} == set(held_out[examples.labels == label])


@pytest.mark.parametrize("engine", available())
def test_training_learns_what_the_held_out_recordings_are(
    runtime: Runtime, examples: Examples, engine: str
) -> None:
    assert trained(runtime, examples, QUICK, engine).held_out.accuracy == 1.0


def test_the_same_seed_gives_the_same_bytes(runtime: Runtime, examples: Examples) -> None:
    one, other = (trained(runtime, examples, QUICK) for _ in range(2))
    assert one.parameters.tobytes() == other.parameters.tobytes()


def taken(accuracies: list[float], chance: float, patience: int = 3) -> tuple[int, int]:
    """(the epoch taken, the epoch after which training ends)"""
    choice, last = Choice(patience), 0
    for epoch, accuracy in enumerate(accuracies, start=1):
        last = epoch if choice.takes(epoch, accuracy, chance) else last
        if choice.gives_up(epoch):
            break
    return last, epoch


def test_the_last_epoch_is_taken_while_the_held_out_recordings_are_as_good_as_ever() -> None:
    assert taken([0.5, 0.9, 0.95, 0.92, 0.93], chance=0.05) == (5, 5)


def test_an_epoch_that_got_worse_by_more_than_chance_is_not_taken() -> None:
    assert taken([0.5, 0.95, 0.7, 0.7], chance=0.05) == (2, 4)


def test_training_ends_when_it_stays_worse_for_too_long() -> None:
    assert taken([0.95, 0.7, 0.7, 0.7, 0.99], chance=0.05) == (1, 4)


def test_what_is_stored_has_learnt_from_every_recording(runtime: Runtime, examples: Examples) -> None:
    once = trained(runtime, examples, QUICK)
    assert once.parameters.tobytes() != once.scored_parameters.tobytes()


def test_few_recordings_leave_more_to_chance_than_many() -> None:
    def error(recordings: int) -> float:
        scores = np.tile([[0.9, 0.1]], (recordings, 1))
        return HeldOut(np.arange(recordings), np.zeros(recordings, np.int64), scores).chance

    assert 1 / 12 < error(12) < 2 / 12  # one recording more or less proves nothing
    assert error(1000) < 0.01


def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing() -> None:
    schedule = Schedule(Recipe(batch=10, learning_rate=1.0, warmup=0.1), windows=95, epochs=10)
    rates = [schedule.next() for _ in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert 0.95 < max(rates) <= 1.0
    assert np.argmax(rates) == 9
    assert rates[-1] < 0.001
