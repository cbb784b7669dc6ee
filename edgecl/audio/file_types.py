"""What the first bytes of a file reveal: sound, an unsupported format, or a missing end."""

import codecs
import re
import struct
from typing import BinaryIO

from edgecl.audio import mp3
from edgecl.audio.chunks import BYTE_ORDERS, HEADER_BYTES, find_sound_chunk

SUPPORTED = (
    re.compile(rb"RI(FF|FX)....WAVE", re.DOTALL),
    re.compile(rb"RF64....WAVE", re.DOTALL),
    re.compile(rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb"),  # W64
    re.compile(rb"FORM....AIF[FC]", re.DOTALL),
    re.compile(rb"fLaC|OggS|caff|\.snd|dns\.|ID3"),
    re.compile(rb"\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd]"),  # MPEG audio, layers II and III
)
"""Beginnings of files in formats that are decoded here, unless what they contain is something rare."""

UNSUPPORTED = (
    (re.compile(rb"OggS.{24}\x7fFLAC", re.DOTALL), "FLAC in an Ogg file"),
    (re.compile(rb"OggS.{24}Speex", re.DOTALL), "Speex sound"),
    (re.compile(rb"caff.{4}desc.{16}opus", re.DOTALL), "Opus in a CAF file"),
    (re.compile(rb"caff.{4}desc.{16}aac ", re.DOTALL), "AAC in a CAF file"),
    (re.compile(rb"....ftyp(?!avi[fs]|hei[cfsx]|hev[cx]|mif1|msf1)", re.DOTALL), "M4A or MP4 sound"),
    (re.compile(rb"RIFF....AVI ", re.DOTALL), "AVI film"),
    (re.compile(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"), "Windows Media sound"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "Matroska or WebM sound"),
    (re.compile(rb"#!AMR"), "AMR sound"),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), "AAC sound"),
    (re.compile(rb"ADIF"), "AAC sound"),
    (re.compile(rb"wvpk"), "WavPack sound"),
    (re.compile(rb"MAC "), "Monkey's Audio sound"),
    (re.compile(rb"TTA1"), "True Audio sound"),
    (re.compile(rb"MPCK|MP\+"), "Musepack sound"),
    (re.compile(rb"\.RMF|\.ra\xfd"), "RealAudio sound"),
    (re.compile(rb"DSD |FRM8"), "DSD sound"),
)
"""Beginnings of files in formats that are not decoded here, with their names."""
HEAD_BYTES = 4096
"""As many bytes of a file as its format shows in."""

UNSUPPORTED_SUFFIXES = {
    ".m4a": "M4A or MP4 sound",
    ".mp4": "M4A or MP4 sound",
    ".aac": "AAC sound",
    ".wma": "Windows Media sound",
    ".webm": "Matroska or WebM sound",
    ".mka": "Matroska or WebM sound",
    ".amr": "AMR sound",
    ".3gp": "3GP sound",
    ".3gpp": "3GP sound",
    ".m4b": "M4A or MP4 sound",
    ".mov": "M4A or MP4 sound",
    ".weba": "Matroska or WebM sound",
}
"""Such formats by file extension."""

UTF8 = codecs.getincrementaldecoder("utf-8")
STREAMED_SIZE = 0x7FFF0000  # recorders that do not know the length write this or a larger size
MP3_TOLERANCE = 0.01  # some encoders do not count the first frame or a tag


def detect_unsupported_format(head: bytes, suffix: str) -> str | None:
    """Identify an unsupported format.

    Args:
        head: The first bytes of the file.
        suffix: Its extension, with the dot.

    Returns:
        The name of the format, "text", or None if neither bytes nor extension identify one.
    """
    found = match_unsupported(head)
    return found or ("text" if _is_text(head) else UNSUPPORTED_SUFFIXES.get(suffix.lower()))


def is_sound(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of sound, in a supported format or another one."""
    return any(start.match(head) for start in SUPPORTED) or match_unsupported(head) is not None


def match_unsupported(head: bytes) -> str | None:
    """Return the name of the unsupported format that the first bytes of a file show."""
    return next((name for start, name in UNSUPPORTED if start.match(head)), None)


def _is_text(head: bytes) -> bool:
    try:
        text = UTF8().decode(head)  # a truncated last character is no error
    except UnicodeDecodeError:
        return False
    return bool(text) and all(character.isprintable() or character.isspace() for character in text)


def count_missing_bytes(file: BinaryIO, size_bytes: int) -> int:
    """Count the bytes that the header of a WAV, AIFF or MP3 file declares but the file does not have."""
    return _count_missing_of_chunks(file, size_bytes) or _count_missing_of_mp3(file, size_bytes)


def counts_its_header(file: BinaryIO, missing_bytes: int) -> bool:
    """Return whether a WAV or AIFF file misses no more than a header, which some recorders count as sound."""
    sound = find_sound_chunk(file)
    return sound is not None and missing_bytes <= sound.offset + HEADER_BYTES


def _count_missing_of_chunks(file: BinaryIO, size_bytes: int) -> int:
    """Count missing bytes of WAV and AIFF, whose first 8 bytes are the header of the outermost chunk."""
    file.seek(0)
    head = file.read(HEADER_BYTES)
    if len(head) < HEADER_BYTES or head[:4] not in (b"RIFF", b"RIFX", b"FORM"):
        return 0
    (declared,) = struct.unpack(f"{BYTE_ORDERS[head[:4]]}I", head[4:8])
    missing: int = declared + HEADER_BYTES - size_bytes
    is_tolerable = missing <= HEADER_BYTES  # some writers count the chunk's own header
    return 0 if is_tolerable or declared >= STREAMED_SIZE else missing


def _count_missing_of_mp3(file: BinaryIO, size_bytes: int) -> int:
    declared = mp3.read_declared_size(file) or 0
    missing = declared - size_bytes
    return missing if missing > MP3_TOLERANCE * declared else 0
