"""The tables of docs/boards.md, between two marks that the check overwrites."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from tools.aarch64.board import PROCESSORS
from tools.aarch64.check import Findings
from tools.aarch64.wheels import SHOWN

BEGIN, END = "<!-- measured by make check-aarch64 -->", "<!-- end of what was measured -->"


def make_tables(findings: Sequence[Findings], commit: str) -> str:
    """Return the tables of all releases as Markdown."""
    return "\n\n".join(
        [
            f"Measured on {date.today().isoformat()} at commit {commit}.",
            _make_table("release", findings, _describe_release(findings)),
            _make_table("comparison", findings, _describe_comparisons(findings)),
        ]
    )


def replace_tables(page: Path, tables: str) -> None:
    """Replace what stands between the marks of a page."""
    text = page.read_text()
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    page.write_text(pattern.sub(lambda _: f"{BEGIN}\n\n{tables}\n\n{END}", text))


def _make_table(title: str, findings: Sequence[Findings], rows: dict[str, list[str]]) -> str:
    head = [title, *(f"{found.suite}, Python {found.python}" for found in findings)]
    lines = [head, ["---"] * len(head), *([name, *cells] for name, cells in rows.items())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _describe_release(findings: Sequence[Findings]) -> dict[str, list[str]]:
    rows = {
        "packages": [str(found.installation.packages) for found in findings],
        "installed, with the extra `daemon`": [
            f"{found.installation.size_bytes / 1e6:.0f} MB" for found in findings
        ],
    }
    for name in SHOWN:
        rows[name] = [found.installation.versions[name] for found in findings]
    for name, processor in PROCESSORS.items():
        if all(name in found.self_tests for found in findings):
            details = [
                found.self_tests[name].removeprefix("largest differences from the host: ")
                for found in findings
            ]
            rows[f"self-test on {name} (Raspberry Pi {processor.boards}): largest differences"] = details
    if any(found.demo for found in findings):
        rows["demonstration"] = [found.demo for found in findings]
    rows["tests of blobs, store, bundle, learning, model"] = [found.tests for found in findings]
    return rows


def _describe_comparisons(findings: Sequence[Findings]) -> dict[str, list[str]]:
    names = [name for name in findings[0].comparisons if all(name in found.comparisons for found in findings)]
    return {name: [str(found.comparisons[name]) for found in findings] for name in names}
