"""Contracts and pure computation of edgecl, a runtime that learns new sounds on the device.

Nothing in this package knows a model runtime, a clock or a sound card. `device_runtime` builds on it, never
the reverse. The one documented exception to this import direction is `edgecl.Device`, the entry to the Python
API: it is resolved on first use, so importing `edgecl` loads nothing but the standard library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from edgecl.errors import EdgeclError

if TYPE_CHECKING:
    from device_runtime.api import Device

    __version__: str

__all__ = ["Device", "EdgeclError", "__version__"]


def __getattr__(name: str) -> Any:
    """Resolve `Device` and `__version__` on first use (PEP 562)."""
    if name == "Device":
        return import_module("device_runtime.api").Device
    if name == "__version__":
        return _read_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _read_version() -> str:
    metadata = import_module("importlib.metadata")
    try:
        version: str = metadata.version("edgecl")
    except metadata.PackageNotFoundError:  # a source tree that was never installed
        return "0+unknown"
    return version
