"""Tokens of clips on disk, so that the backbone sees each recording once.

One file a clip: its tokens as .npy, then the SHA-256 of those bytes. The name is a hash of what decides
the content: the clip's own hash, the bundle's fingerprint, the window, and how windows are cut. Nothing
here can fail a command: a torn or altered file is a miss, a nearly full or read-only disk is remembered in
`trouble`, and files used longest ago make room as soon as the quota is full.
"""

import contextlib
import errno
import hashlib
import io
import os
import shutil
from pathlib import Path

import numpy as np

from device_runtime.backbone import Tokens
from edgecl import windows

QUOTA_BYTES = 256 * 1024 * 1024
RESERVE_BYTES = 8 * 1024 * 1024  # left to the store, which needs it more
DIGEST_BYTES = 32
SUFFIX = ".tokens"


class TokenCache:
    """A folder of token files for one fingerprint and window; others' files share its quota."""

    def __init__(
        self, folder: Path, fingerprint: str, window_samples: int, quota_bytes: int = QUOTA_BYTES
    ) -> None:
        self.folder = folder
        self.quota_bytes = quota_bytes
        self.trouble = ""
        self._held_bytes = quota_bytes  # in the folder, at most; as long as nobody looked, it may be full
        self._meaning = f"{fingerprint}:{window_samples}:{windows.WINDOWS_VERSION}"

    def get(self, clip_sha256: str) -> Tokens | None:
        """Tokens [N, tokens, D] of a clip seen before; None where they are not (or no longer) intact."""
        path = self._path(clip_sha256)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        body, digest = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != digest:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return np.load(io.BytesIO(body), allow_pickle=False)  # type: ignore[no-any-return]

    def put(self, clip_sha256: str, tokens: Tokens) -> None:
        """Keep tokens for later; once the disk has refused, `trouble` says why and nothing more is tried."""
        if self.trouble:
            return
        body = io.BytesIO()
        np.save(body, tokens, allow_pickle=False)
        data = body.getvalue() + hashlib.sha256(body.getvalue()).digest()
        try:
            self._write(self._path(clip_sha256), data)
        except OSError as error:
            self.trouble = f"tokens are not cached: {error.strerror or error}"
        self._held_bytes += len(data)
        if self._held_bytes > self.quota_bytes:
            self.trim()

    def trim(self) -> None:
        """Remove what was used longest ago until the folder is within its quota."""
        with contextlib.suppress(OSError):
            found = [(path.stat(), path) for path in self.folder.iterdir()]
            excess = sum(stat.st_size for stat, _ in found) - self.quota_bytes
            for stat, path in sorted(found, key=lambda pair: pair[0].st_mtime_ns):
                if excess <= 0:
                    break
                path.unlink(missing_ok=True)
                excess -= stat.st_size
            self._held_bytes = self.quota_bytes + excess

    def _path(self, clip_sha256: str) -> Path:
        name = hashlib.sha256(f"{self._meaning}:{clip_sha256}".encode()).hexdigest()
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
