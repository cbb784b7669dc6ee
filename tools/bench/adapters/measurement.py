"""Measures every form of adapter on tasks, and prints a table of their means."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from device_runtime.data.dataset import Dataset
from device_runtime.system.progress import Progress
from device_runtime.training.methods.auto import is_significantly_better
from device_runtime.training.recipe import Recipe
from edgecl.arrays import Bools, Doubles
from edgecl.learning.recording_groups import group_recordings
from tools.bench.adapters.forms import SLDA, AdapterForms
from tools.bench.continual.feature_extractors import FeatureExtraction, FeatureExtractor
from tools.bench.continual.sources import limit_clips
from tools.bench.continual.sources.task_files import TaskFiles
from tools.bench.continual.tasks import Clip, Task, Windows, load_augmented_windows, load_windows
from tools.bench.markdown import format_header, format_row


@dataclass(frozen=True)
class Measurement:
    """One form of adapter, trained once on one task."""

    form: str
    task: str
    hits: Bools  # of the test recordings, [R]
    chosen_hits: Bools  # the same of SLDA, unless the recordings left out prefer this form, [R]
    left_out: float  # accuracy of the training recordings by cross-validation, 0…1
    is_taken: bool  # whether the recordings left out prefer it to SLDA


@dataclass(frozen=True)
class AdapterBench:
    """Trains and tests every form on tasks."""

    extractor: FeatureExtractor
    recipe: Recipe
    forms: AdapterForms
    progress: Progress

    def run(self, tasks: Sequence[TaskFiles], clips: int | None, draws: int) -> Iterator[Measurement]:
        """Measure every form on every task.

        Args:
            tasks: their recordings.
            clips: training recordings of each class; None: all.
            draws: number of random choices of them, each with its own seed of training.
        """
        for draw in range(draws):
            limited = [limit_training(files, clips, draw) for files in tasks]
            loaded = FeatureExtraction([self.extractor], self.recipe, self.progress).run(limited)
            for number, task in enumerate(loaded):
                self.progress("training", draw * len(tasks) + number, draws * len(tasks))
                yield from self._measure(task.as_first(), replace(self.forms, seed=draw))
        self.progress("training", draws * len(tasks), draws * len(tasks))

    def _measure(self, task: Task, forms: AdapterForms) -> Iterator[Measurement]:
        """Measure every form on a task; the first one is SLDA."""
        cache = self.extractor.cache
        windows = load_augmented_windows(cache, task.train, self.recipe, first_class=0)
        data = forms.prepare(_to_dataset(windows, task.train, task.labels))
        test = _to_dataset(load_windows(cache, task.test), task.test, task.labels)
        compared = {
            name: (forms.predict(form(data), test).is_correct, forms.cross_validate(form, data))
            for name, form in forms.list_forms().items()
        }
        holder_hits, holder = compared[SLDA]
        for name, (hits, left_out) in compared.items():
            is_taken = is_significantly_better(left_out, holder)
            chosen = hits if is_taken else holder_hits
            yield Measurement(name, task.name, hits, chosen, left_out.accuracy, is_taken)


def limit_training(files: TaskFiles, clips: int | None, seed: int) -> TaskFiles:
    """Return the task with a random choice of that many training recordings of each class; None: all."""
    if clips is None:
        return files
    chosen = limit_clips(files, clips, seed).train
    return replace(files, train={label: sorted(paths) for label, paths in chosen.items()})


def _to_dataset(windows: Windows, clips: Sequence[Clip], labels: Sequence[str]) -> Dataset:
    """Return windows as a dataset, with the recording groups of their clips."""
    groups = group_recordings([clip.path.name for clip in clips], [labels[clip.label] for clip in clips])
    arrays = windows.features, windows.labels, windows.recordings, windows.augmented
    return Dataset(*arrays, len(labels), groups[windows.recordings])


def format_table(measurements: Sequence[Measurement]) -> Iterator[str]:
    """Yield lines of Markdown, one row per form: means over the tasks, then the test accuracy by task."""
    tasks = list(dict.fromkeys(one.task for one in measurements))
    yield from format_header(["form", "test", "change", "left out", "as `auto`", "change", "taken", *tasks])
    slda = _average(measurements, SLDA, tasks, lambda one: one.hits)
    for form in dict.fromkeys(one.form for one in measurements):
        hits, chosen, left_out, taken = (
            _average(measurements, form, tasks, value)
            for value in (
                lambda one: one.hits,
                lambda one: one.chosen_hits,
                lambda one: np.array([one.left_out]),
                lambda one: np.array([one.is_taken]),
            )
        )
        by_task = [100 * one.mean() for one in hits]
        cells = [form, f"{np.mean(by_task):.1f} %", _format_change(hits, slda), _format_mean(left_out)]
        cells += [_format_mean(chosen), _format_change(chosen, slda), _format_mean(taken)]
        yield format_row([*cells, *(f"{accuracy:.1f}" for accuracy in by_task)])


def _average(
    measurements: Sequence[Measurement],
    form: str,
    tasks: Sequence[str],
    value: Callable[[Measurement], Doubles | Bools],
) -> list[Doubles]:
    """Return the mean of a value [R] of a form over the draws of each task, [T][R]."""
    return [
        np.mean([value(one) for one in measurements if (one.form, one.task) == (form, task)], axis=0)
        for task in tasks
    ]


def _format_mean(values: Sequence[Doubles]) -> str:
    return f"{100 * np.mean([one.mean() for one in values]):.1f} %"


def _format_change(ours: Sequence[Doubles], theirs: Sequence[Doubles]) -> str:
    """Return the mean change over the tasks in points, ± two standard errors over the test recordings."""
    changes = [one - other for one, other in zip(ours, theirs, strict=True)]
    variance = np.sum([one.var() / len(one) for one in changes]) / len(changes) ** 2
    return f"{100 * np.mean([one.mean() for one in changes]):+.1f} ± {200 * np.sqrt(variance):.1f}"
