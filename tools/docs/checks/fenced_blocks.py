"""Find the fenced code blocks of a Markdown file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class FencedBlock:
    """One code block with the line on which its code begins."""

    file: Path
    line: int
    language: str
    code: str


def find_blocks(file: Path) -> Iterator[FencedBlock]:
    """Yield every fenced block of a file."""
    text = file.read_text()
    for match in FENCE.finditer(text):
        yield FencedBlock(file, text.count("\n", 0, match.start()) + 2, match[1], match[2])
