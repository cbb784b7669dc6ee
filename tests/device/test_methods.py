"""Closed forms against what they stand for, on random features; their heads in the real graph; the choice."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from device_runtime.data.dataset import Dataset
from device_runtime.model.adapter import load_initial_parameters, softmax
from device_runtime.model.runtime import Runtime
from device_runtime.training.methods import auto, logistic, prototype, ridge, slda
from device_runtime.training.methods.closed_form import CLOSED_FORMS, ClosedForm, cross_validate
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.methods.kernel import DualSolution, KernelMatrix
from device_runtime.training.methods.lbfgs import minimised
from device_runtime.training.validation import ValidationResult
from edgecl.arrays import Doubles

WINDOWS, WIDTH, CLASSES = 40, 60, 3


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.arange(WINDOWS) % CLASSES


@pytest.fixture(scope="module")
def features(labels: np.ndarray) -> np.ndarray:
    """Three clouds, fewer windows than features."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((WINDOWS, WIDTH)) + rng.standard_normal((CLASSES, WIDTH))[labels]


@pytest.fixture(scope="module")
def asked() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((20, WIDTH))


def told(dual: DualSolution, features: np.ndarray, asked: np.ndarray) -> Doubles:
    """Logits [M, C] of windows, by the head."""
    head = dual.to_head(features).astype(np.float64)
    return asked @ head[:, :-1].T + head[:, -1]


def without_common(logits: Doubles) -> Doubles:
    """Logits without what all classes share, of which no probability depends."""
    return logits - logits.mean(axis=1, keepdims=True)


def means_of(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.stack([features[labels == label].mean(axis=0) for label in range(CLASSES)])


def test_a_prototype_says_what_lies_nearest(
    features: np.ndarray, labels: np.ndarray, asked: np.ndarray
) -> None:
    dual = prototype.solve(KernelMatrix.from_features(features, labels, CLASSES))
    squares = np.square(asked[:, None] - means_of(features, labels)).sum(axis=2)
    assert np.allclose(
        without_common(told(dual, features, asked)), without_common(-squares / 2), rtol=1e-5, atol=1e-4
    )


def test_slda_is_the_inverse_of_the_shrunk_covariance(
    features: np.ndarray, labels: np.ndarray, asked: np.ndarray
) -> None:
    dual = slda.solve(KernelMatrix.from_features(features, labels, CLASSES), shrinkage=0.3)
    means = means_of(features, labels)
    covariance = np.cov((features - means[labels]).T, bias=True)
    beta = 0.3 * covariance.trace() / WIDTH
    precision = np.linalg.inv(0.7 * covariance + beta * np.eye(WIDTH))
    weights = beta * means @ precision
    expected = asked @ weights.T - (weights * means).sum(axis=1) / 2
    assert np.allclose(told(dual, features, asked), expected, rtol=1e-5, atol=1e-4)


def test_ridge_is_the_regression_of_centred_labels_on_centred_features(
    features: np.ndarray, labels: np.ndarray, asked: np.ndarray
) -> None:
    dual = ridge.solve(KernelMatrix.from_features(features, labels, CLASSES))
    targets = 2 * np.eye(CLASSES)[labels] - 1
    centred = features - features.mean(axis=0)
    system = centred.T @ centred + ridge.PENALTY * WIDTH * np.eye(WIDTH)
    weights = np.linalg.solve(system, centred.T @ (targets - targets.mean(axis=0)))
    expected = (asked - features.mean(axis=0)) @ weights + targets.mean(axis=0)
    assert np.allclose(told(dual, features, asked), expected, rtol=1e-5, atol=1e-5)


def test_at_the_best_logistic_weights_the_penalised_loss_is_flat(
    features: np.ndarray, labels: np.ndarray
) -> None:
    dual = logistic.solve(KernelMatrix.from_features(features, labels, CLASSES))
    pull = np.eye(CLASSES)[labels] - softmax(told(dual, features, features))
    weights = dual.to_head(features)[:, :-1]
    assert np.allclose(pull.sum(axis=0), 0, atol=1e-2)  # the biases' gradient
    assert np.allclose(
        features.T @ pull, weights.T / logistic.C, atol=0.02 * np.abs(weights).max() / logistic.C
    )


def test_two_windows_that_are_the_same_do_no_harm(features: np.ndarray, labels: np.ndarray) -> None:
    twice, both = np.concatenate([features, features]), np.concatenate([labels, labels])
    for solve in chain(*CLOSED_FORMS.values()):
        assert np.isfinite(solve(KernelMatrix.from_features(twice, both, CLASSES)).to_head(twice)).all()


def test_the_lowest_point_of_a_valley_is_found() -> None:
    slopes = np.array([1.0, 30.0, 900.0])

    def valley(point: Doubles) -> tuple[float, Doubles]:
        return float((slopes * np.square(point - 1)).sum()), 2 * slopes * (point - 1)

    assert np.allclose(minimised(valley, np.zeros(3)), 1, atol=1e-2)


@pytest.fixture(scope="module")
def runtime(bundle: Path) -> Runtime:
    return Runtime.open(bundle, threads=1)


@pytest.fixture(scope="module")
def examples(runtime: Runtime) -> Dataset:
    """Three classes of noise around a token grid of their own: 8 recordings, a window and a copy of each."""
    random = np.random.default_rng(1)
    geometry = runtime.bundle.manifest.geometry
    count = geometry.special_tokens + geometry.frequency_rows * geometry.time_columns
    labels = np.repeat([0, 1, 2], 16)
    centres = random.standard_normal((3, count, geometry.width))
    tokens = (centres[labels] + 2 * random.standard_normal((48, count, geometry.width))).astype(np.float16)
    return Dataset(tokens, labels, np.arange(48) // 2, np.arange(48) % 2 == 1, classes=3)


def taught(runtime: Runtime, examples: Dataset) -> TrainingData:
    start = load_initial_parameters(runtime.bundle, examples.classes)
    return TrainingData.from_dataset(examples, runtime.forward, start, seed=0)


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_a_closed_form_is_a_head_in_the_graph_that_recognition_uses(
    runtime: Runtime, examples: Dataset, name: str
) -> None:
    learnt = taught(runtime, examples)
    tried = ClosedForm.fit(name, learnt)
    logits, _ = runtime.forward.run(examples.tokens, tried.fit_all(), learnt.normalizer)
    dual = tried.solver(learnt.kernel).scale(tried.scale)
    expected = dual.compute_logits(learnt.kernel.products)
    assert np.allclose(logits, expected, atol=1e-3 * np.abs(expected).max())
    assert tried.validation.accuracy == 1.0


def test_the_version_is_taken_that_is_surest_and_right_on_what_was_held_out(
    runtime: Runtime, examples: Dataset
) -> None:
    learnt = taught(runtime, examples)
    losses = [cross_validate(solve, learnt)[0].loss for solve in slda.VERSIONS]
    tried = ClosedForm.fit("slda", learnt)
    assert tried.solver is slda.VERSIONS[int(np.argmin(losses))]
    assert tried.validation.loss == min(losses)


def test_every_recording_is_measured_once_and_no_copy_ever(runtime: Runtime, examples: Dataset) -> None:
    held_out = ClosedForm.fit("slda", taught(runtime, examples)).validation
    assert held_out.recordings.tolist() == list(range(24))


def test_where_there_are_too_many_windows_copies_go_first_and_classes_stay_even(
    runtime: Runtime, examples: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("device_runtime.training.methods.features.MAX_WINDOWS", 12)
    sample = taught(runtime, examples).sample
    assert not examples.augmented[sample].any()
    assert np.bincount(examples.labels[sample]).tolist() == [4, 4, 4]


def answers(right: list[bool]) -> ValidationResult:
    """Recordings of class 0, recognised or not."""
    scores = np.where(np.array(right)[:, None], [[0.9, 0.1]], [[0.1, 0.9]])
    return ValidationResult(np.arange(len(right)), np.zeros(len(right), np.int64), scores)


def test_one_recording_more_proves_nothing_and_four_do() -> None:
    holder = answers([True] * 6 + [False] * 4)
    assert not auto.is_significantly_better(answers([True] * 7 + [False] * 3), holder)
    assert auto.is_significantly_better(answers([True] * 10), holder)
    assert not auto.is_significantly_better(
        answers([False] * 4 + [True] * 6), holder
    )  # it gains four and loses four
