"""Versions of installed packages."""

from importlib import metadata


def find_installed_version(package: str) -> str:
    """Return the installed version of a distribution; empty where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
