"""The table in docs/reliability.md: the last long run of every row."""

import os
import platform
import subprocess
from dataclasses import astuple, dataclass
from pathlib import Path

DOCUMENT = Path("docs") / "reliability.md"
START, END = "<!-- table of make battery -->\n", "<!-- end of the table -->\n"
HEAD = "| row | tried | failed | commit | machine | seconds |\n|---|---|---|---|---|---|\n"


@dataclass(frozen=True)
class Measurement:
    """One line of the table."""

    title: str
    tried: int
    failed: int
    commit: str
    machine: str
    seconds: int

    def to_line(self) -> str:
        """Return the line in Markdown."""
        return f"| {' | '.join(map(str, astuple(self)))} |\n"


def update(text: str, measurements: list[Measurement], titles: list[str]) -> str:
    """Return the document with new lines in its table.

    Args:
        text: the document.
        measurements: the new lines; those of other rows stay.
        titles: the rows in their order; lines of rows that no longer exist are left out.
    """
    before, _, rest = text.partition(START)
    table, _, after = rest.partition(END)
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines(keepends=True)[2:]}
    lines |= {one.title: one.to_line() for one in measurements}
    return before + START + HEAD + "".join(lines[title] for title in titles if title in lines) + END + after


def describe_machine() -> str:
    """Return the processor and the number of its cores."""
    models = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    return f"{model}, {os.cpu_count()} cores"


def read_commit() -> str:
    """Return the short hash of the commit of this folder, with a plus sign where other files were changed."""
    commit = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{DOCUMENT}")
    return f"{commit}+" if changed else commit


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()
