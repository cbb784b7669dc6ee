"""The output folder of a run: report.md, results.json and pictures."""

import json
from pathlib import Path

from tools.bench.continual import plots
from tools.bench.continual.results import Results, to_document
from tools.bench.continual.tables import make_tables

DEFINITIONS = """\
R[i, j] is the accuracy on task j after learning task i; tasks are numbered from 1 to T. Figures are
task-incremental (the task of a test recording is known) unless they are called class-incremental (the labels
of all tasks so far compete).

- **accuracy**: 1/T Σ_j R[T, j].
- **backward transfer**: 1/(T−1) Σ_{j<T} R[T, j] − R[j, j], in percentage points.
- **forgetting**, best minus last: 1/(T−1) Σ_{j<T} max_{i<T} R[i, j] − R[T, j], in percentage points.
- **forward transfer**: 1/(T−1) Σ_{j>1} R[j, j] − the accuracy of a fresh learner on task j alone.
- **scores unchanged**: every score of every test recording is bitwise the same after all later tasks.
- **class-incremental**: methods whose training depends on the setting are trained once more for it. Errors
  come from forgetting and from confusion with labels of newer tasks.
- Methods are trained once per seed; methods that train a network shared by all tasks are trained with the
  first seed only. Rows are means, intervals t(0.975, n − 1) · s / √n over n seeds.
- **CPU s**: CPU time of learning all tasks from cached tokens; for edgecl, of whole enrolments.
- **peak MB**: resident memory of the method's own process, tokens included.
- **kB per task**: data stored between tasks, without the frozen backbone.
- Few shots: each draw takes clips at random, and the larger draws contain the smaller ones; a class with
  fewer clips contributes all of them. The interval is over the draws.
"""


def write_report(results: Results, folder: Path) -> list[Path]:
    """Write all files into a folder, which is created where it is missing, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"matrices.png": plots.draw_matrices, "sequence.png": plots.draw_sequence}
    if results.curves:
        pictures["few-shot.png"] = plots.draw_few_shot
    for name, draw in pictures.items():
        draw(results, folder / name)
    report, document = folder / "report.md", folder / "results.json"
    report.write_text(_format_markdown(results, list(pictures)))
    document.write_text(json.dumps(to_document(results), indent=1) + "\n")
    return [report, document, *(folder / name for name in pictures)]


def _format_markdown(results: Results, pictures: list[str]) -> str:
    parts = [
        f"# Continual learning, {len(results.tasks)} tasks",
        f"{results.machine}\n\n```\n{results.command}\n```",
        *(table.to_markdown() for table in make_tables(results)),
        DEFINITIONS.rstrip(),
        *(f"![{name.removesuffix('.png')}]({name})" for name in pictures),
        *(f"- {name} was left out: {reason}" for name, reason in results.left_out.items()),
    ]
    return "\n\n".join(parts) + "\n"
