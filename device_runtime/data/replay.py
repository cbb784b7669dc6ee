"""Rebuilds a task's dataset from its training set and the cached tokens, without any recording."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from device_runtime.data.coreset import MIN_CLIPS
from device_runtime.data.dataset import Dataset
from device_runtime.data.dataset_builder import DatasetBuilder
from device_runtime.data.token_buffer import TokenBuffer
from device_runtime.data.token_cache import TokenCache
from edgecl.augmentation.copies_key import make_copies_key
from edgecl.bundle.manifest import Manifest
from edgecl.canonical_json import sha256_hex
from edgecl.errors import NoTrainingSetError
from edgecl.store import blob
from edgecl.store.blob import TaskBlob
from edgecl.store.store import Store
from edgecl.store.training_set import TrainingSet

MAX_NAMED = 5


@dataclass(frozen=True)
class ReplayMemory:
    """The training sets of some tasks, and the cache that holds their tokens."""

    cache: TokenCache
    training_sets: Mapping[str, TrainingSet | None]  # by task; None where it is missing

    @contextmanager
    def open_dataset(self, task: TaskBlob) -> Iterator[Dataset]:
        """Yield the dataset of a task, valid inside the `with` block; classes are numbered as in its head.

        Raises:
            NoTrainingSetError: the training set is missing, or too few of its recordings are in the cache.
        """
        training_set = self.training_sets[task.task]
        if training_set is None:
            raise _missing_training_set(task.task)
        with TokenBuffer(self.cache.folder) as buffer:
            builder = DatasetBuilder(buffer)
            replay(task.task, training_set, self.cache, builder)
            yield builder.build(task.labels)


def load_with_training_set(store: Store, task: str, manifest: Manifest) -> tuple[TaskBlob, TrainingSet]:
    """Load a task that was made with this bundle, and its training set.

    Raises:
        NoTrainingSetError: the training set is missing.
    """
    data = store.read_blob(task)
    loaded = blob.from_bytes(data, manifest=manifest)
    training_set = store.training_sets.read(sha256_hex(data))
    if training_set is None:
        raise _missing_training_set(task)
    return loaded, training_set


def replay(task: str, training_set: TrainingSet, cache: TokenCache, builder: DatasetBuilder) -> TrainingSet:
    """Add the cached tokens of a training set, augmented copies included, to a dataset.

    Args:
        task: name of the task, for messages.
        training_set: the recordings to add.
        cache: where their tokens are.
        builder: the dataset to add them to.

    Returns:
        The recordings that are no longer in the cache.

    Raises:
        NoTrainingSetError: too few recordings of a class are in the cache to train the task again.
    """
    missing = []
    for clip in training_set:
        tokens = cache.find(clip.clip_sha256)
        if tokens is None or len(tokens) != clip.windows:
            missing.append(clip)
            continue
        builder.add(clip, tokens)
        copies = cache.find(make_copies_key(clip.clip_sha256))
        if copies is not None:
            builder.add_copies(clip, copies)
    _require_enough(task, training_set, tuple(missing))
    return tuple(missing)


def _require_enough(task: str, training_set: TrainingSet, missing: TrainingSet) -> None:
    """Require of each class as many recordings as the cache never gives up, or all that it has."""
    total = Counter(clip.label for clip in training_set)
    for label, count in Counter(clip.label for clip in missing).items():
        if total[label] - count < min(MIN_CLIPS, total[label]):
            files = [clip.file for clip in missing if clip.label == label]
            summary = f"{count} of the {total[label]} recordings of '{label}' are no longer in the cache"
            raise NoTrainingSetError(f"{summary}: {list_files(files)}", _hint(task))


def list_files(files: list[str]) -> str:
    """Return the first names of a list of files, and how many more there are."""
    more = len(files) - MAX_NAMED
    return ", ".join(files[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def _missing_training_set(task: str) -> NoTrainingSetError:
    return NoTrainingSetError(f"the training set of task '{task}' is missing", _hint(task))


def _hint(task: str) -> str:
    return (
        f"run 'edgecl enroll {task} FOLDER --replace' to train it from its recordings; "
        f"until then '{task}' stays as it is"
    )
