"""A growing array of tokens: in memory while it is small, in a temporary file beyond that."""

import tempfile
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from edgecl.arrays import Tokens

MEMORY_BYTES = 64 * 1024 * 1024  # about 3000 windows, an hour and a half of audio


class TokenBuffer:
    """Tokens that are appended clip by clip and read as one array.

    The temporary file has no name, so it disappears with the process in any case. Where the disk takes no
    more, everything moves back into memory and `warning` says why.
    """

    def __init__(self, folder: Path, memory_bytes: int = MEMORY_BYTES) -> None:
        self.warning = ""
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._pieces: list[bytes] = []  # in memory
        self._size_bytes = 0
        self._file: FileIO | None = None
        self._shape: tuple[int, ...] = (0,)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def append(self, tokens: Tokens) -> None:
        """Append the windows of one clip, [N, tokens, D]."""
        self._shape = (self._shape[0] + len(tokens), *tokens.shape[1:])
        self._pieces.append(np.ascontiguousarray(tokens).tobytes())
        self._size_bytes += tokens.nbytes
        full = self._file is not None or self._size_bytes > self._memory_bytes
        if full and not self.warning:
            self._spill()

    def read(self) -> Tokens:
        """Return everything appended so far, [all N, tokens, D]; more may be appended later."""
        if self._file is None:
            self._pieces = [b"".join(self._pieces)]
            return np.frombuffer(self._pieces[0], np.float16).reshape(self._shape)
        return np.memmap(self._file, np.float16, "r", shape=self._shape)

    def _spill(self) -> None:
        """Move the tokens in memory to the file, or all of them back where the disk takes no more."""
        written = self._file.tell() if self._file else 0
        try:
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 — see _close
            unwritten = memoryview(b"".join(self._pieces))
            while unwritten:
                unwritten = unwritten[self._file.write(unwritten) :]
            self._pieces = []
        except OSError as error:
            self.warning = f"tokens are kept in memory: {error.strerror or error}"
            self._pieces.insert(0, self._read_first(written))
            self._close()

    def _read_first(self, count: int) -> bytes:
        """Read the first bytes of the file."""
        if self._file is None or count == 0:
            return b""
        self._file.seek(0)
        return self._file.read(count)

    def _close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None
