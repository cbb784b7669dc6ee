"""The yardstick: mn04 and a logistic regression, trained on the recordings and copies of the product.

It takes the place of the network and of the rejection; windows, hop and detection rule are the product's. A
window matches where the largest probability reaches a threshold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from device_runtime.recognition.stream import HOP_S
from device_runtime.system.progress import Progress
from device_runtime.training.recipe import Recipe
from edgecl.arrays import Doubles, Floats, Integers, Waveform, Windows
from edgecl.audio.reader import SAMPLE_RATE_HZ
from edgecl.augmentation.augmenter import Augmenter
from edgecl.windows import WindowStream, split_into_windows
from tools.bench.logistic import C
from tools.bench.mn04 import Embedding
from tools.bench.room.material import Half, Task, read_waveform
from tools.bench.room.track import Track

WINDOW_SAMPLES = 2 * SAMPLE_RATE_HZ
BATCH_WINDOWS = 8

Embed = Callable[[Windows], Floats]
"""Windows [N, samples] → embeddings [N, P]."""


def export_mn04(weights: Path, target: Path) -> None:
    """Write mn04's embedding as a graph: onnxruntime runs it four times faster than torch does."""
    target.write_bytes(Embedding(weights).eval().to_onnx().SerializeToString())


def open_mn04(graph: Path) -> Embed:
    """Open a graph that `export_mn04` wrote, with one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(graph), options, ["CPUExecutionProvider"])

    def embed(windows: Windows) -> Floats:
        batches = (windows[n : n + BATCH_WINDOWS] for n in range(0, len(windows), BATCH_WINDOWS))
        return np.concatenate([session.run(None, {"waveform": batch})[0] for batch in batches])

    return embed


@dataclass(frozen=True)
class Logistic:
    """A logistic regression on embeddings, and its labels."""

    labels: tuple[str, ...]
    model: Pipeline

    def classify(self, embeddings: Floats) -> tuple[Integers, Doubles]:
        """Return the number of the most probable label [N] and its probability [N]."""
        probabilities = self.model.predict_proba(embeddings)
        return probabilities.argmax(axis=1), probabilities.max(axis=1)


def fit_all(embed: Embed, tasks: list[Task], augmenter: Augmenter, progress: Progress) -> dict[str, Logistic]:
    """Fit a logistic regression for each task, with the copies that the product makes."""
    fitted = {}
    for number, task in enumerate(tasks):
        progress("mn04", number, len(tasks))
        fitted[task.name] = _fit(embed, task.train, augmenter)
    progress("mn04", len(tasks), len(tasks))
    return fitted


def _fit(embed: Embed, half: Half, augmenter: Augmenter) -> Logistic:
    clips = [(label, read_waveform(path)) for label, paths in half.items() for path in paths]
    windows = [(label, split_into_windows(waveform, WINDOW_SAMPLES)) for label, waveform in clips]
    copies = Recipe().count_copies(sum(len(part) for _, part in windows))
    if copies:
        windows += [(label, augmenter.augment(waveform, copies)) for label, waveform in clips]
    labels = tuple(half)
    numbers = np.repeat([labels.index(label) for label, _ in windows], [len(part) for _, part in windows])
    embeddings = embed(np.concatenate([part for _, part in windows]))
    regression = LogisticRegression(C=C, max_iter=2000)
    return Logistic(labels, make_pipeline(StandardScaler(), regression).fit(embeddings, numbers))


def score_stream(embed: Embed, fitted: dict[str, Logistic], waveform: Waveform) -> dict[str, Track]:
    """Return the answers of all tasks to the windows of a stream [samples]; their thresholds are 0."""
    stream = WindowStream(WINDOW_SAMPLES, round(HOP_S * SAMPLE_RATE_HZ))
    found = [(start / SAMPLE_RATE_HZ, embed(window[None])[0]) for start, window in stream.feed(waveform)]
    start_s, embeddings = np.array([start for start, _ in found]), np.stack([one for _, one in found])
    end_s, tracks = start_s + WINDOW_SAMPLES / SAMPLE_RATE_HZ, {}
    for task, logistic in fitted.items():
        numbers, probabilities = logistic.classify(embeddings)
        labels = [logistic.labels[number] for number in numbers]
        tracks[task] = Track(start_s, end_s, labels, probabilities, np.zeros(len(numbers)))
    return tracks
