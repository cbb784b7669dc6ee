"""The training set of a task: one record per recording, stored beside its blob.

    home/lessons/<SHA-256 of the blob>.json    canonical JSON with its own digest

It holds neither sound nor tokens, only what is needed to train the task again from cached tokens. A training
set belongs to one blob and follows it through undo and a lost registry. A damaged one counts as missing,
because the blob works without it.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from edgecl import canonical_json
from edgecl.augmentation.copies_key import make_copies_key
from edgecl.bundle.manifest import Count, Record, Sha256
from edgecl.canonical_json import sha256_hex
from edgecl.store import atomic

SUFFIX = ".json"
HASH_DIGITS = 64

Origin = Literal["enrolled", "added", "corrected", "background"]
"""How a recording came into a training set; `background`: it is the rest of another one, beside its sound."""


class TrainingClip(Record):
    """One recording of a task's training set."""

    clip_sha256: Sha256  # of the bytes of the file
    label: Annotated[str, Field(min_length=1)]
    windows: Count  # number of windows that it was split into
    file: str  # its path at that time, for display only: it may be gone
    origin: Origin

    @property
    def cache_keys(self) -> tuple[str, ...]:
        """The keys of its tokens in the token cache.

        A correction is one recording among hundreds, so its augmented copies are kept as well.
        """
        copies = (make_copies_key(self.clip_sha256),) if self.origin == "corrected" else ()
        return (self.clip_sha256, *copies)


class _Document(Record):
    format_version: Literal[1] = 1
    lessons: tuple[TrainingClip, ...]


TrainingSet = tuple[TrainingClip, ...]


def collect_labels(training_set: TrainingSet) -> tuple[str, ...]:
    """Return the labels of a training set, sorted."""
    return tuple(sorted({clip.label for clip in training_set}))


def to_bytes(training_set: TrainingSet) -> bytes:
    """Serialize a training set as canonical JSON with a digest."""
    document = _Document(lessons=training_set).model_dump(mode="json")
    return canonical_json.dump(document | {"digest": sha256_hex(canonical_json.dump(document))})


def from_bytes(data: bytes) -> TrainingSet | None:
    """Parse a training set; None for anything that `to_bytes` did not write."""
    try:
        document = canonical_json.load(data)
        digest = document.pop("digest")
        content = canonical_json.dump(document)
        return _Document.model_validate_json(content).lessons if sha256_hex(content) == digest else None
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError):
        return None


def make_background_key(clip_sha256: str) -> str:
    """Return the hash that stands for the background of a recording."""
    return sha256_hex(f"{clip_sha256}:background".encode())


def count_recordings(training_set: TrainingSet) -> int:
    """Return the number of recordings; their backgrounds do not count."""
    return sum(clip.origin != "background" for clip in training_set)


@dataclass(frozen=True)
class TrainingSetFolder:
    """The training sets of all blobs of a store."""

    path: Path

    def read(self, blob_sha256: str) -> TrainingSet | None:
        """Return the training set of a blob; None if it is missing or damaged."""
        try:
            return from_bytes(self._file(blob_sha256).read_bytes())
        except OSError:
            return None

    def write(self, blob_sha256: str, training_set: TrainingSet) -> None:
        """Write the training set of a blob durably."""
        if not self.path.is_dir():
            self.path.mkdir()
            atomic.sync_folder(self.path.parent)
        atomic.write(self._file(blob_sha256), to_bytes(training_set))

    def list_hashes(self) -> set[str]:
        """List the blobs that have a training set."""
        return {path.name[:HASH_DIGITS] for path in self.path.glob(f"*{SUFFIX}")}

    def delete_unreferenced(self, referenced: set[str]) -> None:
        """Delete the training sets of all blobs but the referenced ones, and temporary files."""
        if not self.path.is_dir():
            return
        for name in os.listdir(self.path):
            is_own = name.endswith(SUFFIX) or name.endswith(".tmp")
            if is_own and name[:HASH_DIGITS] not in referenced:
                (self.path / name).unlink()

    def _file(self, blob_sha256: str) -> Path:
        return self.path / f"{blob_sha256}{SUFFIX}"
