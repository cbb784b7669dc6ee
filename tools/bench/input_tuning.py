"""`python -m tools.bench.input_tuning TASKS RECORDINGS`: tuning in the input space, in Markdown.

    matched    closed form: each band gets the mean and deviation that it has in RECORDINGS, the backbone's
               training data
    learnt     gains and offsets trained by gradient through the frozen backbone (--learn; slow)

Behind both is a logistic regression on the embeddings. A task is trained and tested through a flat
microphone, through one that colours sounds strongly, and trained through the flat one but tested through the
other. In the last case, bands tuned to the task know nothing of the new microphone; `matched` gives the test
recordings, whose labels are unknown, the bands of the training recordings.
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
from device_runtime.model.adapter import AdapterForward, load_initial_parameters
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.validation import ValidationResult
from edgecl.arrays import Floats
from edgecl.audio.reader import read_clip
from edgecl.bundle.bundle import Bundle
from edgecl.windows import split_into_windows
from export.background import iterate_windows
from export.input_tuning import (
    BATCH,
    BandStatistics,
    apply_bands,
    band_statistics,
    identity_bands,
    match_bands,
    train_bands,
)
from export.make_bundle import choose_attention
from export.model.ast import Ast
from export.weights import load_weights
from tools.bench.__main__ import DEFAULT_WEIGHTS
from tools.bench.continual.sources import folders
from tools.bench.continual.sources.task_files import Half, TaskFiles
from tools.bench.logistic import fit_logistic
from tools.bench.machine import describe_machine
from tools.bench.markdown import format_header, format_row
from tools.command_line import Seed, TasksFolder, run_command

REFERENCE_WINDOWS = 400
COLOUR_HZ = (0, 200, 400, 1000, 2500, 4000, 6000, 8000)
COLOUR_DB = (-24, -24, -12, 0, 12, 0, -15, -25)
"""Frequency response of a small capsule in a small case: no lows, a resonance, no highs."""

Microphone = Callable[[Floats], Floats]
"""Waveform [samples] at 16 kHz → the same as recorded by another microphone."""


def keep_flat(waveform: Floats) -> Floats:
    """Return the recording unchanged."""
    return waveform


def colour(waveform: Floats) -> Floats:
    """Apply the frequency response `COLOUR_DB`; the result is scaled down where it would clip."""
    frequency_hz = np.fft.rfftfreq(len(waveform), 1 / 16000)
    gain = 10 ** (np.interp(frequency_hz, COLOUR_HZ, COLOUR_DB) / 20)
    coloured = np.fft.irfft(np.fft.rfft(waveform) * gain, len(waveform)).astype(np.float32)
    return coloured / max(1.0, float(np.abs(coloured).max()))


MICROPHONES = {"flat": keep_flat, "coloured": colour}


@dataclass(frozen=True)
class Images:
    """Recordings of a task as log-mel images of their windows."""

    images: Tensor  # [N, 1, M, frames]
    labels: NDArray[np.int64]  # [N]
    recordings: NDArray[np.int64]  # [N]


@dataclass(frozen=True)
class Bench:
    """The backbone in torch and the forward graph of the device."""

    model: Ast
    forward: AdapterForward
    bundle: Bundle
    seed: int

    def compute_images(self, windows: Floats) -> Tensor:
        """Compute log-mel images [N, 1, M, frames] of windows [N, samples]."""
        with torch.inference_mode():
            parts = torch.from_numpy(windows).split(BATCH)
            return torch.cat([self.model.front_end(part) for part in parts])

    def read(self, half: Half, clips: int, microphone: Microphone) -> Images:
        """Read up to `clips` recordings per class through a microphone."""
        chosen = [(number, path) for number, paths in enumerate(half.values()) for path in paths[:clips]]
        samples = self.model.config.window_samples
        windows = [split_into_windows(microphone(read_clip(path).waveform), samples) for _, path in chosen]
        counts = [len(some) for some in windows]
        labels = np.repeat([number for number, _ in chosen], counts)
        recordings = np.repeat(np.arange(len(chosen)), counts)
        return Images(self.compute_images(np.concatenate(windows)), labels, recordings)

    def extract_tokens(self, images: Images, bands: Tensor) -> Dataset:
        """Extract the tokens of images tuned by bands [2, M]."""
        with torch.inference_mode():
            parts = apply_bands(images.images, bands).split(BATCH)
            tokens = torch.cat([self.model.encode(part) for part in parts]).numpy().astype(np.float16)
        augmented = np.zeros(len(tokens), bool)
        return Dataset(tokens, images.labels, images.recordings, augmented, int(images.labels.max()) + 1)

    def fit_and_test(self, train: Dataset, test: Dataset) -> ValidationResult:
        """Train a logistic regression and test it."""
        start = load_initial_parameters(self.bundle, train.classes)
        data = TrainingData.from_dataset(train, self.forward, start, self.seed)
        regression = fit_logistic(data.features, data.dataset.labels[data.sample])
        mean, inverse_deviation = data.normalizer
        embeddings = self.forward.compute_embeddings(test.tokens)
        probabilities = regression.predict_proba((embeddings - mean) * inverse_deviation)
        return ValidationResult.from_windows(probabilities, test.labels, test.recordings)


Results = dict[tuple[str, str], ValidationResult]
"""By microphone and tuning."""


def measure(
    bench: Bench, task: TaskFiles, reference: BandStatistics, clips: tuple[int, int], learn: bool
) -> Results:
    """Train and test one task with every microphone and tuning.

    Args:
        bench: backbone and forward graph.
        task: the task.
        reference: mean and deviation of each band in the backbone's training data.
        clips: recordings per class for training and for testing.
        learn: whether bands are trained by gradient as well.
    """
    read = {
        name: (bench.read(task.train, clips[0], microphone), bench.read(task.test, clips[1], microphone))
        for name, microphone in MICROPHONES.items()
    }
    results = {
        (name, tuning): bench.fit_and_test(
            bench.extract_tokens(train, bands), bench.extract_tokens(test, bands)
        )
        for name, (train, test) in read.items()
        for tuning, bands in _make_tunings(bench, train, reference, learn)
    }
    train, (_, test) = read["flat"][0], read["coloured"]
    untuned = identity_bands(reference[0].numel())
    dataset = bench.extract_tokens(train, untuned)
    for tuning, bands in (
        ("none", untuned),
        ("matched", match_bands(test.images, band_statistics(train.images))),
    ):
        results["flat, then coloured", tuning] = bench.fit_and_test(
            dataset, bench.extract_tokens(test, bands)
        )
    return results


def _make_tunings(
    bench: Bench, train: Images, reference: BandStatistics, learn: bool
) -> Iterator[tuple[str, Tensor]]:
    yield "none", identity_bands(reference[0].numel())
    yield "matched", match_bands(train.images, reference)
    if learn:
        yield "learnt", train_bands(bench.model, train.images, torch.from_numpy(train.labels), bench.seed)


def format_table(results: Sequence[Results], tasks: Sequence[str]) -> Iterator[str]:
    """Yield lines of Markdown: mean accuracy, recordings gained and lost by tuning, accuracy by task."""
    yield from format_header(["microphone", "tuning", "mean", "gained", "lost", *tasks])
    for microphone, tuning in results[0]:
        own = [result[microphone, tuning] for result in results]
        untuned = np.concatenate([result[microphone, "none"].is_correct for result in results])
        correct = np.concatenate([one.is_correct for one in own])
        shares = [100 * one.accuracy for one in own]
        changes = [str((correct & ~untuned).sum()), str((untuned & ~correct).sum())]
        cells = [f"{share:.1f}" for share in shares]
        yield format_row([microphone, tuning, f"{np.mean(shares):.1f} %", *changes, *cells])


def input_tuning(
    tasks: TasksFolder,
    recordings: Annotated[
        Path, typer.Argument(exists=True, help="Recordings that the backbone was trained on.")
    ],
    weights: Annotated[Path, typer.Option(help="Weights of the backbone.")] = DEFAULT_WEIGHTS,
    bundle: Annotated[
        Path,
        typer.Option(help="Bundle of these weights, placement 'post'.", show_default="the shipped one"),
    ] = DEFAULT_BUNDLE,
    train: Annotated[int, typer.Option(min=2, help="Training recordings per class.")] = 8,
    test: Annotated[int, typer.Option(min=1, help="Test recordings per class.")] = 16,
    learn: Annotated[bool, typer.Option("--learn", help="Train bands by gradient as well (slow).")] = False,
    seed: Seed = 0,
) -> None:
    """Train and test every task with and without tuning in the input space.

    gained, lost: test recordings that tuning classifies correctly, and those that it no longer does.
    """
    torch.set_num_threads(1)
    opened = Bundle.open(bundle)
    model = choose_attention(load_weights(weights).model)
    bench = Bench(model, AdapterForward(opened, threads=1), opened, seed)
    windows = np.stack(list(islice(iterate_windows(recordings, model.config), REFERENCE_WINDOWS)))
    reference = band_statistics(bench.compute_images(windows))
    files = folders.read_tasks(tasks)
    results = [measure(bench, task, reference, (train, test), learn) for task in files]
    print(
        f"{describe_machine()}; bundle {opened.fingerprint[:8]}, {train} recordings per class, seed {seed}\n"
    )
    print("\n".join(format_table(results, [task.name for task in files])))


if __name__ == "__main__":
    run_command(input_tuning, "tools.bench.input_tuning")
