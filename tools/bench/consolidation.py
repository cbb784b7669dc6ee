"""`python -m tools.bench.consolidation TASKS`: what sharing adapters costs and brings.

First table: every task is enrolled by gradient, so that each has an adapter of its own; then `edgecl
consolidate` brings a copy of that home down to K adapters, for every K. Test recordings of each task, which
no version learnt from, are asked. Second table: how long one window takes to recognise with more and more
tasks, each with an adapter of its own or all with the same, by turns; all of it, the backbone included.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from device_runtime.data.task_loader import load_tasks
from device_runtime.model.adapter import softmax
from device_runtime.model.runtime import DEFAULT_BUNDLE, Runtime
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

TASKS = (1, 5, 20, 50)
ROUNDS = 30


@dataclass(frozen=True)
class Test:
    """The test recordings of one task, as the backbone hears them."""

    tokens: Tokens  # [N, tokens, D]
    labels: list[str]  # [N]
    recordings: list[int]  # [N], which recording each window was cut from


def main(
    tasks: Annotated[Path, typer.Argument(exists=True, help="Folder of tasks, each with train/ and test/.")],
    bundle: Annotated[Path, typer.Option(help="A bundle folder.", show_default=False)] = DEFAULT_BUNDLE,
    seed: Annotated[int, typer.Option(help="Of enrolments and merging.")] = 0,
) -> None:
    """Print both tables."""
    console, runtime = Console(width=140), Runtime.open(bundle, threads=1)
    console.print(f"{describe_machine()}; bundle {runtime.bundle.fingerprint[:8]}, one thread")
    names = sorted(folder.name for folder in tasks.iterdir() if (folder / "train").is_dir())
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        for name in names:
            console.print(f"enrolling {name}", style="dim")
            options = ["--method", "adapter", "--seed", str(seed), "--threads", "1"]
            Command(home, bundle).run("enroll", name, str(tasks.absolute() / name / "train"), *options)
        tests = {name: _heard(tasks / name / "test", runtime) for name in names}
        console.print(_budgets(home, bundle, seed, runtime, tests))
        console.print(_recognition(runtime, _loaded(home, runtime)))


def _budgets(home: Path, bundle: Path, seed: int, runtime: Runtime, tests: Mapping[str, Test]) -> Table:
    """Test accuracy of every task for every number of adapters."""
    table = Table("adapters", *tests, "mean", "change", "groups", "CPU s")
    usual = _accuracy(_loaded(home, runtime), runtime, tests)
    table.add_row(str(len(tests)), *_shares([*usual.values()]), "", "", "")
    for budget in range(len(tests) - 1, 0, -1):
        copy = shutil.copytree(home, home.with_name(f"home-{budget}"))
        before_s = children_cpu_s()
        options = ["--budget", str(budget), "--yes", "--seed", str(seed), "--threads", "1"]
        Command(copy, bundle).run("consolidate", *options)
        seconds = children_cpu_s() - before_s
        merged = _loaded(copy, runtime)
        found = _accuracy(merged, runtime, tests)
        change = np.mean([found[name] - usual[name] for name in tests])
        groups = "; ".join(_groups(merged, runtime))
        table.add_row(
            str(budget), *_shares([*found.values()]), f"{100 * change:+.1f}", groups, f"{seconds:.0f}"
        )
    return table


def _recognition(runtime: Runtime, tasks: Sequence[TaskBlob]) -> Table:
    """Milliseconds of CPU a window takes with so many tasks, made of the enrolled ones."""
    table = Table("tasks", "an adapter each", "one adapter", "ratio")
    noise = np.random.default_rng(0).normal(0, 0.1, runtime.window_samples).astype(np.float32)
    window, size = split_into_windows(noise, runtime.window_samples), runtime.forward.adapter_size
    for count in TASKS:
        each = [copy_task(tasks[number % len(tasks)], number, size) for number in range(count)]
        one = [replace_adapter(task, each[0].parameters[:size]) for task in each]
        runs = {
            name: partial(Recognizer(runtime, pool).score_windows, window)
            for name, pool in {"each": each, "one": one}.items()
        }
        median_ms = time_interleaved(runs, ROUNDS, clock=time.process_time)
        ratio = median_ms["each"] / median_ms["one"]
        table.add_row(str(count), f"{median_ms['each']:.2f} ms", f"{median_ms['one']:.2f} ms", f"{ratio:.2f}")
    return table


def _heard(folder: Path, runtime: Runtime) -> Test:
    """The recordings of a folder, one sub-folder for each label."""
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


def _loaded(home: Path, runtime: Runtime) -> list[TaskBlob]:
    with Store.open(home, create=False) as store:
        return load_tasks(store, runtime.bundle.manifest)


def _accuracy(tasks: Sequence[TaskBlob], runtime: Runtime, tests: Mapping[str, Test]) -> dict[str, float]:
    """Share of the test recordings of each task that are recognised."""
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
    """The tasks of each adapter that is shared."""
    for member in group_by_adapter(tasks, runtime.forward.adapter_size):
        if len(member.tasks) > 1:
            yield " + ".join(task.task for task in member.tasks)


def _shares(found: Sequence[float]) -> list[str]:
    """Each as a percentage, then their mean."""
    return [f"{100 * share:.1f}" for share in (*found, float(np.mean(found)))]


if __name__ == "__main__":
    typer.run(main)
