"""Recordings that say nothing of the size of their sound: the recorder lost power, or wrote to a pipe.

The decoder takes a size of zero for an empty recording. Here the sound reaches from the header to the end of
the file; uncompressed WAV, RF64, AU and CAF are read.
"""

import os
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from edgecl.arrays import Floats
from edgecl.audio.chunks import HEADER_BYTES, Chunk, ends_with_chunks, find_sound_chunk, iterate_chunks

PLACEHOLDER_BYTES = 64
"""A declared size up to which it was written before there was any sound: 0, or the size of the header."""
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE  # format tags of WAV
AU_TYPES = {2: "i1", 3: "i2", 4: "i3", 5: "i4", 6: "f4", 7: "f8"}
AU_HEADER_BYTES = 24
CAF_HEADER_BYTES = 8
CAF_CHUNK_HEADER_BYTES = 12
CAF_DESCRIPTION_BYTES = 32
CAF_EDIT_COUNT_BYTES = 4  # in front of the samples
MAX_CAF_CHUNKS = 64


@dataclass
class UnfinishedSound:
    """The samples from an offset to the end of a file, read forwards like a `soundfile.SoundFile`."""

    file: BinaryIO
    offset: int
    samplerate: int
    channels: int
    sample_type: str
    """Byte order, kind (signed, unsigned, float) and bytes of a sample: "<i2"."""
    format: str = "unfinished"
    frames: int = 0
    """Unknown."""

    def __post_init__(self) -> None:
        self.file.seek(self.offset)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the file open, as it was."""

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> Floats:
        """Return the next samples, float32 [frames, channels] in −1…1, fewer at the end of the file."""
        frame_bytes = int(self.sample_type[2]) * self.channels
        data = b""
        while len(data) < frames * frame_bytes and (
            piece := self.file.read(frames * frame_bytes - len(data))
        ):
            data += piece
        whole = data[: len(data) // frame_bytes * frame_bytes]
        return _to_floats(whole, self.sample_type).reshape(-1, self.channels)


def find_unfinished_sound(file: BinaryIO) -> UnfinishedSound | None:
    """Return the sound of a file whose header has no size for it; None for any other file."""
    file.seek(0)
    magic = file.read(4)
    if magic in (b"RIFF", b"RIFX", b"RF64"):
        return _find_in_wav(file, ">" if magic == b"RIFX" else "<")
    if magic == b".snd":
        return _find_in_au(file)
    return _find_in_caf(file) if magic == b"caff" else None


def _find_in_wav(file: BinaryIO, order: str) -> UnfinishedSound | None:
    sound = find_sound_chunk(file)
    if sound is None or not _is_unsized(file, sound):
        return None
    described = next((chunk for chunk in iterate_chunks(file) if chunk.identifier == b"fmt "), None)
    if described is None or described.size_bytes < 16 or described.offset > sound.offset:
        return None
    file.seek(described.offset)
    content = file.read(min(described.size_bytes, 40))
    tag, channels, rate_hz, _, _, bits = struct.unpack_from(f"{order}HHIIHH", content)
    if tag == EXTENSIBLE and len(content) >= 26:
        (tag,) = struct.unpack_from(f"{order}H", content, 24)
    kind = {PCM: "u" if bits == 8 else "i", FLOAT: "f"}.get(tag)
    return _make_sound(file, sound.offset, rate_hz, channels, f"{order}{kind}{bits // 8}")


def _is_unsized(file: BinaryIO, sound: Chunk) -> bool:
    """Return whether the size of the samples was never written, though there are some."""
    if sound.size_bytes == 0xFFFFFFFF:  # RF64 has the size in a chunk of its own
        sizes = next((chunk for chunk in iterate_chunks(file) if chunk.identifier == b"ds64"), None)
        if sizes is None:
            return False
        file.seek(sizes.offset + 8)
        return file.read(8) == bytes(8)
    return sound.size_bytes <= PLACEHOLDER_BYTES and not ends_with_chunks(file, sound.end)


def _find_in_au(file: BinaryIO) -> UnfinishedSound | None:
    file.seek(0)
    header = file.read(AU_HEADER_BYTES)
    if len(header) < AU_HEADER_BYTES:
        return None
    _, offset, size_bytes, encoding, rate_hz, channels = struct.unpack(">6I", header)
    if size_bytes > PLACEHOLDER_BYTES:
        return None
    return _make_sound(file, offset, rate_hz, channels, f">{AU_TYPES.get(encoding)}")


def _find_in_caf(file: BinaryIO) -> UnfinishedSound | None:
    offset, description = CAF_HEADER_BYTES, b""
    for _ in range(MAX_CAF_CHUNKS):
        file.seek(offset)
        header = file.read(CAF_CHUNK_HEADER_BYTES)
        if len(header) < CAF_CHUNK_HEADER_BYTES:
            return None
        identifier, size_bytes = struct.unpack(">4sq", header)
        offset += CAF_CHUNK_HEADER_BYTES
        if identifier == b"desc":
            description = file.read(CAF_DESCRIPTION_BYTES)
        if identifier == b"data" and len(description) == CAF_DESCRIPTION_BYTES:
            is_unsized = -1 <= size_bytes <= PLACEHOLDER_BYTES
            return _describe_caf(file, offset, description) if is_unsized else None
        if size_bytes < 0:
            return None
        offset += size_bytes
    return None


def _describe_caf(file: BinaryIO, offset: int, description: bytes) -> UnfinishedSound | None:
    rate_hz, codec, flags, _, _, channels, bits = struct.unpack(">d4sIIIII", description)
    if codec != b"lpcm" or not 0 < rate_hz < 1 << 32:
        return None
    is_float, is_little_endian = flags & 1, flags & 2
    sample_type = f"{'<' if is_little_endian else '>'}{'f' if is_float else 'i'}{bits // 8}"
    return _make_sound(file, offset + CAF_EDIT_COUNT_BYTES, int(rate_hz), channels, sample_type)


def _make_sound(
    file: BinaryIO, offset: int, rate_hz: int, channels: int, sample_type: str
) -> UnfinishedSound | None:
    """Return the sound if there are samples of a kind that is read here."""
    known = {"u1", "i1", "i2", "i3", "i4", "f4", "f8"}
    size_bytes = os.fstat(file.fileno()).st_size
    if sample_type[1:] not in known or not 0 < channels <= 1024 or offset + HEADER_BYTES > size_bytes:
        return None
    return UnfinishedSound(file, offset, rate_hz, channels, sample_type)


def _to_floats(data: bytes, sample_type: str) -> Floats:
    """Convert samples to float32 [samples], integers from their full scale to −1…1."""
    order, kind, width = sample_type[0], sample_type[1], int(sample_type[2])
    if kind == "f":
        return np.frombuffer(data, sample_type).astype(np.float32)
    octets = np.frombuffer(data, np.uint8).reshape(-1, width)
    widened = np.zeros((len(octets), 4), np.uint8)  # the bytes on top of an integer of four
    widened[:, 4 - width :] = octets if order == "<" else octets[:, ::-1]
    if kind == "u":
        widened[:, 3] ^= 0x80
    floats: Floats = (widened.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    return floats
