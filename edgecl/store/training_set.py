"""What a task was learnt from: one line a recording, kept beside its blob.

    home/lessons/<SHA-256 of the blob>.json    canonical JSON with a digest of its own

Neither sound nor tokens, only what the recordings were: enough to teach the task again from the tokens that
the cache remembers. A list belongs to one blob and goes where that blob goes: `undo` takes both back, a lost
registry leaves both. A damaged list counts as none, for a blob is sound without it.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from edgecl import canonical_json
from edgecl.augmentation import make_copies_key
from edgecl.bundle.manifest import Count, Record, Sha256
from edgecl.canonical_json import sha256_hex
from edgecl.store import atomic

SUFFIX = ".json"
HASH_DIGITS = 64

Origin = Literal["enrolled", "added", "corrected"]


class TrainingClip(Record):
    """One recording that a task was taught."""

    clip_sha256: Sha256  # of the bytes of the file
    label: Annotated[str, Field(min_length=1)]
    windows: Count  # that it was cut into
    file: str  # as it was named then; for people, it may be gone
    origin: Origin

    @property
    def keys(self) -> tuple[str, ...]:
        """What of it is worth remembering: the recording, and the copies without which one correction is lost
        among hundreds of recordings."""
        copies = (make_copies_key(self.clip_sha256),) if self.origin == "corrected" else ()
        return (self.clip_sha256, *copies)


class _Document(Record):
    format_version: Literal[1] = 1
    lessons: tuple[TrainingClip, ...]


TrainingSet = tuple[TrainingClip, ...]


def labels_of(lessons: TrainingSet) -> tuple[str, ...]:
    """The labels that these lessons teach, sorted."""
    return tuple(sorted({taught.label for taught in lessons}))


def to_bytes(lessons: TrainingSet) -> bytes:
    """The one spelling of these lessons."""
    document = _Document(lessons=lessons).model_dump(mode="json")
    return canonical_json.dump(document | {"digest": sha256_hex(canonical_json.dump(document))})


def from_bytes(data: bytes) -> TrainingSet | None:
    """The lessons spelled so; None for anything else."""
    try:
        document = canonical_json.load(data)
        digest = document.pop("digest")
        plain = canonical_json.dump(document)
        return _Document.model_validate_json(plain).lessons if sha256_hex(plain) == digest else None
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError):
        return None


@dataclass(frozen=True)
class TrainingSetFolder:
    """The lessons of every blob of a store."""

    path: Path

    def read(self, blob_sha256: str) -> TrainingSet | None:
        """What this blob was learnt from; None where that is not known, or not any more."""
        try:
            return from_bytes(self._file(blob_sha256).read_bytes())
        except OSError:
            return None

    def write(self, blob_sha256: str, lessons: TrainingSet) -> None:
        """The lessons of this blob lie safely on the disk when this returns."""
        if not self.path.is_dir():
            self.path.mkdir()
            atomic.sync_folder(self.path.parent)
        atomic.write(self._file(blob_sha256), to_bytes(lessons))

    def sweep(self, kept: set[str]) -> None:
        """Delete the lessons of every blob but those `kept`, and what interrupted writers left."""
        if not self.path.is_dir():
            return
        for name in os.listdir(self.path):
            ours = name.endswith(SUFFIX) or name.endswith(".tmp")
            if ours and name[:HASH_DIGITS] not in kept:
                (self.path / name).unlink()

    def _file(self, blob_sha256: str) -> Path:
        return self.path / f"{blob_sha256}{SUFFIX}"
