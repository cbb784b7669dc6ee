"""The chunks of WAV, RF64 and AIFF files: an identifier, a size, the content, and so on to the end."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

BYTE_ORDERS = {b"RIFF": "<", b"RIFX": ">", b"RF64": "<", b"FORM": ">"}
"""Identifier of the outermost chunk → byte order of its sizes."""
FORM_HEADER_BYTES = 12  # identifier, size and type of the outermost chunk
HEADER_BYTES = 8
MAX_CHUNKS = 256


@dataclass(frozen=True)
class Chunk:
    """A chunk, where it begins and what it says of its size."""

    identifier: bytes
    offset: int
    """Of the content, from the start of the file."""
    size_bytes: int
    """Of the content, as declared."""

    @property
    def end(self) -> int:
        """Return the offset of the next chunk: contents are padded to an even number of bytes."""
        return self.offset + self.size_bytes + self.size_bytes % 2


def iterate_chunks(file: BinaryIO, offset: int = FORM_HEADER_BYTES) -> Iterator[Chunk]:
    """Yield the chunks of a file from an offset on; none of a file that has no chunks."""
    file.seek(0)
    order = BYTE_ORDERS.get(file.read(4))
    for _ in range(MAX_CHUNKS if order else 0):
        file.seek(offset)
        header = file.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            return
        chunk = Chunk(header[:4], offset + HEADER_BYTES, struct.unpack(f"{order}I", header[4:])[0])
        yield chunk
        offset = chunk.end


def find_sound_chunk(file: BinaryIO) -> Chunk | None:
    """Return the chunk that holds the samples; None if there is none."""
    return next((chunk for chunk in iterate_chunks(file) if chunk.identifier in (b"data", b"SSND")), None)


def ends_with_chunks(file: BinaryIO, offset: int) -> bool:
    """Return whether nothing but whole chunks follows an offset, to the end of the file."""
    size_bytes = os.fstat(file.fileno()).st_size
    for chunk in iterate_chunks(file, offset):
        if not chunk.identifier.isascii() or chunk.end > size_bytes + 1:
            return False
        offset = chunk.end
    return offset >= size_bytes
