"""What a task was learnt from, heard again from memory: lessons and cached tokens, no recording needed."""

from collections import Counter

from device_runtime.data.coreset import MIN_CLIPS
from device_runtime.data.dataset_builder import DatasetBuilder
from device_runtime.data.token_cache import TokenCache
from edgecl.augmentation import make_copies_key
from edgecl.bundle.manifest import Manifest
from edgecl.canonical_json import sha256_hex
from edgecl.errors import NoTrainingSetError
from edgecl.store import blob
from edgecl.store.blob import TaskBlob
from edgecl.store.store import Store
from edgecl.store.training_set import TrainingSet

MOST_NAMED = 5


def load_with_training_set(store: Store, task: str, manifest: Manifest) -> tuple[TaskBlob, TrainingSet]:
    """A task, proved whole and made with this bundle, and what it was learnt from.

    Raises:
        NoTrainingSetError: what it was learnt from is not known.
    """
    data = store.read_blob(task)
    loaded = blob.from_bytes(data, manifest=manifest)
    lessons = store.training_sets.read(sha256_hex(data))
    if lessons is None:
        raise unknown(task)
    return loaded, lessons


def unknown(task: str) -> NoTrainingSetError:
    """There is no list of what a task was learnt from."""
    return NoTrainingSetError(f"what task '{task}' was learnt from is not known here", _hint(task))


def replay(task: str, lessons: TrainingSet, cache: TokenCache, gathering: DatasetBuilder) -> TrainingSet:
    """The lessons that the cache does not remember; all others are gathered, with the copies it remembers.

    Raises:
        NoTrainingSetError: too few recordings of a class are left to learn it again.
    """
    forgotten = []
    for taught in lessons:
        tokens = cache.get(taught.clip_sha256)
        if tokens is None or len(tokens) != taught.windows:
            forgotten.append(taught)
            continue
        gathering.add(taught, tokens)
        copies = cache.get(make_copies_key(taught.clip_sha256))
        if copies is not None:
            gathering.add_copies(taught, copies)
    _demand_enough(task, lessons, tuple(forgotten))
    return tuple(forgotten)


def _demand_enough(task: str, lessons: TrainingSet, forgotten: TrainingSet) -> None:
    """Of each class as many as the cache never gives up, or all that there ever were."""
    taught = Counter(lesson.label for lesson in lessons)
    missing = Counter(lesson.label for lesson in forgotten)
    for label, count in missing.items():
        if taught[label] - count < min(MIN_CLIPS, taught[label]):
            files = [lesson.file for lesson in forgotten if lesson.label == label]
            many = f"{count} of the {taught[label]} recordings of '{label}' are no longer remembered"
            raise NoTrainingSetError(f"{many}: {_named(files)}", _hint(task))


def _named(files: list[str]) -> str:
    more = len(files) - MOST_NAMED
    return ", ".join(files[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _hint(task: str) -> str:
    return (
        f"run 'edgecl enroll {task} FOLDER --replace' to hear the recordings again; "
        f"until then '{task}' stays as it is"
    )
