"""The portable engine on the shipped bundle: torch's golden vectors, changing tasks, resuming."""

from pathlib import Path

import numpy as np
import pytest

from device_runtime.training.engines.base import Engine
from device_runtime.training.engines.factory import list_engines, list_usable_engines, open_engine
from edgecl.arrays import Floats
from edgecl.bundle.bundle import Bundle
from edgecl.errors import EngineError
from tests.altered_bundle import make_altered_bundle

LEARNING_RATE, WEIGHT_DECAY, STEPS = 1e-3, 0.01, 50  # as in the golden vectors

Golden = dict[str, Floats]


@pytest.fixture(scope="module")
def opened(bundle: Path) -> Bundle:
    return Bundle.open(bundle)


@pytest.fixture(scope="module")
def golden(opened: Bundle) -> Golden:
    return opened.load_golden()


@pytest.fixture
def engine(opened: Bundle) -> Engine:
    return open_engine("portable", opened, threads=1)


def take_steps(engine: Engine, golden: Golden, count: int) -> list[float]:
    batch = golden["train_tokens"], golden["targets"]
    return [engine.step(*batch, LEARNING_RATE, WEIGHT_DECAY) for _ in range(count)]


def test_loss_and_gradients_are_those_of_torch(engine: Engine, golden: Golden) -> None:
    engine.start(golden["parameters"], golden["normalizer"])
    (loss,) = take_steps(engine, golden, 1)

    gradients = engine.state().first_moment / np.float32(0.1)  # after one step m = (1 − β₁) g
    assert loss == pytest.approx(golden["loss"].item(), rel=1e-5)
    assert np.abs(gradients - golden["gradients"]).max() <= 1e-5 * np.abs(golden["gradients"]).max()


def test_fifty_steps_give_the_parameters_of_torchs_adamw(engine: Engine, golden: Golden) -> None:
    engine.start(golden["parameters"], golden["normalizer"])
    losses = take_steps(engine, golden, STEPS)

    assert losses[-1] < losses[0]
    assert np.abs(engine.parameters() - golden["trained_parameters"]).mean() <= 1e-6


def test_a_task_trained_after_another_gets_the_same_parameters(engine: Engine, golden: Golden) -> None:
    engine.start(golden["parameters"], golden["normalizer"])
    take_steps(engine, golden, 3)
    alone = engine.parameters()

    engine.start(golden["parameters"] * 2, golden["normalizer"])
    take_steps(engine, golden, 2)
    engine.start(golden["parameters"], golden["normalizer"])
    take_steps(engine, golden, 3)

    assert np.array_equal(engine.parameters(), alone)


def test_training_resumed_in_a_new_engine_gives_the_same_parameters(opened: Bundle, golden: Golden) -> None:
    first, second = (open_engine("portable", opened, threads=1) for _ in range(2))
    first.start(golden["parameters"], golden["normalizer"])
    take_steps(first, golden, 3)
    second.resume(first.state(), golden["normalizer"])

    assert take_steps(second, golden, 3) == take_steps(first, golden, 3)
    assert np.array_equal(second.parameters(), first.parameters())


def test_vectors_passed_in_and_out_are_copies(engine: Engine, golden: Golden) -> None:
    start = golden["parameters"].copy()
    engine.start(start, golden["normalizer"])
    engine.parameters()[:] = 0.0
    take_steps(engine, golden, 2)

    assert np.array_equal(start, golden["parameters"])
    assert engine.state().step == 2


def test_the_number_of_classes_may_change_from_task_to_task(
    engine: Engine, opened: Bundle, golden: Golden
) -> None:
    width = opened.manifest.head_features + 1
    for classes in (2, 11):
        head = np.zeros(classes * width, np.float32)
        adapter = golden["parameters"][: opened.manifest.adapter_size]
        engine.start(np.concatenate([adapter, head]), golden["normalizer"])
        targets = np.full((3, classes), 1 / classes, np.float32)
        loss = engine.step(golden["train_tokens"][:3], targets, LEARNING_RATE, WEIGHT_DECAY)
        assert loss == pytest.approx(np.log(classes), rel=1e-5)


def test_an_engine_that_does_not_exist_is_refused(opened: Bundle) -> None:
    with pytest.raises(EngineError, match="no training engine 'quantum'") as refusal:
        open_engine("quantum", opened, threads=1)
    assert "portable" in refusal.value.hint


def test_auto_takes_an_installed_engine(opened: Bundle) -> None:
    assert open_engine("auto", opened, threads=1).name == list_usable_engines(opened.manifest.engines)[0]


@pytest.mark.skipif("ort-training" in list_engines(), reason="the training wheel is installed here")
def test_an_engine_that_is_not_installed_is_refused_with_a_hint(opened: Bundle) -> None:
    with pytest.raises(EngineError, match="'ort-training' is not installed here") as refusal:
        open_engine("ort-training", opened, threads=1)
    assert "--engine portable" in refusal.value.hint


def test_an_engine_that_the_bundle_lacks_is_refused_and_the_hint_names_a_usable_one(
    bundle: Path, tmp_path: Path
) -> None:
    lean = Bundle.open(make_altered_bundle(bundle, tmp_path / "lean", engines=("portable",)))
    assert open_engine("auto", lean, threads=1).name == "portable"
    with pytest.raises(EngineError, match="'ort-training'") as refusal:
        open_engine("ort-training", lean, threads=1)
    assert refusal.value.hint.endswith("use --engine portable")


def test_auto_skips_engines_that_the_bundle_lacks(bundle: Path, tmp_path: Path) -> None:
    other = Bundle.open(make_altered_bundle(bundle, tmp_path / "other", engines=("ort-training",)))
    if "ort-training" in list_engines():
        assert open_engine("auto", other, threads=1).name == "ort-training"
        return
    for name in ("auto", "portable", "ort-training"):
        with pytest.raises(EngineError) as refusal:
            open_engine(name, other, threads=1)
        assert "--engine" not in refusal.value.hint
