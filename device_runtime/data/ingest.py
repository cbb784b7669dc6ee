"""Checks a folder of recordings: which files a task can be trained on, and why the others cannot be used.

Every file is decoded to its end here, so that no fault appears after the backbone has started.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from device_runtime.system.look_ahead import look_ahead
from device_runtime.system.progress import Progress
from edgecl.audio.acoustics import Acoustics, measure_acoustics
from edgecl.audio.faults import Fault
from edgecl.audio.near_duplicates import Sketch, compute_sketch
from edgecl.audio.reader import LONG_LIMITS, Clip, RejectedFile, read_or_reject
from edgecl.dataset_folder import LabelledFolder, describe_ignored
from edgecl.dataset_layouts import open_dataset
from edgecl.errors import DatasetError, NothingNewError
from edgecl.learning.negative_labels import is_negative
from edgecl.store.training_set import Origin, TrainingClip, make_background_key

MIN_CLASSES = 2
MIN_CLIPS = 2
"""Number of recordings that each sound needs: one to train on, one to measure with."""
MIN_NEGATIVE_CLIPS = 1
"""Number of recordings that a negative class needs: a long one is enough to train on, and it is no answer."""
NOTHING_NEW = "there is nothing new in the folder"


@dataclass(frozen=True)
class Recording:
    """One usable file."""

    path: Path
    label: str
    sha256: str  # of the bytes of the file
    duration_s: float
    sketch: Sketch = field(compare=False, repr=False)  # of its waveform
    acoustics: Acoustics  # how it was made
    faults: tuple[Fault, ...] = ()  # though it can be used

    @classmethod
    def from_clip(cls, clip: Clip, label: str) -> "Recording":
        """Make the recording of a decoded file."""
        return cls(
            path=clip.path,
            label=label,
            sha256=clip.sha256,
            duration_s=clip.duration_s,
            sketch=compute_sketch(clip.waveform),
            acoustics=measure_acoustics(clip.waveform, clip.rate_hz, clip.source_rate_hz),
            faults=clip.faults,
        )

    @property
    def background_key(self) -> str:
        """Return the hash that stands for what the recording holds beside its sound."""
        return make_background_key(self.sha256)

    def to_training_clip(self, windows: int, origin: Origin) -> TrainingClip:
        """Return the record of this recording in a task's training set.

        Args:
            windows: number of windows that it was split into.
            origin: how it came into the training set.
        """
        return self._to_clip(self.sha256, self.label, windows, origin)

    def to_background_clip(self, windows: int, negative: str) -> TrainingClip:
        """Return the record of what it holds beside its sound.

        Args:
            windows: number of windows that it was split into.
            negative: the negative label of the task.
        """
        return self._to_clip(self.background_key, negative, windows, "background")

    def _to_clip(self, sha256: str, label: str, windows: int, origin: Origin) -> TrainingClip:
        file = os.fsencode(os.path.realpath(self.path)).decode("utf-8", "replace")
        return TrainingClip(clip_sha256=sha256, label=label, windows=windows, file=file, origin=origin)


@dataclass(frozen=True)
class KnownRecordings:
    """The recordings of an existing task that others are added to."""

    labels: Collection[str] = ()
    cached: Mapping[str, str] = field(default_factory=dict)  # hash of a recording in the cache → its label


NO_RECORDINGS = KnownRecordings()


@dataclass(frozen=True)
class Rejection:
    """A file that is not used, and the class of its folder."""

    file: RejectedFile
    label: str


@dataclass(frozen=True)
class IngestResult:
    """The usable recordings of a folder of classes, without those that the task has already."""

    labels: tuple[str, ...]  # sorted
    recordings: tuple[Recording, ...]
    rejections: tuple[Rejection, ...] = ()  # of recordings in class folders
    misplaced: tuple[RejectedFile, ...] = ()  # files that lie in no class folder
    repeated: tuple[Path, ...] = ()  # recordings that the task has already
    ignored: tuple[Path, ...] = ()
    known: KnownRecordings = NO_RECORDINGS
    notes: tuple[str, ...] = ()  # on what was made of the folders

    @property
    def rejected(self) -> tuple[RejectedFile, ...]:
        """All files that are not used, and why."""
        return (*self.misplaced, *(rejection.file for rejection in self.rejections))

    def clips_by_class(self) -> list[set[str]]:
        """Return the cache keys of the usable recordings of each class, and of all backgrounds."""
        sounds = [{r.sha256 for r in self.recordings if r.label == label} for label in self.labels]
        return [*sounds, {r.background_key for r in self.recordings}]

    def reject(self, rejections: Mapping[Recording, RejectedFile]) -> "IngestResult":
        """Return the result without some recordings that cannot be used after all.

        Raises:
            DatasetError: too few recordings of a class are left.
        """
        result = replace(
            self,
            recordings=tuple(one for one in self.recordings if one not in rejections),
            rejections=(*self.rejections, *(Rejection(file, r.label) for r, file in rejections.items())),
        )
        result.require_recordings()
        return result

    def require_recordings(self) -> None:
        """Check that every class has enough usable recordings.

        Raises:
            DatasetError: a class has too few; the message gives the first fault of the others.
            NothingNewError: the task has all recordings already.
        """
        for label in self.labels:
            count = sum(recording.label == label for recording in self.recordings)
            if count < _min_clips(label) and label not in self.known.labels:
                missing = RejectedFile(Path(label), "there are no others", "record more of it")
                fault = next((one.file for one in self.rejections if one.label == label), missing)
                needs = f"class '{label}' needs {_count_usable(_min_clips(label))} and has {count}"
                raise DatasetError(f"{needs}: {fault.reason}", fault.hint)
        if not self.recordings:
            raise NothingNewError(NOTHING_NEW, "add recordings that are not enrolled yet")


@contextmanager
def open_recordings(folder: Path) -> Iterator[LabelledFolder]:
    """Yield the recordings of a folder of classes, if there are enough for a new task.

    Raises:
        UsageError: there is no such folder.
        DatasetError: its folders are no classes, or too few, or one has too few recordings.
    """
    with open_dataset(folder) as found:
        _require_classes(folder, list(found.clips))
        for label, paths in found.clips.items():
            if len(paths) < _min_clips(label):
                raise DatasetError(
                    f"class '{label}' needs {_min_clips(label)} recordings and has {len(paths)}",
                    f"put more recordings into {str(folder / label)!r}, or remove that folder",
                )
        yield found


def ingest_recordings(
    found: LabelledFolder, rate_hz: int, progress: Progress, known: KnownRecordings = NO_RECORDINGS
) -> IngestResult:
    """Decode every recording of a folder and return the usable ones.

    Args:
        found: the files of each class.
        rate_hz: sample rate of the backbone.
        progress: called after every file, in stage "reading".
        known: the recordings that the task has already.

    Raises:
        DatasetError: too few usable recordings of a class.
        NothingNewError: the task has all recordings already.
    """
    files = [(path, label) for label, paths in found.clips.items() for path in paths]
    recordings: dict[str, Recording] = {}  # by hash
    disputed = list[tuple[Recording, Recording]]()  # the same bytes in two classes
    rejections, repeated = list[Rejection](), list[Path]()
    decoded = look_ahead(lambda file: read_or_reject(file[0], LONG_LIMITS, rate_hz), files)
    for number, ((path, label), read) in enumerate(zip(files, decoded, strict=True)):
        progress("reading", number, len(files))
        clip = _reject_copy(read, label, recordings, known.cached)
        if isinstance(clip, RejectedFile):
            rejections.append(Rejection(clip, label))
        elif clip.sha256 in known.cached:
            repeated.append(path)
        elif clip.sha256 in recordings:
            disputed.append((recordings[clip.sha256], Recording.from_clip(clip, label)))
        else:
            recordings[clip.sha256] = Recording.from_clip(clip, label)
    progress("reading", len(files), len(files))
    for one, other in disputed:
        if recordings.pop(one.sha256, None):
            rejections.append(_reject_disputed(one, other))
        rejections.append(_reject_disputed(other, one))
    result = IngestResult(
        labels=tuple(found.clips),
        recordings=tuple(recordings.values()),
        rejections=tuple(rejections),
        misplaced=tuple(found.rejected),
        repeated=tuple(repeated),
        ignored=tuple(found.ignored),
        known=known,
        notes=(*found.notes, *describe_ignored(found.ignored)),
    )
    result.require_recordings()
    return result


def _count_usable(count: int) -> str:
    return f"{count} usable recordings" if count > 1 else "1 usable recording"


def _min_clips(label: str) -> int:
    return MIN_NEGATIVE_CLIPS if is_negative(label) else MIN_CLIPS


def _reject_copy(
    clip: Clip | RejectedFile, label: str, recordings: Mapping[str, Recording], cached: Mapping[str, str]
) -> Clip | RejectedFile:
    """Return the clip, rejected if its class has the same bytes already or they are enrolled elsewhere."""
    if isinstance(clip, RejectedFile):
        return clip
    if cached.get(clip.sha256, label) != label:
        hint = f"to change that: edgecl correct FILE --is TASK/{label}"
        reason = f"{str(clip.path)!r} is already enrolled as '{cached[clip.sha256]}'"
        return RejectedFile(clip.path, reason, hint)
    twin = recordings.get(clip.sha256)
    if twin is None or twin.label != label:
        return clip
    reason = f"{str(clip.path)!r} is the same recording as {str(twin.path)!r}"
    return RejectedFile(clip.path, reason, "a copy adds nothing; record it again")


def _reject_disputed(one: Recording, other: Recording) -> Rejection:
    """Return the rejection of a recording that is in two classes: which one is right, only the user knows."""
    reason = f"{str(one.path)!r} is the same recording as {str(other.path)!r}, in another class"
    first, second = sorted((one.label, other.label))
    hint = f"it counts for neither: keep it in '{first}' or in '{second}', not in both"
    return Rejection(RejectedFile(one.path, reason, hint), one.label)


def _require_classes(folder: Path, labels: list[str]) -> None:
    sounds = [label for label in labels if not is_negative(label)]
    if not sounds:
        raise DatasetError(
            f"{str(folder)!r} holds no sound to learn, only the negative class '{labels[0]}'",
            "add a sub-folder of recordings for each sound",
        )
    if len(labels) < MIN_CLASSES:
        raise DatasetError(
            f"{str(folder)!r} holds one class only, '{sounds[0]}'",
            "add a second sub-folder; recordings of any other sounds will do, as '_negative'",
        )
