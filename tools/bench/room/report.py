"""The output folder of a run: report.md, results.json and room.png."""

import json
from dataclasses import asdict
from pathlib import Path

from tools.bench.room import plot
from tools.bench.room.benchmark import Results
from tools.bench.room.tables import format_all


def write_report(results: Results, folder: Path) -> list[Path]:
    """Write all files into a folder, which is created where it is missing, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    report, document, picture = (folder / name for name in ("report.md", "results.json", "room.png"))
    report.write_text(format_markdown(results))
    document.write_text(json.dumps(asdict(results), indent=1, ensure_ascii=False) + "\n")
    plot.draw(results, picture)
    return [report, document, picture]


def format_markdown(results: Results) -> str:
    """Return the report as Markdown."""
    head = [
        "# Room benchmark",
        f"\n{results.machine}, seed {results.seed}",
        f"\n```\n{results.command}\n```",
        f"\nEvents: {', '.join(f'{task} {count}' for task, count in results.events.items())}.",
    ]
    return "\n".join([*head, *format_all(results)]) + "\n"
