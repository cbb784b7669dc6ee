"""A folder of blobs, each under the SHA-256 of its content: a name proves what it names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgecl import atomic
from edgecl.blob import MAX_BLOB_BYTES
from edgecl.canonical import sha256_hex

SUFFIX = ".safetensors"
OURS = re.compile(r"[0-9a-f]{64}\.safetensors|\..*\.tmp")


@dataclass(frozen=True)
class BlobFolder:
    """The blobs in `path`; what is found damaged goes to `quarantine`."""

    path: Path
    quarantine: Path

    def create(self) -> None:
        self.path.mkdir(exist_ok=True)
        self.quarantine.mkdir(exist_ok=True)

    def read(self, sha256: str) -> bytes | None:
        """The blob of this hash; None where it is missing or its content has another one."""
        path = self._file(sha256)
        try:
            if path.stat().st_size > MAX_BLOB_BYTES:
                return None
            data = path.read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            return None
        return data if sha256_hex(data) == sha256 else None

    def has(self, sha256: str) -> bool:
        """Whether there is a file of this name, whatever it holds."""
        return self._file(sha256).exists()

    def write(self, data: bytes) -> str:
        """The hash under which `data` now lies safely on the disk."""
        sha256 = sha256_hex(data)
        atomic.write(self._file(sha256), data)
        return sha256

    def put_away(self, sha256: str) -> None:
        """Move the file of this name, if there is one, to the quarantine."""
        if self.has(sha256):
            atomic.move(self._file(sha256), self.quarantine)

    def hashes(self) -> Iterator[str]:
        """The name of every blob, sorted; an absent folder has none."""
        yield from sorted(path.stem for path in self.path.glob(f"*{SUFFIX}") if OURS.fullmatch(path.name))

    def sweep(self, kept: set[str]) -> None:
        """Delete every blob but those `kept`, and what interrupted writers left; nobody may be writing."""
        for path in self.path.iterdir():
            if path.stem not in kept and OURS.fullmatch(path.name):
                path.unlink()

    def _file(self, sha256: str) -> Path:
        return self.path / f"{sha256}{SUFFIX}"
