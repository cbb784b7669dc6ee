"""Tokens of clips on disk, so that the backbone sees each recording once and tasks can be taught again.

One file a clip: its tokens as .npy, then the SHA-256 of those bytes. The name is a hash of what decides
the content: the clip's key, the bundle's fingerprint, the window, and how windows are cut.

This is the lower level of a memory of episodes in two levels, as in CarM (Lee et al., DAC 2022): training
reads a `TokenBank`, in memory while tokens are few, and the disk remembers. Deviations: tokens are kept, not
samples, so what is remembered need not be heard again; and all tokens of a task are brought into the bank
before it is learnt, so no episode is exchanged meanwhile. Under its limit the folder gives up first what no
task was learnt from, longest unused first, then what a class can best spare (see `coreset`).

Nothing here can fail a command: a torn or altered file is a miss; a disk that is read-only, or full, or a
limit that leaves no room is remembered in `trouble`.
"""

import contextlib
import errno
import hashlib
import io
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from device_runtime.data.coreset import MIN_CLIPS, select_evictions, summarise
from edgecl import windows
from edgecl.arrays import Tokens

RESERVE_BYTES = 8 << 20  # left to the store, which needs it more
TRIMMED_SHARE = 0.95  # of the limit; so that room need not be made at every clip
DIGEST_BYTES = 32
SUFFIX = ".tokens"

Sizes = Mapping[Path, os.stat_result]


class TokenCache:
    """A folder of token files for one fingerprint and window; others' files share its limit."""

    def __init__(self, folder: Path, fingerprint: str, window_samples: int, quota_bytes: int) -> None:
        self.folder = folder
        self.quota_bytes = quota_bytes
        self.warning = ""
        self._held_bytes = quota_bytes  # in the folder, at most; as long as nobody looked, it may be full
        self._classes: list[set[Path]] = []
        self._meaning = f"{fingerprint}:{window_samples}:{windows.WINDOWS_VERSION}"

    def protect(self, classes: Iterable[Iterable[str]]) -> None:
        """Hold on to the clips of these classes, by key, rather than to those of none."""
        self._classes += [{self._path(key) for key in keys} for keys in classes]

    def has(self, key: str) -> bool:
        """Whether there are tokens of a clip, intact or not."""
        return self._path(key).exists()

    def get(self, key: str) -> Tokens | None:
        """Tokens [N, tokens, D] of a clip heard before; None where they are not (or no longer) intact."""
        path = self._path(key)
        tokens = _read(path)
        if tokens is not None:
            with contextlib.suppress(OSError):
                os.utime(path)
        return tokens

    def put(self, key: str, tokens: Tokens) -> None:
        """Keep tokens for later; once that was refused, `trouble` says why and nothing more is tried."""
        if self.warning:
            return
        body = io.BytesIO()
        np.save(body, tokens, allow_pickle=False)
        data = body.getvalue() + hashlib.sha256(body.getvalue()).digest()
        try:
            self._make_room(len(data))
            self._write(self._path(key), data)
            self._held_bytes += len(data)
        except OSError as error:
            self.warning = f"not every recording is remembered: {error.strerror or error}"

    def _make_room(self, needed_bytes: int) -> None:
        """Remove files until so much more fits, or refuse."""
        if self._held_bytes + needed_bytes <= self.quota_bytes:
            return
        sizes = _sizes(self.folder)
        held = sum(stat.st_size for stat in sizes.values())
        if held + needed_bytes > self.quota_bytes:
            goal = TRIMMED_SHARE * self.quota_bytes - needed_bytes
            for path in self._in_order(sizes):
                if held <= goal:
                    break
                path.unlink(missing_ok=True)
                held -= sizes[path].st_size
        self._held_bytes = held
        if held + needed_bytes > self.quota_bytes:
            raise OSError(
                errno.EDQUOT, f"the cache is limited to {self.quota_bytes >> 20} MB (--cache-limit)"
            )

    def _in_order(self, sizes: Sizes) -> Iterator[Path]:
        """Files in the order in which they can be missed; those that never can are not among them."""
        kept = [names & sizes.keys() for names in self._classes]
        needed: set[Path] = set().union(*kept)
        yield from sorted(sizes.keys() - needed, key=lambda path: sizes[path].st_mtime_ns)
        vectors = {path.name: summarise(tokens) for path in needed if (tokens := _read(path)) is not None}
        classes = [{path.name for path in paths} & vectors.keys() for paths in kept]
        yield from (self.folder / name for name in select_evictions(classes, vectors, MIN_CLIPS))

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(f"{self._meaning}:{key}".encode()).hexdigest()
        return self.folder / f"{name}{SUFFIX}"

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
    """How many clips are remembered in a folder, of any bundle, and how many bytes they take."""
    sizes = _sizes(folder)
    return len(sizes), sum(stat.st_size for stat in sizes.values())


def _sizes(folder: Path) -> Sizes:
    """Every file of the folder; none where there is no folder yet."""
    sizes = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):  # another process was quicker
            sizes[path] = path.stat()
    return sizes


def _read(path: Path) -> Tokens | None:
    """What a file holds; None unless it is intact."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    body, digest = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    return np.load(io.BytesIO(body), allow_pickle=False)  # type: ignore[no-any-return]
