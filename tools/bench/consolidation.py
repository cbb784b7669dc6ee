"""`python -m tools.bench.consolidation TASKS`: accuracy and speed with shared adapters.

First table: every task is enrolled with its own adapter; then `edgecl consolidate` reduces a copy of that
home to K adapters, for every K, and the test accuracy of each task is measured. Second table: CPU time of one
window, backbone included, with an increasing number of tasks that have their own adapters or share one, by
turns.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from device_runtime.data.task_loader import load_tasks
from device_runtime.model.adapter import softmax
from device_runtime.model.runtime import Runtime
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.recognition.adapter_pool import group_by_adapter
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.training.validation import ValidationResult
from edgecl.arrays import Tokens
from edgecl.audio.reader import read_clip
from edgecl.store.blob import TaskBlob
from edgecl.store.store import Store
from edgecl.windows import split_into_windows
from tools.bench.machine import describe_machine
from tools.bench.task_copies import copy_task, replace_adapter
from tools.bench.timing import children_cpu_s, time_interleaved
from tools.command import Command
from tools.command_line import BundleFolder, Seed, TasksFolder, list_task_folders, run_command

TASK_COUNTS = (1, 5, 20, 50)
ROUNDS = 30


@dataclass(frozen=True)
class Test:
    """The test recordings of one task as tokens."""

    tokens: Tokens  # [N, tokens, D]
    labels: list[str]  # [N]
    recordings: list[int]  # [N], which recording each window was cut from


def consolidation(tasks: TasksFolder, bundle: BundleFolder = DEFAULT_BUNDLE, seed: Seed = 0) -> None:
    """Print the test accuracy by number of adapters, and the CPU time of one window by number of tasks."""
    console, runtime = Console(width=140), Runtime.open(bundle, threads=1)
    console.print(f"{describe_machine()}; bundle {runtime.bundle.fingerprint[:8]}, one thread")
    folders = list_task_folders(tasks)
    with tempfile.TemporaryDirectory() as work:
        home = Path(work) / "home"
        for folder in folders:
            console.print(f"enrolling {folder.name}", style="dim")
            options = ["--method", "adapter", "--seed", str(seed), "--threads", "1"]
            Command(home, bundle).run("enroll", folder.name, str(folder / "train"), *options)
        tests = {folder.name: _read_test(folder / "test", runtime) for folder in folders}
        console.print(_measure_accuracy(home, bundle, seed, runtime, tests))
        console.print(_measure_speed(runtime, _load(home, runtime)))


def _measure_accuracy(
    home: Path, bundle: Path, seed: int, runtime: Runtime, tests: Mapping[str, Test]
) -> Table:
    """Return a table of the test accuracy of every task by number of adapters."""
    table = Table("adapters", *tests, "mean", "change", "tasks that share an adapter", "CPU s")
    baseline = _accuracy(_load(home, runtime), runtime, tests)
    table.add_row(str(len(tests)), *_format_shares([*baseline.values()]), "", "", "")
    for budget in range(len(tests) - 1, 0, -1):
        copy = shutil.copytree(home, home.with_name(f"home-{budget}"))
        before_s = children_cpu_s()
        options = ["--budget", str(budget), "--yes", "--seed", str(seed), "--threads", "1"]
        Command(copy, bundle).run("consolidate", *options)
        seconds = children_cpu_s() - before_s
        merged = _load(copy, runtime)
        found = _accuracy(merged, runtime, tests)
        change = np.mean([found[name] - baseline[name] for name in tests])
        groups = "; ".join(_groups(merged, runtime))
        table.add_row(
            str(budget), *_format_shares([*found.values()]), f"{100 * change:+.1f}", groups, f"{seconds:.0f}"
        )
    return table


def _measure_speed(runtime: Runtime, tasks: Sequence[TaskBlob]) -> Table:
    """Return a table of CPU milliseconds per window by number of tasks, copies of the enrolled ones."""
    table = Table("tasks", "own adapters", "one shared adapter", "own / shared")
    noise = np.random.default_rng(0).normal(0, 0.1, runtime.window_samples).astype(np.float32)
    window, size = split_into_windows(noise, runtime.window_samples), runtime.forward.adapter_size
    for count in TASK_COUNTS:
        own = [copy_task(tasks[number % len(tasks)], number, size) for number in range(count)]
        shared = [replace_adapter(task, own[0].parameters[:size]) for task in own]
        runs = {
            name: partial(Recognizer(runtime, pool).score_windows, window)
            for name, pool in {"own": own, "shared": shared}.items()
        }
        median_ms = time_interleaved(runs, ROUNDS, clock=time.process_time)
        ratio = median_ms["own"] / median_ms["shared"]
        table.add_row(
            str(count), f"{median_ms['own']:.2f} ms", f"{median_ms['shared']:.2f} ms", f"{ratio:.2f}"
        )
    return table


def _read_test(folder: Path, runtime: Runtime) -> Test:
    """Read the recordings of a folder with one sub-folder per label."""
    pieces: list[Tokens] = []
    labels: list[str] = []
    recordings: list[int] = []
    for number, path in enumerate(sorted(folder.glob("*/*"))):
        windows = split_into_windows(
            read_clip(path, rate_hz=runtime.rate_hz).waveform, runtime.window_samples
        )
        pieces.append(runtime.backbone.extract_tokens(windows))
        labels += [path.parent.name] * len(windows)
        recordings += [number] * len(windows)
    return Test(np.concatenate(pieces), labels, recordings)


def _load(home: Path, runtime: Runtime) -> list[TaskBlob]:
    with Store.open(home, create=False) as store:
        return load_tasks(store, runtime.bundle.manifest)


def _accuracy(tasks: Sequence[TaskBlob], runtime: Runtime, tests: Mapping[str, Test]) -> dict[str, float]:
    """Return the test accuracy (0…1) of each task."""
    found = {}
    for task in tasks:
        test = tests[task.task]
        logits, _ = runtime.forward.run(test.tokens, task.parameters, task.normalizer)
        labels = np.array([task.labels.index(label) for label in test.labels])
        found[task.task] = ValidationResult.from_windows(
            softmax(logits), labels, np.array(test.recordings)
        ).accuracy
    return found


def _groups(tasks: Sequence[TaskBlob], runtime: Runtime) -> Iterator[str]:
    """Yield the tasks of each shared adapter."""
    for member in group_by_adapter(tasks, runtime.forward.adapter_size):
        if len(member.tasks) > 1:
            yield " + ".join(task.task for task in member.tasks)


def _format_shares(found: Sequence[float]) -> list[str]:
    """Format shares and their mean as percentages."""
    return [f"{100 * share:.1f}" for share in (*found, float(np.mean(found)))]


if __name__ == "__main__":
    run_command(consolidation, "tools.bench.consolidation")
