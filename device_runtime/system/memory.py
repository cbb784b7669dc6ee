"""Memory of long-running processes."""

import ctypes

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's malloc.h
LARGE_BYTES = 8 << 20


def release_free_memory() -> None:
    """Return freed memory to the operating system.

    glibc keeps it otherwise, and opening a bundle frees many megabytes. This does nothing where the C library
    has no `malloc_trim`.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def release_large_blocks_at_once() -> None:
    """Return every block of 8 MB or more to the operating system as soon as it is freed, from now on.

    Otherwise glibc keeps blocks of up to 32 MB once one of that size was freed, and what they leave between
    them adds up. It changes the whole process for good, so only processes of our own call it. It does nothing
    where the C library has no `mallopt`.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_MMAP_THRESHOLD, LARGE_BYTES)
