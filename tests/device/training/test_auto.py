"""Which of two fits a task keeps, the first closed form or the second one, and why."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device_runtime.data.dataset import Dataset
from device_runtime.model.runtime import Runtime
from device_runtime.system.progress import ignore_progress
from device_runtime.training.engines.factory import open_engine
from device_runtime.training.learner import (
    ADAPTER,
    AUTO,
    REQUESTED,
    UNCHANGED,
    FittedTask,
    Learner,
    read_requested_method,
)
from device_runtime.training.methods.auto import is_significantly_better
from device_runtime.training.recipe import Recipe
from device_runtime.training.validation import ValidationResult
from edgecl.store import blob
from edgecl.store.store import Store
from tests.device.conftest import Edgecl
from tests.device.helpers import assert_fails

NAMES = ("alike", "unlike")
RECORDINGS = 64


@pytest.fixture(scope="module")
def runtime(bundle: Path) -> Runtime:
    return Runtime.open(bundle, threads=1)


def learner(runtime: Runtime, method: str) -> Learner:
    return Learner(runtime, open_engine("auto", runtime.bundle, 1), Recipe(), 0, ignore_progress, method)


@pytest.fixture(scope="module")
def signs(runtime: Runtime) -> Dataset:
    """Return recordings of two features whose class is whether their signs are equal.

    No linear head on the features can separate them.
    """
    random, geometry = np.random.default_rng(0), runtime.bundle.manifest.geometry
    count = geometry.special_tokens + geometry.frequency_rows * geometry.time_columns
    sign = random.choice([-1, 1], (RECORDINGS, 2))
    recordings = 2 * sign @ random.standard_normal((2, geometry.width))
    tokens = recordings[:, None] + random.standard_normal((RECORDINGS, count, geometry.width))
    labels = (sign[:, 0] != sign[:, 1]).astype(np.int64)
    numbers = np.arange(RECORDINGS)
    return Dataset(tokens.astype(np.float16), labels, numbers, np.zeros(RECORDINGS, np.bool_), classes=2)


@pytest.fixture(scope="module")
def first(runtime: Runtime, signs: Dataset) -> FittedTask:
    one = learner(runtime, AUTO)
    return one.fit_closed_form(one.prepare(signs), NAMES)


def with_hits(fitted: FittedTask, hits: int) -> ValidationResult:
    """Return a validation result in which a number of recordings is recognised."""
    old = fitted.validation
    predicted = np.where(
        np.argsort(np.argsort(~old.is_correct, kind="stable")) < hits, old.labels, 1 - old.labels
    )
    return ValidationResult(old.recordings, old.labels, np.eye(2)[predicted] * 0.8 + 0.1)


def test_auto_takes_an_adapter_where_no_head_can_separate_the_classes_and_says_why(
    runtime: Runtime, signs: Dataset, first: FittedTask
) -> None:
    assert first.validation.accuracy < 0.75
    auto = learner(runtime, AUTO)
    fitted = auto.fit(auto.prepare(signs), NAMES)
    assert fitted.method == ADAPTER
    assert fitted.reason.startswith("an adapter recognised ")
    assert "slda" in fitted.reason
    assert fitted.validation.accuracy > 0.75
    assert fitted.improves_on(first)


def test_an_adapter_that_gains_no_more_than_chance_is_not_kept_unless_it_was_requested(
    first: FittedTask,
) -> None:
    hits = int(first.validation.is_correct.sum())
    lucky = replace(first, method=ADAPTER, reason="an adapter …", validation=with_hits(first, hits + 1))
    better = replace(lucky, validation=with_hits(first, hits + 10))
    assert not lucky.improves_on(first)
    assert better.improves_on(first)
    assert replace(lucky, reason=REQUESTED, validation=with_hits(first, 0)).improves_on(first)


def test_a_closed_form_with_copies_is_kept_unless_it_recognises_far_fewer_recordings(
    first: FittedTask,
) -> None:
    hits = int(first.validation.is_correct.sum())
    robust = replace(first, copies=100, validation=with_hits(first, hits - 1))
    assert robust.improves_on(first)
    assert not replace(robust, validation=with_hits(first, hits - 10)).improves_on(first)
    assert not replace(first, validation=with_hits(first, RECORDINGS)).improves_on(first)


def test_of_many_recordings_a_few_may_be_lost_to_what_is_learnt_of_other_rooms(first: FittedTask) -> None:
    def recognise(hits: int) -> ValidationResult:
        labels = np.zeros(400, np.int64)
        return ValidationResult(np.arange(400), labels, np.eye(2)[(np.arange(400) >= hits).astype(int)])

    clean = replace(first, validation=recognise(396))
    robust = replace(first, copies=800, validation=recognise(386))
    assert is_significantly_better(clean.validation, robust.validation)
    assert robust.improves_on(clean)
    assert not replace(robust, validation=recognise(370)).improves_on(clean)


def test_a_correction_does_not_count_as_a_request_for_a_method(
    edgecl: Edgecl, home: Path, recordings: Path
) -> None:
    ring = recordings / "alarms" / "timer" / "0.wav"
    assert edgecl("correct", ring, "--is", "alarms/timer").code == 0
    with Store.open(home, create=False) as store:
        task = blob.from_bytes(store.read_blob("alarms"))
    assert task.record.training["why"] == UNCHANGED
    assert read_requested_method(task) == AUTO


def test_recordings_are_added_by_the_method_that_was_requested(
    edgecl: Edgecl, home: Path, recordings: Path
) -> None:
    def enroll(folder: str, *options: str) -> str:
        assert edgecl("enroll", "more", recordings / folder, *options).code == 0
        with Store.open(home, create=False) as store:
            return read_requested_method(blob.from_bytes(store.read_blob("more")))

    assert enroll("kitchen", "--method", "ridge") == "ridge"
    assert enroll("alarms", "--add") == "ridge"
    result = edgecl("enroll", "more", recordings / "alarms", "--add", "--recipe", "epochs=9")
    assert_fails(result, 2, "ridge is computed in closed form: 'epochs=9' has no effect", "--method adapter")
    assert enroll("kitchen", "--replace") == AUTO


def test_a_method_that_version_0_1_0_recorded_as_requested_still_counts_as_requested(
    edgecl: Edgecl, home: Path, recordings: Path
) -> None:
    edgecl("enroll", "more", recordings / "kitchen", "--method", "ridge")
    with Store.open(home, create=False) as store:
        task = blob.from_bytes(store.read_blob("more"))
    training = task.record.training | {"why": "it was asked for"}
    old = replace(task, record=task.record.model_copy(update={"training": training}))
    assert read_requested_method(old) == "ridge"
