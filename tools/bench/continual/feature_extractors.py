"""Frozen networks and the cache of their features, so that each network sees every recording once.

    recording, augmented copies ─► every extractor without them in its cache ─► the cache, one file per
    recording

An extractor is the backbone of a bundle (tokens), the first blocks of the torch backbone (for prompts), or
another network whose embedding users take instead. The cache is the product's token cache. Methods run in
their own processes; they open the cache and never the network.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_runtime.data.token_cache import TokenCache
from device_runtime.model.augmentation import load_augmenter
from device_runtime.model.runtime import Runtime
from device_runtime.system.progress import Progress
from device_runtime.training.recipe import Recipe
from edgecl.arrays import Floats
from edgecl.audio.reader import RejectedFile, read_clip, read_or_reject
from edgecl.augmentation.copies_key import make_copies_key
from edgecl.bundle.bundle import Bundle
from edgecl.errors import DatasetError
from edgecl.windows import split_into_windows
from tools.bench.continual.sources.task_files import Half, TaskFiles
from tools.bench.continual.tasks import Clip, Task, labels_of, load_windows

UNLIMITED_BYTES = 1 << 50
DATA_HINT = "'edgecl enroll' on its folder reports what is wrong with each file"


@dataclass(frozen=True)
class FeatureExtractor:
    """A frozen network with its cache; it sees whole clips or the windows that the product would cut."""

    cache: TokenCache
    extract: Callable[[Floats], NDArray[Any]]
    """Waveform [samples] at 16 kHz → features [N, …], one row per window."""
    extract_augmented: Callable[[Floats, int], NDArray[Any]] | None = None
    """Waveform and number of copies → features of augmented copies [copies · N, …]; None: no augmentation."""


def make_window_extractor(
    cache: TokenCache, extract: Callable[[Floats], NDArray[Any]], bundle: Bundle
) -> FeatureExtractor:
    """Return an extractor for a bundle's windows and copies; `extract` maps [N, samples] to [N, …]."""
    augmenter = load_augmenter(bundle)
    return FeatureExtractor(
        cache,
        lambda waveform: extract(split_into_windows(waveform, augmenter.window_samples)),
        lambda waveform, copies: extract(augmenter.augment(waveform, copies)),
    )


def make_bundle_extractor(runtime: Runtime, folder: Path) -> FeatureExtractor:
    """Return an extractor of the tokens that the device computes, with a cache in `folder`."""
    cache = open_cache(folder, runtime.bundle.fingerprint, runtime.window_samples)
    return make_window_extractor(cache, runtime.backbone.extract_tokens, runtime.bundle)


def open_cache(folder: Path, identity: str, window_samples: int = 0) -> TokenCache:
    """Open the cache of the network with this identity."""
    return TokenCache(folder, identity, window_samples, UNLIMITED_BYTES)


@dataclass
class FeatureExtraction:
    """Runs all extractors over a sequence of tasks and collects the recordings that were rejected."""

    extractors: Sequence[FeatureExtractor]
    recipe: Recipe
    progress: Progress
    rejected: list[RejectedFile] = field(default_factory=list)

    def run(self, sequence: Sequence[TaskFiles]) -> list[Task]:
        """Extract the features of every recording and return the tasks.

        Raises:
            DatasetError: a class has no usable training recording, a task no usable test recording, or the
                disk is full.
        """
        self._total, self._done = sum(files.count for files in sequence), 0
        tasks: list[Task] = []
        for files in sequence:
            first_class = tasks[-1].classes.stop if tasks else 0
            labels = tuple(files.train)
            train, test = self._read_clips(files.train, labels), self._read_clips(files.test, labels)
            tasks.append(_demand_clips(Task(files.name, labels, first_class, train, test)))
        for number, task in enumerate(tasks):
            self.progress("augmenting", number, len(tasks))
            for extractor in self.extractors:
                self._extract_augmented(extractor, task)
        self.progress("augmenting", len(tasks), len(tasks))
        return tasks

    def _read_clips(self, half: Half, labels: Sequence[str]) -> tuple[Clip, ...]:
        """Return the usable recordings of the classes to learn."""
        clips = []
        for number, label in enumerate(labels):
            for path in half.get(label, []):
                self._done += 1
                self.progress("extracting", self._done, self._total)
                if sha256 := self._extract(path):
                    clips.append(Clip(path, sha256, number))
        return tuple(clips)

    def _extract(self, path: Path) -> str:
        """Bring a recording into every cache and return its hash; empty where it was rejected."""
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        missing = [extractor for extractor in self.extractors if extractor.cache.get(sha256) is None]
        if not missing:
            return sha256
        clip = read_or_reject(path)
        if isinstance(clip, RejectedFile):
            self.rejected.append(clip)
            return ""
        for extractor in missing:
            put_features(extractor.cache, sha256, extractor.extract(clip.waveform))
        return sha256

    def _extract_augmented(self, extractor: FeatureExtractor, task: Task) -> None:
        """Bring the augmented copies that the product would train on into the extractor's cache."""
        if extractor.extract_augmented is None:
            return
        windows = np.bincount(load_windows(extractor.cache, task.train).recordings)
        copies = self.recipe.count_copies(int(windows.sum()))
        if not copies:
            return
        for clip, count in zip(task.train, windows, strict=True):
            key = make_copies_key(clip.sha256)
            known = extractor.cache.get(key)
            if known is None or len(known) < copies * count:
                waveform = read_clip(clip.path).waveform
                put_features(extractor.cache, key, extractor.extract_augmented(waveform, copies))


def put_features(cache: TokenCache, key: str, features: NDArray[Any]) -> None:
    """Keep the features of a recording.

    Raises:
        DatasetError: the disk is full.
    """
    cache.put(key, features)
    if cache.warning:
        raise DatasetError(cache.warning, "free some space, or choose another folder")


def _demand_clips(task: Task) -> Task:
    counts = np.bincount(labels_of(task.train), minlength=len(task.labels))
    if counts.min() == 0:
        label = task.labels[int(counts.argmin())]
        raise DatasetError(
            f"class '{label}' of task '{task.name}' has no usable training recording", DATA_HINT
        )
    if not task.test:
        raise DatasetError(f"task '{task.name}' has no usable test recording", DATA_HINT)
    return task
