"""Frozen networks, and the memory of what each of them heard in every recording: the backbone runs once.

    recording, varied copies ─► each ear that does not know them ─► its memory, a file a recording

An ear is the backbone of a bundle (tokens), the first blocks of the torch backbone (for prompts), or another
network whose embedding a user might take instead. A memory is the product's own token cache; methods, which
run in processes of their own, open the memory and never the network.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_runtime.data.token_cache import TokenCache
from device_runtime.model.runtime import Runtime
from device_runtime.system.progress import Progress
from device_runtime.training.recipe import Recipe
from edgecl.arrays import Floats
from edgecl.audio.reader import RejectedFile, read_clip, read_or_reject
from edgecl.augmentation import augment, make_copies_key
from edgecl.errors import DatasetError
from edgecl.windows import split_into_windows
from tools.bench.continual.sources.task_files import Half, TaskFiles
from tools.bench.continual.tasks import Clip, Task, labels_of, recall

UNLIMITED_BYTES = 1 << 50
DATA_HINT = "'edgecl enroll' on its folder tells file by file what is wrong"


@dataclass(frozen=True)
class Ear:
    """A network that listens, to whole clips or to the windows that the product would cut and vary."""

    memory: TokenCache
    listen: Callable[[Floats], NDArray[Any]]
    """Waveform [samples] at 16 kHz → what is heard, a row a window [N, …]."""
    vary: Callable[[Floats, int], NDArray[Any]] | None = None
    """Waveform and number of copies → the same of varied copies [copies · N, …]; None: it hears none."""


def window_ear(memory: TokenCache, hear: Callable[[Floats], NDArray[Any]], window_samples: int) -> Ear:
    """An ear for windows: `hear` takes [N, samples] to [N, …]."""
    return Ear(
        memory,
        lambda waveform: hear(split_into_windows(waveform, window_samples)),
        lambda waveform, copies: hear(augment(waveform, window_samples, copies)),
    )


def bundle_ear(runtime: Runtime, folder: Path) -> Ear:
    """Tokens as the device computes them, remembered as the device would."""
    memory = memory_of(folder, runtime.bundle.fingerprint, runtime.window_samples)
    return window_ear(memory, runtime.backbone.extract_tokens, runtime.window_samples)


def memory_of(folder: Path, identity: str, window_samples: int = 0) -> TokenCache:
    """What the network of this identity heard."""
    return TokenCache(folder, identity, window_samples, UNLIMITED_BYTES)


@dataclass
class Audience:
    """Ears that listen to a sequence of tasks, and the recordings that could not be used."""

    ears: Sequence[Ear]
    recipe: Recipe
    progress: Progress
    refused: list[RejectedFile] = field(default_factory=list)

    def hear(self, sequence: Sequence[TaskFiles]) -> list[Task]:
        """The tasks, every recording heard by every ear.

        Raises:
            DatasetError: a class is left without recordings to learn, a task without any to measure with, or
                the disk takes no more.
        """
        self._total, self._done = sum(files.count for files in sequence), 0
        tasks: list[Task] = []
        for files in sequence:
            first_class = tasks[-1].classes.stop if tasks else 0
            labels = tuple(files.train)
            train, test = self._clips(files.train, labels), self._clips(files.test, labels)
            tasks.append(_demand_clips(Task(files.name, labels, first_class, train, test)))
        for number, task in enumerate(tasks):
            self.progress("varying", number, len(tasks))
            for ear in self.ears:
                self._vary(ear, task)
        self.progress("varying", len(tasks), len(tasks))
        return tasks

    def _clips(self, half: Half, labels: Sequence[str]) -> tuple[Clip, ...]:
        """The usable recordings of the classes that are learnt."""
        clips = []
        for number, label in enumerate(labels):
            for path in half.get(label, []):
                self._done += 1
                self.progress("listening", self._done, self._total)
                if sha256 := self._heard(path):
                    clips.append(Clip(path, sha256, number))
        return tuple(clips)

    def _heard(self, path: Path) -> str:
        """The hash of a recording that is now in every memory; empty where it cannot be used."""
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        deaf = [ear for ear in self.ears if ear.memory.get(sha256) is None]
        if not deaf:
            return sha256
        clip = read_or_reject(path)
        if isinstance(clip, RejectedFile):
            self.refused.append(clip)
            return ""
        for ear in deaf:
            _remember(ear.memory, sha256, ear.listen(clip.waveform))
        return sha256

    def _vary(self, ear: Ear, task: Task) -> None:
        """Let an ear hear the varied copies that the product would learn from."""
        if ear.vary is None:
            return
        windows = np.bincount(recall(ear.memory, task.train).recordings)
        copies = self.recipe.count_copies(int(windows.sum()))
        for clip, count in zip(task.train, windows, strict=True):
            key = make_copies_key(clip.sha256)
            known = ear.memory.get(key)
            if known is None or len(known) < copies * count:
                _remember(ear.memory, key, ear.vary(read_clip(clip.path).waveform, copies))


def _remember(memory: TokenCache, key: str, heard: NDArray[Any]) -> None:
    memory.put(key, heard)
    if memory.warning:
        raise DatasetError(memory.warning, "free some space, or choose another folder with --out")


def _demand_clips(task: Task) -> Task:
    counts = np.bincount(labels_of(task.train), minlength=len(task.labels))
    if counts.min() == 0:
        label = task.labels[int(counts.argmin())]
        raise DatasetError(
            f"class '{label}' of task '{task.name}' has no usable recording to learn", DATA_HINT
        )
    if not task.test:
        raise DatasetError(f"task '{task.name}' has no usable recording to measure with", DATA_HINT)
    return task
