"""Check the links of Markdown files that lie beside the code; MkDocs checks those in docs/."""

import re
from collections.abc import Iterator
from pathlib import Path

LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
CODE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def check_links(file: Path) -> Iterator[str]:
    """Yield `file:line: message` for every relative link to a file or heading that does not exist."""
    text = CODE.sub(lambda match: "\n" * match[0].count("\n"), file.read_text())
    for match in LINK.finditer(text):
        target, _, anchor = match[1].partition("#")
        if ":" in target:
            continue
        path = file.parent / target if target else file
        line = text.count("\n", 0, match.start()) + 1
        if not path.exists():
            yield f"{file}:{line}: no such file: {target}"
        elif anchor and anchor not in heading_anchors(path.read_text()):
            yield f"{file}:{line}: no such heading: {match[1]}"


def heading_anchors(text: str) -> set[str]:
    """Return the anchors of all headings of a Markdown text, as GitHub and MkDocs make them."""
    headings = HEADING.findall(CODE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
