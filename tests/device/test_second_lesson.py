"""What was learnt at once, and closer learning behind it: which of the two a task keeps, and why."""

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
    """Two features, each of either sign: the class is whether the signs are alike, which no linear head on
    the features can tell."""
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


def knowing(lesson: FittedTask, right: int) -> ValidationResult:
    """Of the recordings that were kept aside so many are recognised, more than before or fewer."""
    of = lesson.validation
    called = np.where(np.argsort(np.argsort(~of.is_correct, kind="stable")) < right, of.labels, 1 - of.labels)
    return ValidationResult(of.recordings, of.labels, np.eye(2)[called] * 0.8 + 0.1)


def test_what_no_head_can_tell_an_adapter_learns_and_auto_says_so(
    runtime: Runtime, signs: Dataset, first: FittedTask
) -> None:
    assert first.validation.accuracy < 0.75
    lesson = learner(runtime, AUTO).fit(signs, NAMES)
    assert lesson.method == ADAPTER
    assert lesson.reason.startswith("an adapter recognised ")
    assert "slda" in lesson.reason
    assert lesson.validation.accuracy > 0.75
    assert lesson.improves_on(first)


def test_an_adapter_that_gains_no_more_than_chance_is_not_stored_unless_it_was_asked_for(
    first: FittedTask,
) -> None:
    right = int(first.validation.is_correct.sum())
    lucky = replace(first, method=ADAPTER, reason="an adapter …", validation=knowing(first, right + 1))
    better = replace(lucky, validation=knowing(first, right + 10))
    assert not lucky.improves_on(first)
    assert better.improves_on(first)
    assert replace(lucky, reason=REQUESTED, validation=knowing(first, 0)).improves_on(first)


def test_between_closed_forms_the_surer_one_is_kept(first: FittedTask) -> None:
    surer = replace(first, validation=knowing(first, RECORDINGS))
    assert surer.improves_on(first)
    assert not first.improves_on(surer)
    assert not first.improves_on(first)


def test_who_corrects_a_task_has_asked_for_no_method(edgecl: Edgecl, home: Path, recordings: Path) -> None:
    ring = recordings / "alarms" / "timer" / "0.wav"
    assert edgecl("correct", ring, "--is", "alarms/timer").code == 0
    with Store.open(home, create=False) as store:
        task = blob.from_bytes(store.read_blob("alarms"))
    assert task.record.training["why"] == UNCHANGED
    assert read_requested_method(task) == AUTO


def test_a_task_grows_by_the_method_that_was_asked_for(edgecl: Edgecl, home: Path, recordings: Path) -> None:
    def asked_for(folder: str, *options: str) -> str:
        assert edgecl("enroll", "more", recordings / folder, *options).code == 0
        with Store.open(home, create=False) as store:
            return read_requested_method(blob.from_bytes(store.read_blob("more")))

    assert asked_for("kitchen", "--method", "ridge") == "ridge"
    assert asked_for("alarms", "--add") == "ridge"
    told = edgecl("enroll", "more", recordings / "alarms", "--add", "--recipe", "epochs=9")
    assert_fails(told, 2, "ridge is computed in closed form: 'epochs=9' has no effect", "--method adapter")
    assert asked_for("kitchen", "--replace") == AUTO
