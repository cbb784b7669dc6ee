"""The memory of a process that runs for months: what it freed is given back to the system."""

import ctypes


def release_free_memory() -> None:
    """Hand free memory back; glibc keeps it otherwise, and opening a bundle frees many megabytes.

    Where the C library has no such call nothing happens.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
