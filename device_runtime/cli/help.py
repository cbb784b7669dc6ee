"""Help texts of the commands, from their docstrings.

A docstring holds a one-line purpose, paragraphs, and blocks: a title such as `Examples:`, then indented
lines, commands or comments on the next one. The same text becomes `--help`, a section of the reference in
Markdown and one of the man page.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.markup import escape


@dataclass(frozen=True)
class HelpText:
    """The help text of one command."""

    purpose: str
    paragraphs: list[str] = field(default_factory=list)
    blocks: dict[str, list[str]] = field(default_factory=dict)
    """Title, such as "Examples" → lines."""

    @classmethod
    def parse(cls, docstring: str) -> "HelpText":
        """Parse a docstring without its common indentation."""
        purpose, *parts = docstring.split("\n\n")
        text = cls(_join(purpose))
        title = ""
        for part in parts:
            first, *lines = part.split("\n")
            if lines and first.endswith(":") and lines[0].startswith("    "):
                title = first.removesuffix(":")
                text.blocks[title] = [line[4:] for line in lines]
            elif part.startswith("    "):
                text.blocks[title] += ["", *(line[4:] for line in part.split("\n"))]
            else:
                text.paragraphs.append(_join(part))
        return text

    def to_markup(self) -> str:
        """Return the text with Rich markup, as `--help` prints it."""
        blocks = [
            f"[bold]{title}[/bold]\n" + "\n".join(f"  {escape(line)}".rstrip() for line in lines)
            for title, lines in self.blocks.items()
        ]
        return "\n\n".join([*map(escape, [self.purpose, *self.paragraphs]), *blocks])


def read_help(function: Callable[..., Any]) -> HelpText:
    """Return the help text in the docstring of a function."""
    return HelpText.parse(inspect.getdoc(function) or "")


def _join(paragraph: str) -> str:
    return " ".join(paragraph.split())
