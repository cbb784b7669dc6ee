"""Training an adapter on a real bundle: accuracy, early stopping, reproducibility."""

from pathlib import Path

import numpy as np
import pytest

from device_runtime.data.dataset import Dataset
from device_runtime.model.adapter import load_initial_parameters
from device_runtime.model.runtime import Runtime
from device_runtime.system.progress import ignore_progress
from device_runtime.training.engines.factory import list_engines, open_engine
from device_runtime.training.methods.adapter import EpochSelector, TrainedAdapter, Trainer
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.recipe import Recipe
from device_runtime.training.schedule import Schedule

QUICK = Recipe(epochs=6, patience=6)


@pytest.fixture(scope="module")
def runtime(bundle: Path) -> Runtime:
    return Runtime.open(bundle, threads=1)


@pytest.fixture(scope="module")
def dataset(runtime: Runtime) -> Dataset:
    """Return three classes of noise around a token grid: 8 recordings each, 2 windows per recording."""
    random = np.random.default_rng(1)
    geometry = runtime.bundle.manifest.geometry
    count = geometry.special_tokens + geometry.frequency_rows * geometry.time_columns
    centres = random.standard_normal((3, 1, count, geometry.width))
    labels = np.repeat([0, 1, 2], 16)
    noise = random.standard_normal((48, count, geometry.width))
    tokens = (centres[labels, 0] + 2 * noise).astype(np.float16)
    return Dataset(tokens, labels, np.arange(48) // 2, np.zeros(48, np.bool_), classes=3)


def fit(runtime: Runtime, dataset: Dataset, recipe: Recipe, engine: str = "portable") -> TrainedAdapter:
    start = load_initial_parameters(runtime.bundle, dataset.classes)
    data = TrainingData.from_dataset(dataset, runtime.forward, start, seed=3)
    trainer = Trainer(open_engine(engine, runtime.bundle, 1), runtime.forward, recipe, 3, ignore_progress)
    return trainer.fit(data)


@pytest.mark.parametrize("engine", list_engines())
def test_held_out_recordings_are_recognised(runtime: Runtime, dataset: Dataset, engine: str) -> None:
    assert fit(runtime, dataset, QUICK, engine).validation.accuracy == 1.0


def test_the_same_seed_gives_the_same_bytes(runtime: Runtime, dataset: Dataset) -> None:
    one, other = (fit(runtime, dataset, QUICK).fit_all() for _ in range(2))
    assert one.tobytes() == other.tobytes()


def select(accuracies: list[float], margin_of_error: float, patience: int = 3) -> tuple[int, int]:
    """Return the selected epoch and the epoch after which training ends."""
    selector, selected = EpochSelector(patience), 0
    for epoch, accuracy in enumerate(accuracies, start=1):
        selected = epoch if selector.accept(epoch, accuracy, margin_of_error) else selected
        if selector.should_stop(epoch):
            break
    return selected, epoch


def test_the_last_epoch_is_selected_while_validation_stays_as_good() -> None:
    assert select([0.5, 0.9, 0.95, 0.92, 0.93], margin_of_error=0.05) == (5, 5)


def test_an_epoch_that_is_worse_by_more_than_chance_is_not_selected() -> None:
    assert select([0.5, 0.95, 0.7, 0.7], margin_of_error=0.05) == (2, 4)


def test_training_stops_when_validation_stays_worse_for_too_long() -> None:
    assert select([0.95, 0.7, 0.7, 0.7, 0.99], margin_of_error=0.05) == (1, 4)


def test_the_learning_rate_rises_to_its_peak_and_falls_to_zero() -> None:
    schedule = Schedule(Recipe(batch=10, learning_rate=1.0, warmup=0.1), windows=95, epochs=10)
    rates = [schedule.next_rate() for _ in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert 0.95 < max(rates) <= 1.0
    assert np.argmax(rates) == 9
    assert rates[-1] < 0.001
