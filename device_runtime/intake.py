"""A folder of recordings → the ones a task can be learnt from, and why the others cannot be used.

Every file is decoded to its end here, so that nothing is found wrong after the backbone has started.
"""

from dataclasses import dataclass, field
from pathlib import Path

from device_runtime.progress import Progress
from edgecl.audio import Clip, Refused, read_or_refuse
from edgecl.errors import DatasetError
from edgecl.folders import labelled_folder

LEAST_CLASSES = 2
LEAST_CLIPS = 2
"""Of each class: one to learn from, one to measure with."""


@dataclass(frozen=True)
class Recording:
    """One usable file."""

    path: Path
    label: str
    sha256: str  # of the bytes of the file


@dataclass(frozen=True)
class Intake:
    """What a folder of classes holds."""

    labels: tuple[str, ...]  # sorted
    recordings: list[Recording] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    ignored: list[Path] = field(default_factory=list)

    def count(self, label: str) -> int:
        """How many usable recordings a class has."""
        return sum(recording.label == label for recording in self.recordings)


def take_in(folder: Path, progress: Progress) -> Intake:
    """The usable recordings of a folder of classes, every file of it looked at.

    Raises:
        UsageError: there is no such folder.
        DatasetError: too few classes, or too few usable recordings of one.
    """
    found = labelled_folder(folder)
    _demand_classes(folder, found.clips)
    intake = Intake(tuple(found.clips), refused=list(found.refused), ignored=list(found.ignored))
    files = [(path, label) for label, paths in found.clips.items() for path in paths]
    sorter = _Sorter(intake)
    for number, (path, label) in enumerate(files):
        progress("reading", number, len(files))
        sorter.sort(read_or_refuse(path), label)
    progress("reading", len(files), len(files))
    sorter.demand_recordings()
    return intake


class _Sorter:
    """Puts clips where they belong: used, refused, or refused as a copy of one already used."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self._seen: dict[str, Recording] = {}  # by hash
        self._first_fault: dict[str, Refused] = {}  # by label

    def sort(self, clip: Clip | Refused, label: str) -> None:
        """Put one clip of this class where it belongs."""
        if isinstance(clip, Clip) and clip.sha256 in self._seen:
            clip = _copy_of(self._seen[clip.sha256], clip.path, label)
        if isinstance(clip, Refused):
            self.intake.refused.append(clip)
            self._first_fault.setdefault(label, clip)
        else:
            self._seen[clip.sha256] = Recording(clip.path, label, clip.sha256)
            self.intake.recordings.append(self._seen[clip.sha256])

    def demand_recordings(self) -> None:
        """Refuse the folder if a class is left with too few, and say what was wrong with the others."""
        for label in self.intake.labels:
            count = self.intake.count(label)
            if count < LEAST_CLIPS:
                fault = self._first_fault[label]
                needs = f"class '{label}' needs {LEAST_CLIPS} usable recordings and has {count}"
                raise DatasetError(f"{needs}: {fault.reason}", fault.hint)


def _copy_of(twin: Recording, path: Path, label: str) -> Refused:
    reason = f"{str(path)!r} is the same recording as {str(twin.path)!r}"
    if twin.label == label:
        return Refused(path, reason, "a copy teaches nothing new; record it again")
    hint = f"keep it in '{twin.label}' or in '{label}', not in both"
    return Refused(path, f"{reason}, in another class", hint)


def _demand_classes(folder: Path, clips: dict[str, list[Path]]) -> None:
    """Refuse on counts alone, before anything is decoded."""
    if len(clips) < LEAST_CLASSES:
        raise DatasetError(
            f"{str(folder)!r} holds one class only, '{next(iter(clips))}'",
            "add a second sub-folder; recordings of anything else will do, as '_negative'",
        )
    for label, paths in clips.items():
        if len(paths) < LEAST_CLIPS:
            raise DatasetError(
                f"class '{label}' needs {LEAST_CLIPS} recordings and has {len(paths)}",
                f"put more recordings into {str(folder / label)!r}, or take that folder away",
            )
