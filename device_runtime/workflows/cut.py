"""Cut a long recording into takes: clips of one sound, and clips of the room between them.

takes/knock/day at 12.40 s, 0.wav       where something stands out
takes/_negative/day at 20.00 s, 15.wav  where nothing does, so that a task is not trained on the room alone
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from device_runtime.workflows.documents import Document
from edgecl.annotated_clips import cut_clips
from edgecl.annotations import Region
from edgecl.audio.faults import describe_faults
from edgecl.audio.reader import LONG_LIMITS, SAMPLE_RATE_HZ, stream_clip
from edgecl.class_folders import check_class_name
from edgecl.errors import AudioError, DatasetError, UsageError
from edgecl.learning.negative_labels import NEGATIVE
from edgecl.takes import Take, choose_rooms, find_takes


@dataclass(frozen=True)
class CutRequest:
    """What to cut."""

    recording: Path
    label: str
    """The sound in it."""
    folder: Path | None = None
    """Folder of classes that the clips are added to; None: nothing is written."""
    dropped: Collection[int] = ()
    """Numbers of takes that are left out; the first take is number 1."""
    longest_s: float = LONG_LIMITS.allowed_s
    """Length of the recording at most."""
    max_rooms: int | None = None
    """Clips of the room at most; None: one for each take."""


@dataclass(frozen=True)
class CutResult:
    """The takes of a recording."""

    recording: Path
    label: str
    duration_s: float
    takes: list[Take]
    """All that were found, in order of time."""
    dropped: frozenset[int]
    rooms: list[tuple[float, float]]
    """Windows without any sound, one for each take at most, as (start, end) in seconds."""
    clips: dict[str, list[Path]]
    """Label → the clips that were written."""
    notes: list[str]

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl cut --json`."""
        return {
            "file": str(self.recording),
            "label": self.label,
            "duration_s": self.duration_s,
            "takes": [
                {
                    "number": number,
                    "start_s": take.start_s,
                    "end_s": take.end_s,
                    "level_dbfs": take.level_dbfs,
                    "kept": number not in self.dropped,
                }
                for number, take in enumerate(self.takes, 1)
            ],
            "clips": {label: [str(path) for path in paths] for label, paths in self.clips.items()},
            "notes": self.notes,
        }


def cut(request: CutRequest) -> CutResult:
    """Find the takes of a sound in a recording of any length, and write them as clips.

    Raises:
        UsageError: the label cannot be one, or a dropped take does not exist.
        AudioError: the recording cannot be read, or nothing stands out in it.
        DatasetError: the folder has clips of this recording already.
    """
    check_class_name(request.label)
    recording, dropped = request.recording, frozenset(request.dropped)
    if request.folder:
        _require_no_clips(request.folder, recording)
    with stream_clip(recording, replace(LONG_LIMITS, longest_s=request.longest_s)) as stream:
        found = find_takes(stream.blocks, SAMPLE_RATE_HZ)
        duration_s, notes = stream.duration_s, describe_faults([(recording, stream.faults)])
    if not found.takes:
        raise AudioError(
            f"'{recording}': nothing stands out from the rest of it",
            "record the sound several times with pauses of two seconds; enrol a continuous one as it is",
        )
    unknown = dropped - set(range(1, len(found.takes) + 1))
    if unknown:
        raise UsageError(f"there is no take {min(unknown)}", f"the takes are 1 to {len(found.takes)}")
    kept = [take for number, take in enumerate(found.takes, 1) if number not in dropped]
    room_count = len(kept) if request.max_rooms is None else min(len(kept), request.max_rooms)
    rooms = choose_rooms(found.rooms, room_count)
    clips = _write(request.folder, request, kept, rooms) if request.folder else {}
    return CutResult(recording, request.label, duration_s, found.takes, dropped, rooms, clips, notes)


def _require_no_clips(folder: Path, recording: Path) -> None:
    present = next(
        (path for path in folder.glob("*/*.wav") if path.name.startswith(f"{recording.stem} at ")), None
    )
    if present:
        raise DatasetError(
            f"'{folder}' has clips of '{recording.name}' already, such as '{present.name}'",
            "delete them, or choose another folder",
        )


def _write(
    folder: Path, request: CutRequest, takes: list[Take], rooms: list[tuple[float, float]]
) -> dict[str, list[Path]]:
    """Write the clips: complete, or none of them."""
    regions = [Region(take.start_s, take.end_s, request.label) for take in takes]
    regions += [Region(start_s, end_s, NEGATIVE) for start_s, end_s in rooms]
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, list[Path]] = {}
    with TemporaryDirectory(prefix=".cut-", dir=folder) as temporary:
        clips, rejected = cut_clips(
            request.recording, sorted(regions, key=lambda one: one.start_s), Path(temporary)
        )
        if rejected:
            raise AudioError(rejected[0].reason, rejected[0].hint)
        for path, label in clips:
            (folder / label).mkdir(exist_ok=True)
            written.setdefault(label, []).append(path.rename(folder / label / path.name))
    return written
