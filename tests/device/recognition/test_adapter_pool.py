"""Tasks with the same adapter: it runs once, and each task scores as it does alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device_runtime.data.task_loader import load_task
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.adapter_pool import AdapterPool, group_by_adapter
from device_runtime.recognition.recognizer import Recognizer
from edgecl.arrays import Floats, Tokens
from edgecl.store.blob import TaskBlob
from edgecl.store.store import Store
from edgecl.windows import split_into_windows
from tools.demo.synthesise import FIRST_UNSEEN, make_clip


@pytest.fixture(scope="module")
def runtime(bundle: Path) -> Runtime:
    return Runtime.open(bundle, threads=1)


@pytest.fixture(scope="module")
def alarms(learnt_home: Path, runtime: Runtime) -> TaskBlob:
    with Store.open(learnt_home, create=False) as store:
        return load_task(store, "alarms", runtime.bundle.manifest)


def make_sound(label: str) -> Floats:
    """Return an unseen recording [samples]."""
    return make_clip(label, FIRST_UNSEEN).astype(np.float32)


@pytest.fixture(scope="module")
def tokens(runtime: Runtime) -> Tokens:
    return runtime.backbone.extract_tokens(split_into_windows(make_sound("doorbell"), runtime.window_samples))


def copy_task(task: TaskBlob, name: str, adapter: Floats, seed: int) -> TaskBlob:
    """Return a task with this adapter and a head and normalizer of its own."""
    rng = np.random.default_rng(seed)
    head = task.parameters[adapter.size :]
    other_head = head + rng.normal(0, 0.01, head.size).astype(np.float32)
    return replace(
        task,
        record=task.record.model_copy(update={"task": name}),
        parameters=np.concatenate([adapter, other_head]),
        normalizer=task.normalizer * np.float32(1 + 0.1 * seed),
    )


def make_tasks(task: TaskBlob, runtime: Runtime) -> list[TaskBlob]:
    """Return two tasks with the initial adapter and two with a trained one, alternating."""
    initial = task.parameters[: runtime.forward.adapter_size]
    trained = initial + np.random.default_rng(0).normal(0, 0.05, initial.size).astype(np.float32)
    names = enumerate(["bells", "words", "steps", "birds"])
    return [copy_task(task, name, trained if seed % 2 else initial, seed) for seed, name in names]


def test_every_task_has_the_logits_that_the_graph_computes_for_it_alone(
    runtime: Runtime, alarms: TaskBlob, tokens: Tokens
) -> None:
    tasks = make_tasks(alarms, runtime)
    pooled = AdapterPool(runtime.forward, tasks).compute_logits(
        tokens, runtime.forward.compute_embeddings(tokens)
    )
    by_task = {task.task: logits for task, logits in pooled}
    for task in tasks:
        alone, _ = runtime.forward.run(tokens, task.parameters, task.normalizer)
        np.testing.assert_allclose(by_task[task.task], alone, rtol=1e-4, atol=1e-4 * np.abs(alone).max())


def test_tasks_are_grouped_by_the_bytes_of_their_adapters(runtime: Runtime, alarms: TaskBlob) -> None:
    pool = group_by_adapter(make_tasks(alarms, runtime), runtime.forward.adapter_size)
    names = [[task.task for task in member.tasks] for member in pool]
    assert names == [["bells", "steps"], ["words", "birds"]]


def test_scores_are_bit_identical_whichever_tasks_share_the_adapter(
    runtime: Runtime, alarms: TaskBlob
) -> None:
    tasks = make_tasks(alarms, runtime)
    together = {score.task: score for score in Recognizer(runtime, tasks).score_clip(make_sound("timer"))}
    for task in tasks:
        assert Recognizer(runtime, [task]).score_clip(make_sound("timer")) == [together[task.task]]
