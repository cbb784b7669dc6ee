"""A folder of blobs, each named by the SHA-256 of its content."""

import re
from dataclasses import dataclass
from pathlib import Path

from edgecl.canonical_json import sha256_hex
from edgecl.store import atomic
from edgecl.store.blob_record import MAX_BLOB_BYTES, MAX_HEADER_BYTES

SUFFIX = ".safetensors"
HASH_DIGITS = 64
OWN_NAMES = re.compile(r"[0-9a-f]{64}\.safetensors(\.\d+)?|\..*\.tmp")
OLD_REGISTRIES = re.compile(r"registry\.db(-journal)?(\.\d+)?")


@dataclass(frozen=True)
class BlobFolder:
    """The blobs in `path`; damaged ones lie in `quarantine` while a task still refers to them.

    A damaged registry lies there until the next change.
    """

    path: Path
    quarantine: Path

    def create(self) -> None:
        """Create both folders where they are missing."""
        self.path.mkdir(exist_ok=True)
        self.quarantine.mkdir(exist_ok=True)

    def read(self, sha256: str) -> bytes | None:
        """Return the blob of this hash; None if it is missing or its content has another hash."""
        path = self._file(sha256)
        try:
            if path.stat().st_size > MAX_BLOB_BYTES:
                return None
            data = path.read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            return None
        return data if sha256_hex(data) == sha256 else None

    def has(self, sha256: str) -> bool:
        """Return whether a file of this name exists, whatever its content."""
        return self._file(sha256).exists()

    def is_quarantined(self, sha256: str) -> bool:
        """Return whether a damaged file of this name lies in the quarantine."""
        return any(self.quarantine.glob(f"{sha256}{SUFFIX}*"))

    def read_start(self, sha256: str) -> bytes:
        """Read as many first bytes of a damaged blob as a header can take, quarantined or not."""
        for path in (self._file(sha256), *self.quarantine.glob(f"{sha256}{SUFFIX}*")):
            if path.is_file():
                with path.open("rb") as file:
                    return file.read(8 + MAX_HEADER_BYTES)
        return b""

    def write(self, data: bytes) -> str:
        """Write a blob durably.

        Returns:
            Its SHA-256, which is its name.
        """
        sha256 = sha256_hex(data)
        atomic.write(self._file(sha256), data)
        return sha256

    def move_to_quarantine(self, sha256: str) -> None:
        """Move the file of this name to the quarantine, if it exists."""
        if self.has(sha256):
            atomic.move(self._file(sha256), self.quarantine)

    def list_hashes(self) -> list[str]:
        """List the names of all blobs, damaged or not, sorted."""
        paths = (*self.path.glob(f"*{SUFFIX}"), *self.quarantine.glob(f"*{SUFFIX}*"))
        return sorted({path.name[:HASH_DIGITS] for path in paths if OWN_NAMES.fullmatch(path.name)})

    def delete_unreferenced(self, referenced: set[str]) -> None:
        """Delete all blobs but the referenced ones, temporary files of interrupted writers, old registries.

        No other process may be writing.
        """
        for path in (*self.path.iterdir(), *self.quarantine.iterdir()):
            is_own = OWN_NAMES.fullmatch(path.name) and path.name[:HASH_DIGITS] not in referenced
            is_old_registry = path.parent == self.quarantine and OLD_REGISTRIES.fullmatch(path.name)
            if (is_own or is_old_registry) and not path.is_dir():
                path.unlink()

    def _file(self, sha256: str) -> Path:
        return self.path / f"{sha256}{SUFFIX}"
