"""All tokens of one enrolment as one array: in memory while few, in a scratch file beyond that."""

import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np

from device_runtime.backbone import Tokens

MEMORY_BYTES = 64 * 1024 * 1024  # about 3000 windows, an hour and a half of sound


class TokenBank:
    """Tokens appended clip by clip, then read as one array.

    The scratch file has no name, so nothing is left behind whatever happens to the process.
    """

    def __init__(self, folder: Path, memory_bytes: int = MEMORY_BYTES) -> None:
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._shape: tuple[int, ...] = (0,)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def append(self, tokens: Tokens) -> None:
        """Add the windows of one clip, [N, tokens, D]."""
        self._shape = (self._shape[0] + len(tokens), *tokens.shape[1:])
        data = np.ascontiguousarray(tokens).tobytes()
        if self._file is None and len(self._memory) + len(data) > self._memory_bytes:
            self._spill()
        if self._file:
            self._file.write(data)
        else:
            self._memory += data

    def tokens(self) -> Tokens:
        """Everything appended so far, [all N, tokens, D]."""
        if self._file is None:
            return np.frombuffer(self._memory, np.float16).reshape(self._shape)
        self._file.flush()
        return np.memmap(self._file, np.float16, "r", shape=self._shape)

    def _spill(self) -> None:
        """Move to a scratch file; where the folder takes none, memory goes on being used."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            scratch = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 — closed by __exit__
            scratch.write(self._memory)
        except OSError:
            self._memory_bytes = 2**63
            return
        self._file, self._memory = scratch, bytearray()
