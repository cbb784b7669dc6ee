"""The bundle that comes with this package."""

from pathlib import Path

DEFAULT_BUNDLE = Path(__file__).parents[1] / "default_bundle"


def is_shipped(path: Path) -> bool:
    """Return whether a bundle is the one of this package, which is trusted like the package."""
    return path.resolve() == DEFAULT_BUNDLE.resolve()
