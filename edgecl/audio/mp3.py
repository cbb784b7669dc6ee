"""What an MP3 file says about its own length.

Most encoders put a first frame without sound in front, marked "Xing" or "Info": flags, then how many frames
and how many bytes follow, its own included. An ID3v2 tag (title, picture) may stand before it.
"""

import struct
from typing import BinaryIO

ID3_HEADER_BYTES = 10
FRAME_HEADER_BYTES = 4
MARKS = (b"Xing", b"Info")
MARK_OFFSETS = range(FRAME_HEADER_BYTES + 9, FRAME_HEADER_BYTES + 35)  # behind the longest side information
HAS_FRAMES, HAS_BYTES = 1, 2


def read_declared_size(file: BinaryIO) -> int | None:
    """The size that the whole file should have; None where it is no MP3 or does not tell."""
    start = _id3_bytes(file)
    file.seek(start)
    head = file.read(64)
    is_frame = len(head) == 64 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    place = next((at for at in MARK_OFFSETS if is_frame and head[at : at + 4] in MARKS), None)
    if place is None:
        return None
    (flags,) = struct.unpack_from(">I", head, place + 4)
    if not flags & HAS_BYTES:
        return None
    (size_bytes,) = struct.unpack_from(">I", head, place + (12 if flags & HAS_FRAMES else 8))
    return start + int(size_bytes)


def _id3_bytes(file: BinaryIO) -> int:
    """Length of the tag in front: seven bits a byte, so that it can never look like a frame."""
    file.seek(0)
    header = file.read(ID3_HEADER_BYTES)
    if len(header) < ID3_HEADER_BYTES or header[:3] != b"ID3":
        return 0
    size_bytes = 0
    for byte in header[6:]:
        size_bytes = size_bytes << 7 | byte & 0x7F
    return ID3_HEADER_BYTES + size_bytes
