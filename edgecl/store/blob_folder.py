"""A folder of blobs, each under the SHA-256 of its content: a name proves what it names."""

import re
from dataclasses import dataclass
from pathlib import Path

from edgecl.canonical_json import sha256_hex
from edgecl.store import atomic
from edgecl.store.blob import MAX_BLOB_BYTES, MAX_HEADER_BYTES

SUFFIX = ".safetensors"
HASH_DIGITS = 64
OURS = re.compile(r"[0-9a-f]{64}\.safetensors(\.\d+)?|\..*\.tmp")


@dataclass(frozen=True)
class BlobFolder:
    """The blobs in `path`; what is found damaged lies in `quarantine` while a task still points to it."""

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

    def is_put_away(self, sha256: str) -> bool:
        """Whether what had this name was found damaged."""
        return any(self.quarantine.glob(f"{sha256}{SUFFIX}*"))

    def start(self, sha256: str) -> bytes:
        """The first bytes of a damaged blob, as far as its header can reach; wherever it lies now."""
        for path in (self._file(sha256), *self.quarantine.glob(f"{sha256}{SUFFIX}*")):
            if path.is_file():
                with path.open("rb") as file:
                    return file.read(8 + MAX_HEADER_BYTES)
        return b""

    def write(self, data: bytes) -> str:
        """The hash under which `data` now lies safely on the disk."""
        sha256 = sha256_hex(data)
        atomic.write(self._file(sha256), data)
        return sha256

    def put_away(self, sha256: str) -> None:
        """Move the file of this name, if there is one, to the quarantine."""
        if self.has(sha256):
            atomic.move(self._file(sha256), self.quarantine)

    def hashes(self) -> list[str]:
        """The name of every blob, damaged or not, sorted; absent folders have none."""
        paths = (*self.path.glob(f"*{SUFFIX}"), *self.quarantine.glob(f"*{SUFFIX}*"))
        return sorted({path.name[:HASH_DIGITS] for path in paths if OURS.fullmatch(path.name)})

    def sweep(self, kept: set[str]) -> None:
        """Delete every blob but those `kept`, and what interrupted writers left; nobody may be writing."""
        for path in (*self.path.iterdir(), *self.quarantine.iterdir()):
            if path.name[:HASH_DIGITS] not in kept and OURS.fullmatch(path.name) and not path.is_dir():
                path.unlink()

    def _file(self, sha256: str) -> Path:
        return self.path / f"{sha256}{SUFFIX}"
