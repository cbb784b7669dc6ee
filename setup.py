"""Refuses a 32-bit system before pip compiles what has no wheel there; all else is in pyproject.toml."""

import struct
import sys

from setuptools import setup

REASON = (
    "edgecl needs a 64-bit system: onnxruntime has no wheel for this one ('getconf LONG_BIT' prints 32). "
    "On a Raspberry Pi 3 or later and a Zero 2 W, install the 64-bit Raspberry Pi OS"
)

if struct.calcsize("P") < 8:
    sys.exit(f"error: {REASON}")
setup()
