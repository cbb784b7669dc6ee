"""`python -m tools.bench.input_tuning TASKS HEARD`: what tuning in the input space brings, in Markdown.

    matched    each band gets, in closed form, the mean and the deviation that it had in what the backbone
               learnt from (HEARD)
    learnt     gains and offsets by gradient through the frozen backbone (--learn; slow)

Behind them all is as in the product: a logistic head in closed form on an untouched adapter. A task is learnt
and asked through a plain microphone, through one that colours sounds strongly, and learnt through the plain
one and asked through the other. There bands tuned to the task say nothing of the new microphone, and
`matched` gives what is heard, labels unknown, the bands of what was learnt from.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor

from device_runtime.data.dataset import Dataset
from device_runtime.model.adapter import AdapterForward, load_initial_parameters, softmax
from device_runtime.model.runtime import DEFAULT_BUNDLE
from device_runtime.training.methods.closed_form import ClosedForm
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.validation import ValidationResult
from edgecl.arrays import Floats
from edgecl.audio.reader import read_clip
from edgecl.bundle.bundle import Bundle
from edgecl.windows import split_into_windows
from export.background import windows_of
from export.input_tuning import BATCH, Statistics, identity, learnt, matched, statistics, tuned
from export.make_bundle import quickest
from export.model.ast import Ast
from export.weights import load_weights
from tools.bench.__main__ import DEFAULT_WEIGHTS
from tools.bench.continual.sources import folders
from tools.bench.continual.sources.task_files import Half, TaskFiles
from tools.bench.machine import describe_machine
from tools.bench.markdown import format_header, format_row

HEARD_WINDOWS = 400
COLOUR_HZ = (0, 200, 400, 1000, 2500, 4000, 6000, 8000)
COLOUR_DB = (-24, -24, -12, 0, 12, 0, -15, -25)
"""A small capsule in a small case: no lows, a resonance, no highs."""

Microphone = Callable[[Floats], Floats]
"""Waveform [samples] at 16 kHz → the same as it would have been recorded."""


def plain(waveform: Floats) -> Floats:
    """The recording as it is."""
    return waveform


def coloured(waveform: Floats) -> Floats:
    """The recording through `COLOUR_DB`, turned down where it would clip."""
    frequency_hz = np.fft.rfftfreq(len(waveform), 1 / 16000)
    gain = 10 ** (np.interp(frequency_hz, COLOUR_HZ, COLOUR_DB) / 20)
    heard = np.fft.irfft(np.fft.rfft(waveform) * gain, len(waveform)).astype(np.float32)
    return heard / max(1.0, float(np.abs(heard).max()))


@dataclass(frozen=True)
class Heard:
    """Some recordings of a task as images of their windows."""

    images: Tensor  # [N, 1, M, frames]
    labels: NDArray[np.int64]  # [N]
    recordings: NDArray[np.int64]  # [N]


@dataclass(frozen=True)
class Bench:
    """The backbone in torch, and what a device has behind it."""

    model: Ast
    forward: AdapterForward
    bundle: Bundle
    seed: int

    def images(self, windows: Floats) -> Tensor:
        """Log-mel images [N, 1, M, frames] of windows [N, samples]."""
        with torch.inference_mode():
            parts = torch.from_numpy(windows).split(BATCH)
            return torch.cat([self.model.front_end(part) for part in parts])

    def hear(self, half: Half, clips: int, microphone: Microphone) -> Heard:
        """So many recordings of each class through a microphone."""
        chosen = [(number, path) for number, paths in enumerate(half.values()) for path in paths[:clips]]
        samples = self.model.config.window_samples
        windows = [split_into_windows(microphone(read_clip(path).waveform), samples) for _, path in chosen]
        counts = [len(some) for some in windows]
        labels = np.repeat([number for number, _ in chosen], counts)
        return Heard(self.images(np.concatenate(windows)), labels, np.repeat(np.arange(len(chosen)), counts))

    def examples(self, heard: Heard, bands: Tensor) -> Dataset:
        """The same as tokens, behind bands [2, M]."""
        with torch.inference_mode():
            parts = tuned(heard.images, bands).split(BATCH)
            tokens = torch.cat([self.model.encode(part) for part in parts]).numpy().astype(np.float16)
        varied = np.zeros(len(tokens), bool)
        return Dataset(tokens, heard.labels, heard.recordings, varied, int(heard.labels.max()) + 1)

    def asked(self, train: Dataset, test: Dataset) -> ValidationResult:
        """What a head in closed form, learnt from some examples, makes of others."""
        start = load_initial_parameters(self.bundle, train.classes)
        material = TrainingData.from_dataset(train, self.forward, start, self.seed)
        parameters = ClosedForm.fit("logistic", material).fit_all()
        logits, _ = self.forward.run(test.tokens, parameters, material.normalizer)
        return ValidationResult.from_windows(softmax(logits), test.labels, test.recordings)


Answers = dict[tuple[str, str], ValidationResult]
"""By microphone and tuning."""


def measured(
    bench: Bench, task: TaskFiles, wanted: Statistics, clips: tuple[int, int], learn: bool
) -> Answers:
    """One task, learnt and asked in every way.

    Args:
        wanted: what bands are matched to.
        clips: recordings of each class to learn from and to ask.
        learn: whether bands are learnt by gradient as well.
    """
    heard = {
        microphone: (
            bench.hear(task.train, clips[0], microphone),
            bench.hear(task.test, clips[1], microphone),
        )
        for microphone in (plain, coloured)
    }
    answers = {
        (microphone.__name__, tuning): bench.asked(bench.examples(train, bands), bench.examples(test, bands))
        for microphone, (train, test) in heard.items()
        for tuning, bands in _tunings(bench, train, wanted, learn)
    }
    train, (_, test) = heard[plain][0], heard[coloured]
    untouched = identity(wanted[0].numel())
    known = bench.examples(train, untouched)
    for tuning, bands in (("none", untouched), ("matched", matched(test.images, statistics(train.images)))):
        answers["plain, then coloured", tuning] = bench.asked(known, bench.examples(test, bands))
    return answers


def _tunings(bench: Bench, train: Heard, wanted: Statistics, learn: bool) -> Iterator[tuple[str, Tensor]]:
    yield "none", identity(wanted[0].numel())
    yield "matched", matched(train.images, wanted)
    if learn:
        yield "learnt", learnt(bench.model, train.images, torch.from_numpy(train.labels), bench.seed)


def table(found: Sequence[Answers], tasks: Sequence[str]) -> Iterator[str]:
    """Rows of Markdown: the mean accuracy, recordings gained and lost by tuning, and each task's accuracy."""
    yield from format_header(["microphone", "tuning", "mean", "gained", "lost", *tasks])
    for microphone, tuning in found[0]:
        own = [answers[microphone, tuning] for answers in found]
        usual = np.concatenate([answers[microphone, "none"].is_correct for answers in found])
        right = np.concatenate([one.is_correct for one in own])
        shares = [100 * one.accuracy for one in own]
        changes = [str((right & ~usual).sum()), str((usual & ~right).sum())]
        cells = [f"{share:.1f}" for share in shares]
        yield format_row([microphone, tuning, f"{np.mean(shares):.1f} %", *changes, *cells])


def main(
    tasks: Annotated[Path, typer.Argument(exists=True, help="Folder of tasks, each with train/ and test/.")],
    heard: Annotated[Path, typer.Argument(exists=True, help="What the backbone learnt from, by kinds.")],
    weights: Annotated[Path, typer.Option(help="Backbone weights.")] = DEFAULT_WEIGHTS,
    bundle: Annotated[Path, typer.Option(help="Of these weights, placement 'post'.")] = DEFAULT_BUNDLE,
    train: Annotated[int, typer.Option(min=2, help="Recordings of each class to learn from.")] = 8,
    test: Annotated[int, typer.Option(min=1, help="Recordings of each class to ask.")] = 16,
    learn: Annotated[bool, typer.Option("--learn", help="Learn bands by gradient, too.")] = False,
    seed: Annotated[int, typer.Option(help="Of folds and gradients.")] = 0,
) -> None:
    """Learn and ask every task with and without tuning in the input space."""
    torch.set_num_threads(1)
    opened = Bundle.open(bundle)
    model = quickest(load_weights(weights).model)
    bench = Bench(model, AdapterForward(opened, threads=1), opened, seed)
    wanted = statistics(bench.images(np.stack(list(islice(windows_of(heard, model.config), HEARD_WINDOWS)))))
    files = folders.tasks(tasks)
    found = [measured(bench, task, wanted, (train, test), learn) for task in files]
    print(f"{describe_machine()}; bundle {opened.fingerprint[:8]}, {train} recordings a class, seed {seed}\n")
    print("\n".join(table(found, [task.name for task in files])))


if __name__ == "__main__":
    typer.run(main)
