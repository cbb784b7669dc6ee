"""Closed forms compared with their definitions on random features; their heads in the real graph; `auto`."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from device_runtime.data.dataset import Dataset
from device_runtime.model.adapter import load_initial_parameters
from device_runtime.model.runtime import Runtime
from device_runtime.training.learning_curve import measure_learning_curve
from device_runtime.training.methods import auto
from device_runtime.training.methods.closed_form import CLOSED_FORMS, ClosedForm, cross_validate
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.methods.kernel import DualSolution, KernelMatrix
from device_runtime.training.methods.prototype import solve_prototype
from device_runtime.training.methods.ridge import solve_ridge
from device_runtime.training.methods.slda import solve_slda
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
def others() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((20, WIDTH))


def compute_logits(solution: DualSolution, features: np.ndarray, others: np.ndarray) -> Doubles:
    """Return the logits [M, C] of other windows by the head."""
    head = solution.to_head(features).astype(np.float64)
    return others @ head[:, :-1].T + head[:, -1]


def centre(logits: Doubles) -> Doubles:
    """Subtract the mean over the classes, on which no probability depends."""
    return logits - logits.mean(axis=1, keepdims=True)


def class_means(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.stack([features[labels == label].mean(axis=0) for label in range(CLASSES)])


def test_a_prototype_predicts_the_nearest_class_mean(
    features: np.ndarray, labels: np.ndarray, others: np.ndarray
) -> None:
    solution = solve_prototype(KernelMatrix.from_features(features, labels, CLASSES))
    squares = np.square(others[:, None] - class_means(features, labels)).sum(axis=2)
    assert np.allclose(
        centre(compute_logits(solution, features, others)), centre(-squares / 2), rtol=1e-5, atol=1e-4
    )


def test_slda_is_the_inverse_of_the_shrunk_covariance(
    features: np.ndarray, labels: np.ndarray, others: np.ndarray
) -> None:
    solution = solve_slda(KernelMatrix.from_features(features, labels, CLASSES), shrinkage=0.3)
    means = class_means(features, labels)
    covariance = np.cov((features - means[labels]).T, bias=True)
    beta = 0.3 * covariance.trace() / WIDTH
    precision = np.linalg.inv(0.7 * covariance + beta * np.eye(WIDTH))
    weights = beta * means @ precision
    expected = others @ weights.T - (weights * means).sum(axis=1) / 2
    assert np.allclose(compute_logits(solution, features, others), expected, rtol=1e-5, atol=1e-4)


def test_ridge_is_the_regression_of_centred_labels_on_centred_features_with_balanced_classes(
    features: np.ndarray, labels: np.ndarray, others: np.ndarray
) -> None:
    kept = np.flatnonzero((labels > 0) | (np.arange(WINDOWS) < 12))  # of one class there are fewer windows
    features, labels = features[kept], labels[kept]
    solution = solve_ridge(KernelMatrix.from_features(features, labels, CLASSES), penalty=0.5)
    weights = len(labels) / CLASSES / np.bincount(labels)[labels][:, None]
    targets = 2 * np.eye(CLASSES)[labels] - 1
    mean, centre = (np.average(rows, axis=0, weights=weights[:, 0]) for rows in (features, targets))
    system = (features - mean).T @ (weights * (features - mean)) + 0.5 * len(labels) * np.eye(WIDTH)
    columns = np.linalg.solve(system, (features - mean).T @ (weights * (targets - centre)))
    expected = (others - mean) @ columns + centre
    assert np.allclose(compute_logits(solution, features, others), expected, rtol=1e-5, atol=1e-5)


def test_equal_windows_do_no_harm(features: np.ndarray, labels: np.ndarray) -> None:
    twice, both = np.concatenate([features, features]), np.concatenate([labels, labels])
    for solver in chain(*CLOSED_FORMS.values()):
        assert np.isfinite(solver(KernelMatrix.from_features(twice, both, CLASSES)).to_head(twice)).all()


@pytest.fixture(scope="module")
def runtime(bundle: Path) -> Runtime:
    return Runtime.open(bundle, threads=1)


@pytest.fixture(scope="module")
def dataset(runtime: Runtime) -> Dataset:
    """Return three classes of noise around a token grid: 8 recordings, a window and a copy of each."""
    random = np.random.default_rng(1)
    geometry = runtime.bundle.manifest.geometry
    count = geometry.special_tokens + geometry.frequency_rows * geometry.time_columns
    labels = np.repeat([0, 1, 2], 16)
    centres = random.standard_normal((3, count, geometry.width))
    tokens = (centres[labels] + 2 * random.standard_normal((48, count, geometry.width))).astype(np.float16)
    return Dataset(tokens, labels, np.arange(48) // 2, np.arange(48) % 2 == 1, classes=3)


def prepare(runtime: Runtime, dataset: Dataset) -> TrainingData:
    start = load_initial_parameters(runtime.bundle, dataset.classes)
    return TrainingData.from_dataset(dataset, runtime.forward, start, seed=0)


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_a_closed_form_is_a_head_in_the_graph_that_recognition_runs(
    runtime: Runtime, dataset: Dataset, name: str
) -> None:
    data = prepare(runtime, dataset)
    fitted = ClosedForm.fit(name, data)
    logits, _ = runtime.forward.run(dataset.tokens, fitted.fit_all(), data.normalizer)
    solution = fitted.solver(data.kernel).scale(fitted.scale)
    expected = solution.compute_logits(data.kernel.products)
    assert np.allclose(logits, expected, atol=1e-3 * np.abs(expected).max())
    assert fitted.validation.accuracy == 1.0


def test_the_variant_with_the_least_validation_loss_is_chosen(runtime: Runtime, dataset: Dataset) -> None:
    data = prepare(runtime, dataset)
    solvers = CLOSED_FORMS["slda"]
    losses = [validation.loss for validation, _ in cross_validate(solvers, data)]
    fitted = ClosedForm.fit("slda", data)
    assert fitted.solver is solvers[int(np.argmin(losses))]
    assert fitted.validation.loss == min(losses)


def test_fitting_and_the_learning_curve_report_every_step(runtime: Runtime, dataset: Dataset) -> None:
    steps = list[tuple[str, int, int]]()
    data = prepare(runtime, dataset)
    fitted = ClosedForm.fit("slda", data, lambda *step: steps.append(step))
    assert sorted(set(steps)) == [("fitting", done, 25) for done in range(26)]
    steps.clear()
    measure_learning_curve(data, "slda", fitted.validation, lambda *step: steps.append(step))
    assert steps == [("learning curve", done, 6) for done in range(7)]


def test_every_recording_is_held_out_once_and_no_copy_ever(runtime: Runtime, dataset: Dataset) -> None:
    validation = ClosedForm.fit("slda", prepare(runtime, dataset)).validation
    assert validation.recordings.tolist() == list(range(24))


def test_of_too_many_windows_copies_are_dropped_first_and_classes_stay_even(
    runtime: Runtime, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("device_runtime.training.methods.features.MAX_WINDOWS", 12)
    sample = prepare(runtime, dataset).sample
    assert not dataset.augmented[sample].any()
    assert np.bincount(dataset.labels[sample]).tolist() == [4, 4, 4]


def make_validation(correct: list[bool]) -> ValidationResult:
    """Return the result of recordings of class 0, recognised or not."""
    scores = np.where(np.array(correct)[:, None], [[0.9, 0.1]], [[0.1, 0.9]])
    return ValidationResult(np.arange(len(correct)), np.zeros(len(correct), np.int64), scores)


def test_one_more_hit_proves_nothing_and_four_do() -> None:
    holder = make_validation([True] * 6 + [False] * 4)
    assert not auto.is_significantly_better(make_validation([True] * 7 + [False] * 3), holder)
    assert auto.is_significantly_better(make_validation([True] * 10), holder)
    assert not auto.is_significantly_better(
        make_validation([False] * 4 + [True] * 6), holder
    )  # it gains four and loses four
