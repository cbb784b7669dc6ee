"""What the first bytes of a file reveal: an unsupported format, or a missing end."""

import codecs
import struct
from typing import BinaryIO

from edgecl.audio import mp3

SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftyp", "M4A or MP4 sound"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media sound"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM sound"),
    (0, b"#!AMR", "AMR sound"),
    (0, b"\xff\xf1", "AAC sound"),
    (0, b"\xff\xf9", "AAC sound"),
)
"""(offset, bytes at that offset, name) of formats that phones write and that are not supported."""

UNSUPPORTED_SUFFIXES = {
    ".m4a": "M4A or MP4 sound",
    ".mp4": "M4A or MP4 sound",
    ".aac": "AAC sound",
    ".wma": "Windows Media sound",
    ".webm": "Matroska or WebM sound",
    ".mka": "Matroska or WebM sound",
    ".amr": "AMR sound",
    ".3gp": "3GP sound",
}
"""The same formats by file extension."""

UTF8 = codecs.getincrementaldecoder("utf-8")
BYTE_ORDERS = {b"RIFF": "<I", b"RIFX": ">I", b"FORM": ">I"}
STREAMED_SIZE = 0x7FFF0000  # recorders that do not know the length write this or a larger size
CHUNK_HEADER_BYTES = 8
MP3_TOLERANCE = 0.01  # some encoders do not count the first frame or a tag


def detect_unsupported_format(head: bytes, suffix: str) -> str | None:
    """Identify an unsupported format.

    Args:
        head: The first bytes of the file.
        suffix: Its extension, with the dot.

    Returns:
        The name of the format, "text", or None if neither bytes nor extension identify one.
    """
    for offset, signature, name in SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            return name
    return "text" if _is_text(head) else UNSUPPORTED_SUFFIXES.get(suffix.lower())


def _is_text(head: bytes) -> bool:
    try:
        text = UTF8().decode(head)  # a truncated last character is no error
    except UnicodeDecodeError:
        return False
    return bool(text) and all(character.isprintable() or character.isspace() for character in text)


def count_missing_bytes(file: BinaryIO, size_bytes: int) -> int:
    """Count the bytes that the header of a WAV, AIFF or MP3 file declares but the file does not have."""
    file.seek(0)
    head = file.read(CHUNK_HEADER_BYTES)
    return _count_missing_of_chunk(head, size_bytes) or _count_missing_of_mp3(file, size_bytes)


def _count_missing_of_chunk(head: bytes, size_bytes: int) -> int:
    """Count missing bytes of WAV and AIFF, whose first 8 bytes are the header of the outermost chunk."""
    if len(head) < CHUNK_HEADER_BYTES or head[:4] not in BYTE_ORDERS:
        return 0
    (declared,) = struct.unpack(BYTE_ORDERS[head[:4]], head[4:8])
    missing: int = declared + CHUNK_HEADER_BYTES - size_bytes
    is_tolerable = missing <= CHUNK_HEADER_BYTES  # some writers count the chunk's own header
    return 0 if is_tolerable or declared >= STREAMED_SIZE else missing


def _count_missing_of_mp3(file: BinaryIO, size_bytes: int) -> int:
    declared = mp3.read_declared_size(file) or 0
    missing = declared - size_bytes
    return missing if missing > MP3_TOLERANCE * declared else 0
