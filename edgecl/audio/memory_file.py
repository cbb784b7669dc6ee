"""A file in memory that libsndfile reads and writes by its descriptor.

With a Python object such as `BytesIO` it would call back into Python, which needs memory that is both
writable and executable; the sandbox of the service forbids that.
"""

import os
from typing import BinaryIO


def open_memory_file(data: bytes = b"") -> BinaryIO:
    """Open a file with this content, at its start."""
    file = open(os.memfd_create("audio"), "w+b")  # noqa: SIM115  (the caller closes it)
    file.write(data)
    file.seek(0)
    return file
