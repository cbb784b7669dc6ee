"""What the first bytes of a file tell: which foreign format it is, and whether its end is missing."""

import codecs
import struct
from typing import BinaryIO

from edgecl.audio import mp3

SIGNS: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftyp", "M4A or MP4 sound"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media sound"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM sound"),
    (0, b"#!AMR", "AMR sound"),
    (0, b"\xff\xf1", "AAC sound"),
    (0, b"\xff\xf9", "AAC sound"),
)
"""(offset, bytes found there, name) of formats that phones write and that cannot be decoded here."""

FOREIGN_SUFFIXES = {
    ".m4a": "M4A or MP4 sound",
    ".mp4": "M4A or MP4 sound",
    ".aac": "AAC sound",
    ".wma": "Windows Media sound",
    ".webm": "Matroska or WebM sound",
    ".mka": "Matroska or WebM sound",
    ".amr": "AMR sound",
    ".3gp": "3GP sound",
}
"""The same formats by the end of a file's name."""

UTF8 = codecs.getincrementaldecoder("utf-8")
BYTE_ORDERS = {b"RIFF": "<I", b"RIFX": ">I", b"FORM": ">I"}
STREAMED = 0x7FFF0000  # a size this large is what a recorder writes when it cannot know the length
CHUNK_HEADER_BYTES = 8
MP3_TOLERANCE = 0.01  # some encoders leave the first frame, or a tag, out of the count


def detect_foreign_format(head: bytes, suffix: str) -> str | None:
    """The foreign format of a file, "text", or None where neither bytes nor name show any."""
    for offset, sign, name in SIGNS:
        if head[offset : offset + len(sign)] == sign:
            return name
    return "text" if _is_text(head) else FOREIGN_SUFFIXES.get(suffix.lower())


def _is_text(head: bytes) -> bool:
    try:
        text = UTF8().decode(head)  # a last letter that is cut in two is no error
    except UnicodeDecodeError:
        return False
    return bool(text) and all(letter.isprintable() or letter.isspace() for letter in text)


def count_missing_bytes(file: BinaryIO, size_bytes: int) -> int:
    """Bytes that a WAV, AIFF or MP3 file of this size promises at its start but does not hold."""
    file.seek(0)
    head = file.read(CHUNK_HEADER_BYTES)
    return _missing_from_chunk(head, size_bytes) or _missing_from_mp3(file, size_bytes)


def _missing_from_chunk(head: bytes, size_bytes: int) -> int:
    """The same for WAV and AIFF, whose first 8 bytes are the header of the outermost chunk."""
    if len(head) < CHUNK_HEADER_BYTES or head[:4] not in BYTE_ORDERS:
        return 0
    (promised,) = struct.unpack(BYTE_ORDERS[head[:4]], head[4:8])
    missing: int = promised + CHUNK_HEADER_BYTES - size_bytes
    tolerable = missing <= CHUNK_HEADER_BYTES  # some writers count the chunk's own header
    return 0 if tolerable or promised >= STREAMED else missing


def _missing_from_mp3(file: BinaryIO, size_bytes: int) -> int:
    promised = mp3.read_declared_size(file) or 0
    missing = promised - size_bytes
    return missing if missing > MP3_TOLERANCE * promised else 0
