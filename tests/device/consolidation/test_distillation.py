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
from edgecl.learning.leep import leep
from edgecl.store.blob import TaskBlob
from edgecl.store.store import Store


@pytest.fixture(scope="module")
def runtime(bundle: Path) -> Runtime:
    return Runtime.open(bundle, threads=1)


@pytest.fixture(scope="module")
def alarms(learnt_home: Path, runtime: Runtime) -> tuple[TaskBlob, Dataset]:
    """Return the task and its dataset."""
    manifest = runtime.bundle.manifest
    with Store.open(learnt_home, create=False) as store:
        task = load_task(store, "alarms", manifest)
        lessons = store.training_sets.read(store.find_task("alarms").sha256)
    window_samples = manifest.geometry.window_samples
    cache = TokenCache(learnt_home / "cache", manifest.fingerprint, window_samples, 1 << 30)
    with ReplayMemory(cache, {"alarms": lessons}).open_dataset(task) as dataset:
        return task, dataset.select(np.arange(len(dataset.labels)))


def amplify(task: TaskBlob, factor: float) -> TaskBlob:
    """Return the task under another name, with larger logits and another normalizer."""
    head = len(task.labels) * (task.normalizer.shape[1] + 1)
    rows = factor * task.parameters[-head:].reshape(len(task.labels), -1)
    rows[:, :-1] /= 2
    return replace(
        task,
        record=task.record.model_copy(update={"task": "amplified"}),
        parameters=np.concatenate([task.parameters[:-head], rows.ravel()]).astype(np.float32),
        normalizer=task.normalizer * np.array([[1], [2]], np.float32),
    )


@pytest.mark.parametrize("engine", list_engines())
def test_tasks_that_share_an_adapter_predict_as_before_however_large_the_logits_of_the_other(
    runtime: Runtime, alarms: tuple[TaskBlob, Dataset], engine: str
) -> None:
    task, dataset = alarms
    teachers = [task, amplify(task, factor=20.0)]
    windows = [TaskLogits.compute(teachers, dataset, runtime.forward)] * 2
    distiller = Distiller(runtime.forward, open_engine(engine, runtime.bundle, 1), 0, ignore_progress)
    for old, new in zip(teachers, distiller.distill(teachers, windows), strict=True):
        before, _ = runtime.forward.run(dataset.tokens, old.parameters, old.normalizer)
        after, _ = runtime.forward.run(dataset.tokens, new.parameters, new.normalizer)
        assert (before.argmax(axis=1) == after.argmax(axis=1)).mean() > 0.95
        spread = centre(before).std()
        assert np.abs(centre(after) - centre(before)).mean() < 0.25 * spread


def centre(logits: Floats) -> Floats:
    return logits - logits.mean(axis=1, keepdims=True)


def test_augmented_copies_are_drawn_last(alarms: tuple[TaskBlob, Dataset]) -> None:
    _, dataset = alarms
    assert dataset.augmented.any()
    count = int((~dataset.augmented).sum())
    few = draw_sample(dataset, tasks=MAX_WINDOWS // count, seed=0)
    assert len(few.labels) >= count
    assert (~few.augmented).sum() == count
    assert len(draw_sample(dataset, tasks=1, seed=0).labels) == min(MAX_WINDOWS_PER_TASK, len(dataset.labels))


def test_similarity_is_one_where_the_source_determines_the_labels_and_zero_where_it_knows_nothing() -> None:
    labels = np.array([0, 1, 2] * 10)
    assert similarity(np.eye(3)[(labels + 1) % 3], labels) == pytest.approx(1.0)
    assert similarity(np.full((30, 4), 0.25), labels) == pytest.approx(0.0, abs=1e-9)
    assert 0 < similarity(0.5 * np.eye(3)[labels] + 0.5 / 3, labels) < 1


def test_the_most_similar_tasks_are_grouped_first(alarms: tuple[TaskBlob, Dataset]) -> None:
    task, _ = alarms
    names = ["bark", "meow", "ring", "buzz"]
    pool = [
        SharedAdapter(
            np.zeros(1, np.float32), (replace(task, record=task.record.model_copy(update={"task": name})),)
        )
        for name in names
    ]
    animals = {"bark", "meow"}

    def task_similarity(one: str, other: str) -> float:
        return 0.9 if {one, other} == animals else 0.5 if not {one, other} & animals else 0.1

    def group(budget: int) -> list[list[str]]:
        groups = group_adapters(pool, budget, task_similarity)
        return [[shared.tasks[0].task for shared in group] for group in groups]

    assert group(4) == [["bark"], ["meow"], ["ring"], ["buzz"]]
    assert group(3) == [["bark", "meow"], ["ring"], ["buzz"]]
    assert group(2) == [["bark", "meow"], ["ring", "buzz"]]
    assert group(1) == [["bark", "meow", "ring", "buzz"]]


def test_leep_is_zero_where_the_source_determines_the_labels_and_the_entropy_where_it_knows_nothing() -> None:
    labels = np.array([0, 0, 1, 1])
    certain = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]], float)
    assert leep(certain, labels) == pytest.approx(0)
    assert leep(np.full((4, 3), 1 / 3), labels) == pytest.approx(np.log(0.5))
