"""Memory of long-running processes."""

import ctypes


def release_free_memory() -> None:
    """Return freed memory to the operating system.

    glibc keeps it otherwise, and opening a bundle frees many megabytes. This does nothing where the C library
    has no `malloc_trim`.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
