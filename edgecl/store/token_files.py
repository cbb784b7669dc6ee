"""Names of the token cache's files, one for each recording and one for its augmented copies.

A name is a hash of what determines the content. The store knows the names in order to delete the tokens of
recordings that none of its tasks was trained on any more.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from edgecl.augmentation.copies_key import AUGMENTATION_VERSION, make_copies_key
from edgecl.store.blob_record import BlobRecord
from edgecl.store.training_set import TrainingSet

FOLDER_NAME = "cache"
SUFFIX = ".tokens"
WINDOWS_VERSION = 5
"""Increased whenever decoding, resampling, padding or splitting gives other windows for the same file."""


def make_name(key: str, fingerprint: str, window_samples: int, version: int | None = None) -> str:
    """Return the name of the file with the tokens of a recording.

    Args:
        key: The recording's hash, or `make_copies_key` of it.
        fingerprint: The fingerprint of the bundle that computed the tokens.
        window_samples: The bundle's window length.
        version: `WINDOWS_VERSION` of the edgecl that cut the windows; None: the present one.
    """
    identity = f"{fingerprint}:{window_samples}:{version or WINDOWS_VERSION}"
    return f"{hashlib.sha256(f'{identity}:{key}'.encode()).hexdigest()}{SUFFIX}"


def list_paths(folder: Path, key: str, fingerprint: str, window_samples: int) -> Iterator[Path]:
    """Yield where this version keeps the tokens of a recording, then where earlier versions did."""
    for version in range(WINDOWS_VERSION, 0, -1):
        yield folder / make_name(key, fingerprint, window_samples, version)


def list_names(training_set: TrainingSet, record: BlobRecord) -> set[str]:
    """List the names of all files that any version so far can have cached for a task's training set."""
    copies = range(1, AUGMENTATION_VERSION + 1)
    hashes = {clip.clip_sha256 for clip in training_set}
    keys = hashes | {make_copies_key(sha256, version) for sha256 in hashes for version in copies}
    return {
        make_name(key, record.fingerprint, record.window_samples, version)
        for key in keys
        for version in range(1, WINDOWS_VERSION + 1)
    }


def delete_others(folder: Path, kept: set[str]) -> None:
    """Delete all files but those of these names."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if SUFFIX in path.suffixes and path.name not in kept:
            path.unlink(missing_ok=True)


def delete(folder: Path, names: Iterable[str]) -> None:
    """Delete the files of these names, and what writers that were killed left of them."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
        for temporary in folder.glob(f".{name}.*"):
            temporary.unlink(missing_ok=True)
