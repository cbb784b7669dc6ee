"""The trainer on a real bundle: splits by recording, learns, stops, repeats itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device_runtime.adapter import identity_normalizer, initial_parameters
from device_runtime.engines import available, open_engine
from device_runtime.progress import silent
from device_runtime.runtime import Runtime
from device_runtime.trainer import Examples, Recipe, Schedule, Trained, Trainer, split_by_recording
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


def test_training_stops_when_it_gets_no_better(runtime: Runtime, examples: Examples) -> None:
    shuffled = replace(examples, labels=np.random.default_rng(0).permutation(examples.labels))
    recipe = Recipe(epochs=40, patience=2, refit=False, learning_rate=0.01)
    stages: list[tuple[str, int, int]] = []
    start = initial_parameters(runtime.bundle, 3)
    trainer = Trainer(open_engine("portable", runtime.bundle, 1), runtime.forward, recipe, seed=0)
    trainer.train(shuffled, start, identity_normalizer(runtime.bundle.manifest), lambda *s: stages.append(s))
    assert len(stages) < 40
    assert stages[-1] == ("training", 40, 40)


def test_a_refit_starts_anew_and_sees_every_recording(runtime: Runtime, examples: Examples) -> None:
    once = trained(runtime, examples, replace(QUICK, refit=False))
    again = trained(runtime, examples, QUICK)
    assert once.parameters.tobytes() == once.scored_parameters.tobytes() == again.scored_parameters.tobytes()
    assert again.parameters.tobytes() != again.scored_parameters.tobytes()


def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing() -> None:
    schedule = Schedule(Recipe(batch=10, learning_rate=1.0, warmup=0.1), windows=95, epochs=10)
    rates = [schedule.next() for _ in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert 0.95 < max(rates) <= 1.0
    assert np.argmax(rates) == 9
    assert rates[-1] < 0.001
