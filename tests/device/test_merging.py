"""Which tasks are merged, and what a shared adapter keeps of each."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device_runtime.consolidation.distillation import (
    MAX_WINDOWS,
    MAX_WINDOWS_PER_TASK,
    Distiller,
    TaskLogits,
    draw_sample,
)
from device_runtime.consolidation.transferability import group_adapters, similarity
from device_runtime.data.dataset import Dataset
from device_runtime.data.replay import ReplayMemory
from device_runtime.data.task_loader import load_task
from device_runtime.data.token_cache import TokenCache
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.adapter_pool import SharedAdapter
from device_runtime.system.progress import ignore_progress
from device_runtime.training.engines.factory import list_engines, open_engine
from edgecl.arrays import Floats
from edgecl.store.blob import TaskBlob
from edgecl.store.store import Store


@pytest.fixture(scope="module")
def runtime(bundle: Path) -> Runtime:
    return Runtime.open(bundle, threads=1)


@pytest.fixture(scope="module")
def alarms(learnt_home: Path, runtime: Runtime) -> tuple[TaskBlob, Dataset]:
    """The task, and what it was learnt from."""
    manifest = runtime.bundle.manifest
    with Store.open(learnt_home, create=False) as store:
        task = load_task(store, "alarms", manifest)
        lessons = store.training_sets.read(store.find_task("alarms").sha256)
    window_samples = manifest.geometry.window_samples
    cache = TokenCache(learnt_home / "cache", manifest.fingerprint, window_samples, 1 << 30)
    with ReplayMemory(cache, {"alarms": lessons}).open_dataset(task) as examples:
        return task, examples.select(np.arange(len(examples.labels)))


def louder(task: TaskBlob, factor: float) -> TaskBlob:
    """The same task under another name: surer of itself, its features standardised otherwise."""
    head = len(task.labels) * (task.normalizer.shape[1] + 1)
    rows = factor * task.parameters[-head:].reshape(len(task.labels), -1)
    rows[:, :-1] /= 2
    return replace(
        task,
        record=task.record.model_copy(update={"task": "louder"}),
        parameters=np.concatenate([task.parameters[:-head], rows.ravel()]).astype(np.float32),
        normalizer=task.normalizer * np.array([[1], [2]], np.float32),
    )


@pytest.mark.parametrize("engine", list_engines())
def test_what_shares_an_adapter_says_what_it_said_however_loud_the_other_is(
    runtime: Runtime, alarms: tuple[TaskBlob, Dataset], engine: str
) -> None:
    task, examples = alarms
    teachers = [task, louder(task, factor=20.0)]
    shown = [TaskLogits.compute(teachers, examples, runtime.forward)] * 2
    distiller = Distiller(runtime.forward, open_engine(engine, runtime.bundle, 1), 0, ignore_progress)
    for had, has in zip(teachers, distiller.distill(teachers, shown), strict=True):
        before, _ = runtime.forward.run(examples.tokens, had.parameters, had.normalizer)
        after, _ = runtime.forward.run(examples.tokens, has.parameters, has.normalizer)
        assert (before.argmax(axis=1) == after.argmax(axis=1)).mean() > 0.95
        spread = centred(before).std()
        assert np.abs(centred(after) - centred(before)).mean() < 0.25 * spread


def centred(logits: Floats) -> Floats:
    return logits - logits.mean(axis=1, keepdims=True)


def test_recordings_are_shown_before_their_varied_copies(alarms: tuple[TaskBlob, Dataset]) -> None:
    _, examples = alarms
    assert examples.augmented.any()
    count = int((~examples.augmented).sum())
    few = draw_sample(examples, tasks=MAX_WINDOWS // count, seed=0)
    assert len(few.labels) >= count
    assert (~few.augmented).sum() == count
    assert len(draw_sample(examples, tasks=1, seed=0).labels) == min(
        MAX_WINDOWS_PER_TASK, len(examples.labels)
    )


def test_a_source_that_knows_the_labels_tells_all_and_one_that_knows_nothing_tells_nothing() -> None:
    labels = np.array([0, 1, 2] * 10)
    assert similarity(np.eye(3)[(labels + 1) % 3], labels) == pytest.approx(1.0)
    assert similarity(np.full((30, 4), 0.25), labels) == pytest.approx(0.0, abs=1e-9)
    assert 0 < similarity(0.5 * np.eye(3)[labels] + 0.5 / 3, labels) < 1


def test_those_who_tell_most_of_each_other_are_joined_first(alarms: tuple[TaskBlob, Dataset]) -> None:
    task, _ = alarms
    names = ["bark", "meow", "ring", "buzz"]
    pool = [
        SharedAdapter(
            np.zeros(1, np.float32), (replace(task, record=task.record.model_copy(update={"task": name})),)
        )
        for name in names
    ]
    animals = {"bark", "meow"}

    def tells(one: str, other: str) -> float:
        return 0.9 if {one, other} == animals else 0.5 if not {one, other} & animals else 0.1

    def grouped(budget: int) -> list[list[str]]:
        return [[member.tasks[0].task for member in group] for group in group_adapters(pool, budget, tells)]

    assert grouped(4) == [["bark"], ["meow"], ["ring"], ["buzz"]]
    assert grouped(3) == [["bark", "meow"], ["ring"], ["buzz"]]
    assert grouped(2) == [["bark", "meow"], ["ring", "buzz"]]
    assert grouped(1) == [["bark", "meow", "ring", "buzz"]]
