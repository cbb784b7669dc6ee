"""The continual-learning benchmark: all methods on two real tasks, a few clips and one epoch."""

import json
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.system.progress import ignore_progress
from device_runtime.training.learner import ADAPTER, AUTO
from device_runtime.training.recipe import Recipe
from edgecl.errors import EdgeclError, UsageError
from tools.bench.continual import method_selection, metrics, worker_processes
from tools.bench.continual.__main__ import WEIGHTS, continual
from tools.bench.continual.benchmark import Benchmark
from tools.bench.continual.feature_extractors import FeatureExtraction
from tools.bench.continual.few_shot import measure_curve, subsample
from tools.bench.continual.method_inputs import Setup
from tools.bench.continual.method_selection import MethodSelection
from tools.bench.continual.methods import BASELINES
from tools.bench.continual.sequence import Outcome, run_method
from tools.bench.continual.sources import limit_clips, read_tasks
from tools.bench.continual.sources.task_files import TaskFiles
from tools.bench.continual.tasks import Task

CLIPS = 4
SOUNDS = {
    "drum_hits": ("crash", "hihat", "kick", "snare"),
    "gm_instruments": ("bagpipe", "electric_bass_finger", "shanai", "sitar"),
}
CHANCE = 1 / 4
TRAINED = ["fine-tune", "ewc", "lwf", "er", "der++", "icarl", "l2p", "joint"]


@pytest.fixture(scope="module")
def folders(task: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the folders of two real tasks, each with four of its classes."""
    few = tmp_path_factory.mktemp("few")
    for name, labels in SOUNDS.items():
        for half in ("train", "test"):
            for label in labels:
                shutil.copytree(task(name) / half / label, few / name / half / label)
    return [few / name for name in SOUNDS]


@pytest.fixture(scope="module")
def sequence(folders: list[Path]) -> list[TaskFiles]:
    """Read the tasks, a few clips of each class."""
    return [limit_clips(found, CLIPS, seed=0) for found in read_tasks(folders, 5, 5)]


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    """Set up one epoch with the shipped bundle."""
    return Setup(DEFAULT_BUNDLE, WEIGHTS, tmp_path_factory.mktemp("caches"), epochs=1, seed=0, threads=1)


@pytest.fixture(scope="module")
def selection(setup: Setup) -> MethodSelection:
    """Select every method that needs no published weights."""
    return method_selection.select_methods((), [DEFAULT_BUNDLE], setup, {"mn04": None, "yamnet": None})


@pytest.fixture(scope="module")
def tasks(sequence: list[TaskFiles], selection: MethodSelection, setup: Setup) -> list[Task]:
    """Extract the features of all recordings once."""
    return FeatureExtraction(selection.extractors, setup.recipe, ignore_progress).run(sequence)


@pytest.fixture(scope="module")
def outcome(selection: MethodSelection, setup: Setup, tasks: list[Task]) -> Callable[[str], Outcome]:
    """Return the outcome of a method by the start of its name."""
    rows: dict[str, Outcome] = {}

    def of(name: str) -> Outcome:
        entry = next(entry for entry in selection.entries if entry.name.startswith(name))
        if entry.name not in rows:
            rows[entry.name] = run_method(entry, setup, tasks)
        return rows[entry.name]

    return of


def test_all_methods_are_selected_but_those_whose_weights_were_not_given(selection: MethodSelection):
    names = [entry.name for entry in selection.entries]
    assert {"edgecl auto", "edgecl prototype", "edgecl adapter post/conv, portable"} <= set(names)
    assert {entry.name for entry in BASELINES.values()} <= set(names)
    assert list(selection.left_out) == ["mn04 + LR", "YAMNet + LR"]
    assert "--mn04" in selection.left_out["mn04 + LR"]


@pytest.mark.parametrize("name", [entry.name for entry in BASELINES.values()])
def test_every_baseline_fills_its_row(name: str, outcome: Callable[[str], Outcome]):
    row = outcome(name)
    assert np.isnan(row.R[0, 1])
    known = row.R[np.tril_indices(2)]
    assert ((known >= 0) & (known <= 1)).all()
    assert row.bytes_per_task > 1000
    assert row.seconds > 0


@pytest.mark.parametrize("name", ["edgecl auto", "edgecl adapter", "linear probe", "nearest class mean"])
def test_isolated_methods_forget_exactly_nothing(name: str, outcome: Callable[[str], Outcome]):
    row = outcome(name)
    assert row.isolated
    assert row.unchanged
    assert metrics.forgetting(row.R) == 0.0
    assert metrics.forward_transfer(row.R, row.alone) == 0.0


@pytest.mark.parametrize("name", TRAINED)
def test_methods_that_share_an_adapter_change_their_scores_for_the_first_task(
    name: str, outcome: Callable[[str], Outcome]
):
    assert not outcome(BASELINES[name].name).unchanged


def test_frozen_features_classify_drums_and_instruments_above_chance(outcome: Callable[[str], Outcome]):
    assert metrics.average_accuracy(outcome("linear probe").R) > 3 * CHANCE
    assert metrics.average_accuracy(outcome("edgecl auto").R) > 2 * CHANCE


def test_edgecl_also_predicts_class_incrementally(outcome: Callable[[str], Outcome]):
    row = outcome("edgecl auto")
    assert row.class_incremental is not None
    assert (row.class_incremental[1] <= row.R[1]).all()


def test_the_same_seed_gives_the_same_outcome(
    setup: Setup, tasks: list[Task], outcome: Callable[[str], Outcome]
):
    again = run_method(BASELINES["er"], setup, tasks)
    np.testing.assert_array_equal(again.R, outcome("ER").R)
    np.testing.assert_array_equal(again.class_incremental, outcome("ER").class_incremental)


def test_larger_draws_contain_the_smaller_ones(tasks: list[Task]):
    one, three = subsample(tasks[1], 1, draw=2), subsample(tasks[1], 3, draw=2)
    assert len(one.train) == len(tasks[1].labels)
    assert set(one.train) < set(three.train)
    assert subsample(tasks[1], 100, draw=2).train == tasks[1].train


def test_few_shot_points_with_too_few_clips_for_edgecl_are_empty(
    setup: Setup, tasks: list[Task], selection: MethodSelection
):
    drawn = measure_curve(selection.entries[0], setup, tasks[0], shots=(1, 3), draws=2)
    assert np.isnan(drawn.accuracy[0]).all()
    assert (drawn.accuracy[1] > 0).all()


def test_a_method_that_wrongly_claims_isolation_is_an_error(
    setup: Setup, sequence: list[TaskFiles], selection: MethodSelection
):
    entry = replace(BASELINES["fine-tune"], isolated=True)
    benchmark = Benchmark(setup, seeds=1, shots=(), draws=1, processes=1, progress=ignore_progress)
    with pytest.raises(EdgeclError, match="fine-tune changed the scores"):
        benchmark.run(sequence, MethodSelection([entry], selection.extractors[:1]), command="")


def test_an_error_in_a_worker_process_keeps_its_message_and_hint():
    nowhere = partial(read_tasks, [Path("/nowhere")], 5, 5)
    with pytest.raises(UsageError, match="there is no folder") as failure:
        worker_processes.run_all([nowhere], "training", 1, ignore_progress)
    assert failure.value.hint == "check the spelling of the path"


def test_a_killed_worker_process_ends_the_run_with_a_hint():
    killed = partial(signal.raise_signal, signal.SIGKILL)
    with pytest.raises(EdgeclError, match="process of a method was killed") as failure:
        worker_processes.run_all([killed], "training", 1, ignore_progress)
    assert "--processes 1" in failure.value.hint


def test_a_task_of_sixty_classes_that_is_too_large_for_copies_is_learnt_without_them(
    selection: MethodSelection, setup: Setup, tmp_path: Path
):
    rng = np.random.RandomState(0)
    for number in range(60):
        folder = tmp_path / "sixty" / "train" / f"class {number:02d}"
        folder.mkdir(parents=True)
        soundfile.write(folder / "1.wav", rng.normal(0, 0.1, 2 * 16_000), 16_000)
    shutil.copytree(folder, tmp_path / "sixty" / "test" / folder.name)
    files = read_tasks([tmp_path / "sixty"], 5, 5)
    recipe, extractors = Recipe(windows=100), selection.extractors[:1]  # all that the method below needs
    assert recipe.count_copies(60) == 0
    (task,) = FeatureExtraction(extractors, recipe, ignore_progress).run(files)
    assert len(task.labels) == 60
    ncm = next(entry for entry in selection.entries if entry.name == "nearest class mean")
    assert run_method(ncm, setup, [task]).R.shape == (1, 1)


def test_the_hint_for_an_unknown_method_lists_all_methods(setup: Setup):
    with pytest.raises(UsageError, match="no method 'sgd'") as refused:
        method_selection.select_methods(["sgd"], [DEFAULT_BUNDLE], setup, {})
    assert "fine-tune" in refused.value.hint


def test_the_command_writes_a_report_a_document_and_pictures(
    folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(method_selection, "METHODS", (AUTO, ADAPTER))
    continual(
        folders,
        tmp_path / "out",
        "ncm,fine-tune,edgecl",
        clips=3,
        epochs=1,
        shots="1,2",
        draws=2,
        seeds=2,
        processes=2,
    )
    assert "nearest class mean" in capsys.readouterr().out
    document = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [entry["name"] for entry in document["tasks"]] == ["drum_hits", "gm_instruments"]
    ncm = next(row for row in document["sequence"] if row["method"] == "nearest class mean")
    assert ncm["forgetting"] == 0.0
    assert [row["seed"] for row in document["sequence"] if row["method"] == "edgecl auto"] == [0, 1]
    assert [row["seed"] for row in document["sequence"] if row["method"] == "fine-tune"] == [0]  # it is slow
    assert ncm["R"][0][1] is None
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| nearest class mean |" in report
    for name in ("matrices.png", "sequence.png", "few-shot.png"):
        assert name in report
        assert (tmp_path / "out" / name).stat().st_size > 5000
