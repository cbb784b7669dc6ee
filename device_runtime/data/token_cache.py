"""Tokens of recordings on disk, so that the backbone runs once per recording and tasks can be trained again.

Each recording has one file: its tokens as .npy, then the SHA-256 of those bytes. The name is a hash of what
determines the content (see `edgecl.store.token_files`), by which the store deletes the files of recordings
that no task refers to any more.

It is the lower level of a two-level episodic memory as in CarM (Lee et al., DAC 2022): training reads a
`TokenBuffer`, which is in memory while it is small, and the disk keeps everything. Deviations: tokens are
stored instead of samples, so the backbone need not run again; and all tokens of a task are loaded before
training starts, so no episode is exchanged during it.

Where the folder reaches its size limit, it gives up first the recordings of no task, least recently used
first, then those that a class needs least (see `coreset`).

The cache makes no command fail: a torn or altered file is a miss, and `warning` reports a disk that is full
or read-only, or a limit that leaves no room.
"""

import contextlib
import errno
import hashlib
import io
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from device_runtime.data.coreset import MIN_CLIPS, select_evictions, summarise
from edgecl.arrays import Tokens
from edgecl.store.token_files import SUFFIX, list_paths, make_name

RESERVE_BYTES = 8 << 20  # of the disk that are left to the store
LEFTOVER_AGE_S = 600.0  # of a file that a killed process did not finish; writing one takes milliseconds
TRIMMED_SHARE = 0.95  # of the limit, so that not every recording has to make room
DIGEST_BYTES = 32

Sizes = Mapping[Path, os.stat_result]


class TokenCache:
    """A folder of token files for one bundle and window length; files of others count towards its limit."""

    def __init__(self, folder: Path, fingerprint: str, window_samples: int, quota_bytes: int) -> None:
        self.folder = folder
        self.quota_bytes = quota_bytes
        self.warning = ""
        self._size_bytes = quota_bytes  # upper bound of the folder's size, which is not measured yet
        self._protected: list[set[Path]] = []  # by class
        self._identity = fingerprint, window_samples

    def protect(self, classes: Iterable[Iterable[str]]) -> None:
        """Prefer to keep the recordings of these classes, given by key, over those of none."""
        self._protected += [{path for key in keys for path in self._paths(key)} for keys in classes]

    def has(self, key: str) -> bool:
        """Return whether there is a file for an enrolled recording, intact or not; see `find`."""
        return any(path.exists() for path in self._paths(key))

    def find(self, key: str) -> Tokens | None:
        """Return the tokens of an enrolled recording, even if an earlier version cut its windows.

        The task was trained on such windows, and the recording itself may be gone.
        """
        found = (self._load(path) for path in self._paths(key))
        return next((tokens for tokens in found if tokens is not None), None)

    def get(self, key: str) -> Tokens | None:
        """Return the tokens [N, tokens, D] of a recording as this version cuts it; None: there are none."""
        return self._load(self._path(key))

    def _load(self, path: Path) -> Tokens | None:
        tokens = _read(path)
        if tokens is not None:
            with contextlib.suppress(OSError):
                os.utime(path)
        return tokens

    def put(self, key: str, tokens: Tokens) -> None:
        """Store the tokens of a recording; after a failure `warning` says why and nothing more is stored."""
        if self.warning:
            return
        body = io.BytesIO()
        np.save(body, tokens, allow_pickle=False)
        data = body.getvalue() + hashlib.sha256(body.getvalue()).digest()
        try:
            self._make_room(len(data))
            self._write(self._path(key), data)
            self._size_bytes += len(data)
        except OSError as error:
            self.warning = f"not every recording was cached: {error.strerror or error}"

    def _make_room(self, needed_bytes: int) -> None:
        """Delete files until more bytes fit.

        Raises:
            OSError: not enough files may be deleted.
        """
        if self._size_bytes + needed_bytes <= self.quota_bytes:
            return
        _delete_leftovers(self.folder)
        sizes = _sizes(self.folder)
        size = sum(stat.st_size for stat in sizes.values())
        if size + needed_bytes > self.quota_bytes:
            goal = TRIMMED_SHARE * self.quota_bytes - needed_bytes
            for path in self._eviction_order(sizes):
                if size <= goal:
                    break
                path.unlink(missing_ok=True)
                size -= sizes[path].st_size
        self._size_bytes = size
        if size + needed_bytes > self.quota_bytes:
            raise OSError(
                errno.EDQUOT, f"the cache is limited to {self.quota_bytes >> 20} MB (--cache-limit)"
            )

    def _eviction_order(self, sizes: Sizes) -> Iterator[Path]:
        """Yield files in the order in which to delete them, without those that are never deleted."""
        kept = [names & sizes.keys() for names in self._protected]
        needed: set[Path] = set().union(*kept)
        yield from sorted(sizes.keys() - needed, key=lambda path: sizes[path].st_mtime_ns)
        vectors = {path.name: summarise(tokens) for path in needed if (tokens := _read(path)) is not None}
        classes = [{path.name for path in paths} & vectors.keys() for paths in kept]
        yield from (self.folder / name for name in select_evictions(classes, vectors, MIN_CLIPS))

    def _path(self, key: str) -> Path:
        return self.folder / make_name(key, *self._identity)

    def _paths(self, key: str) -> Iterator[Path]:
        """Return the file of this version and those of earlier ones."""
        return list_paths(self.folder, key, *self._identity)

    def _write(self, path: Path, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self.folder).free < RESERVE_BYTES + len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_bytes(data)
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise


def measure_usage(folder: Path) -> tuple[int, int]:
    """Return the number of recordings in a cache folder, of any bundle, and their size in bytes."""
    sizes = _sizes(folder)
    return len(sizes), sum(stat.st_size for stat in sizes.values())


def _delete_leftovers(folder: Path) -> None:
    """Delete what processes that were killed left half written."""
    for path in folder.glob(f".*{SUFFIX}.*"):
        with contextlib.suppress(FileNotFoundError):  # another process finished or deleted it
            if time.time() - path.stat().st_mtime > LEFTOVER_AGE_S:
                path.unlink()


def _sizes(folder: Path) -> Sizes:
    """Return the status of every file of a folder; none where there is no folder yet."""
    sizes = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):  # another process deleted it
            sizes[path] = path.stat()
    return sizes


def _read(path: Path) -> Tokens | None:
    """Return the tokens in a file; None unless it is intact."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    body, digest = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    return np.load(io.BytesIO(body), allow_pickle=False)  # type: ignore[no-any-return]
