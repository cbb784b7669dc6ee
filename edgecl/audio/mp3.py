"""The size that an MP3 file declares for itself.

Most encoders write a first frame without sound, marked "Xing" or "Info": flags, then the number of frames and
of bytes that follow, this frame included. An ID3v2 tag (title, picture) may precede it.
"""

import struct
from typing import BinaryIO

ID3_HEADER_BYTES = 10
FRAME_HEADER_BYTES = 4
MARKERS = (b"Xing", b"Info")
MARKER_OFFSETS = range(FRAME_HEADER_BYTES + 9, FRAME_HEADER_BYTES + 35)  # after the side information
HAS_FRAMES, HAS_BYTES = 1, 2


def read_declared_size(file: BinaryIO) -> int | None:
    """Return the size in bytes that the whole file should have; None if it is no MP3 or declares none."""
    start = _id3_size(file)
    file.seek(start)
    head = file.read(64)
    is_frame = len(head) == 64 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    offset = next((at for at in MARKER_OFFSETS if is_frame and head[at : at + 4] in MARKERS), None)
    if offset is None:
        return None
    (flags,) = struct.unpack_from(">I", head, offset + 4)
    if not flags & HAS_BYTES:
        return None
    (size_bytes,) = struct.unpack_from(">I", head, offset + (12 if flags & HAS_FRAMES else 8))
    return start + int(size_bytes)


def _id3_size(file: BinaryIO) -> int:
    """Return the length of a leading ID3 tag in bytes; it is stored with seven bits per byte."""
    file.seek(0)
    header = file.read(ID3_HEADER_BYTES)
    if len(header) < ID3_HEADER_BYTES or header[:3] != b"ID3":
        return 0
    size_bytes = 0
    for byte in header[6:]:
        size_bytes = size_bytes << 7 | byte & 0x7F
    return ID3_HEADER_BYTES + size_bytes
