"""The pages that are generated from the program."""

from collections.abc import Callable
from pathlib import Path

from tools.docs import (
    cli_reference,
    config_reference,
    event_reference,
    http_reference,
    man_page,
    python_reference,
)

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
REMEDY = "python -m tools.docs"

PAGES: dict[Path, Callable[[], str]] = {
    REFERENCE / "cli.md": cli_reference.render,
    REFERENCE / "configuration.md": config_reference.render,
    REFERENCE / "events.md": event_reference.render,
    REFERENCE / "http-api.md": http_reference.render,
    REFERENCE / "python-classes.md": python_reference.render,
    ROOT / "docs" / "man" / "edgecl.1": man_page.render,
}


def write_pages(pages: dict[Path, Callable[[], str]] = PAGES) -> None:
    """Write every generated page."""
    for path, render in pages.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render())


def find_outdated_pages(pages: dict[Path, Callable[[], str]] = PAGES) -> list[str]:
    """Return a message for every page that is not what the program would generate."""
    return [
        f"{path}:1: out of date, run '{REMEDY}'"
        for path, render in pages.items()
        if not path.exists() or path.read_text() != render()
    ]
