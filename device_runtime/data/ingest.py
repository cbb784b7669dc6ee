"""A folder of recordings → the ones a task can be learnt from, and why the others cannot be used.

Every file is decoded to its end here, so that nothing is found wrong after the backbone has started.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from device_runtime.system.progress import Progress
from edgecl.audio.near_duplicates import Sketch, compute_sketch
from edgecl.audio.reader import Clip, RejectedFile, read_or_reject
from edgecl.dataset_folder import LabelledFolder, scan_labelled_folder
from edgecl.errors import DatasetError, NothingNewError
from edgecl.learning.negative_labels import is_negative
from edgecl.store.training_set import Origin, TrainingClip

MIN_CLASSES = 2
MIN_CLIPS = 2
"""Of each class: one to learn from, one to measure with."""
NOTHING_NEW = "there is nothing new in the folder"


@dataclass(frozen=True)
class Recording:
    """One usable file."""

    path: Path
    label: str
    sha256: str  # of the bytes of the file
    sketch: Sketch = field(compare=False, repr=False)  # of its waveform

    @classmethod
    def from_clip(cls, clip: Clip, label: str) -> "Recording":
        """The recording that this clip was read from."""
        return cls(clip.path, label, clip.sha256, compute_sketch(clip.waveform))

    def to_training_clip(self, windows: int, origin: Origin) -> TrainingClip:
        """The lesson that this recording is."""
        file = os.fsencode(self.path).decode("utf-8", "replace")
        return TrainingClip(
            clip_sha256=self.sha256, label=self.label, windows=windows, file=file, origin=origin
        )


@dataclass(frozen=True)
class KnownRecordings:
    """What the task was learnt from before, if the recordings are to be added to it."""

    labels: Collection[str] = ()
    remembered: Mapping[str, str] = field(default_factory=dict)  # hash of a recording → its label


NOTHING = KnownRecordings()


@dataclass(frozen=True)
class IngestResult:
    """What a folder of classes holds, beside what a task knows already."""

    labels: tuple[str, ...]  # sorted
    known: KnownRecordings = NOTHING
    repeated: list[Path] = field(default_factory=list)  # recordings that are known
    recordings: list[Recording] = field(default_factory=list)
    refused: list[RejectedFile] = field(default_factory=list)
    ignored: list[Path] = field(default_factory=list)
    _faults: dict[str, RejectedFile] = field(
        default_factory=dict
    )  # label → the first of its recordings refused

    def count(self, label: str) -> int:
        """How many usable recordings a class has."""
        return sum(recording.label == label for recording in self.recordings)

    def clips_by_class(self) -> list[set[str]]:
        """The usable recordings of each class, by hash."""
        return [{r.sha256 for r in self.recordings if r.label == label} for label in self.labels]

    def refuse(self, refused: RejectedFile, label: str) -> None:
        """List a recording of this class as one that is not used."""
        self.refused.append(refused)
        self._faults.setdefault(label, refused)

    def demand_recordings(self) -> None:
        """Refuse the folder if a class is left with too few, and say what was wrong with the others."""
        for label in self.labels:
            count = self.count(label)
            if count < MIN_CLIPS and label not in self.known.labels:
                fault = self._faults.get(
                    label, RejectedFile(Path(label), "there are no others", "record more of it")
                )
                needs = f"class '{label}' needs {MIN_CLIPS} usable recordings and has {count}"
                raise DatasetError(f"{needs}: {fault.reason}", fault.hint)
        if not self.recordings:
            raise NothingNewError(NOTHING_NEW, "add recordings that were not learnt yet")


def find_recordings(folder: Path) -> LabelledFolder:
    """The recordings of a folder of classes, as far as counting tells enough for a new task.

    Raises:
        UsageError: there is no such folder.
        DatasetError: too few classes, or too few recordings of one.
    """
    found = scan_labelled_folder(folder)
    _demand_classes(folder, list(found.clips))
    for label, paths in found.clips.items():
        if len(paths) < MIN_CLIPS:
            raise DatasetError(
                f"class '{label}' needs {MIN_CLIPS} recordings and has {len(paths)}",
                f"put more recordings into {str(folder / label)!r}, or take that folder away",
            )
    return found


def ingest_recordings(
    found: LabelledFolder, rate_hz: int, progress: Progress, known: KnownRecordings = NOTHING
) -> IngestResult:
    """The usable ones of these recordings that are not known, every file looked at.

    Raises:
        DatasetError: too few usable recordings of a class.
    """
    intake = IngestResult(
        tuple(found.clips), known, refused=list(found.rejected), ignored=list(found.ignored)
    )
    files = [(path, label) for label, paths in found.clips.items() for path in paths]
    seen: dict[str, Recording] = {}  # by hash
    for number, (path, label) in enumerate(files):
        progress("reading", number, len(files))
        clip = _unless_copy(read_or_reject(path, rate_hz=rate_hz), label, seen, known.remembered)
        if isinstance(clip, RejectedFile):
            intake.refuse(clip, label)
        elif clip.sha256 in known.remembered:
            intake.repeated.append(path)
        else:
            seen[clip.sha256] = Recording.from_clip(clip, label)
    progress("reading", len(files), len(files))
    intake.recordings.extend(seen.values())
    intake.demand_recordings()
    return intake


def _unless_copy(
    clip: Clip | RejectedFile, label: str, seen: Mapping[str, Recording], remembered: Mapping[str, str]
) -> Clip | RejectedFile:
    """The clip, refused if the same bytes were seen before, or learnt as something else."""
    if isinstance(clip, RejectedFile):
        return clip
    if remembered.get(clip.sha256, label) != label:
        hint = f"to change that: edgecl correct FILE --is TASK/{label}"
        return RejectedFile(clip.path, f"{str(clip.path)!r} was learnt as '{remembered[clip.sha256]}'", hint)
    if clip.sha256 not in seen:
        return clip
    twin = seen[clip.sha256]
    reason = f"{str(clip.path)!r} is the same recording as {str(twin.path)!r}"
    if twin.label == label:
        return RejectedFile(clip.path, reason, "a copy teaches nothing new; record it again")
    hint = f"keep it in '{twin.label}' or in '{label}', not in both"
    return RejectedFile(clip.path, f"{reason}, in another class", hint)


def _demand_classes(folder: Path, labels: list[str]) -> None:
    sounds = [label for label in labels if not is_negative(label)]
    if not sounds:
        raise DatasetError(
            f"{str(folder)!r} holds no sound to learn: '{labels[0]}' is what is none of them",
            "add a sub-folder of recordings for each sound",
        )
    if len(labels) < MIN_CLASSES:
        raise DatasetError(
            f"{str(folder)!r} holds one class only, '{sounds[0]}'",
            "add a second sub-folder; recordings of anything else will do, as '_negative'",
        )
