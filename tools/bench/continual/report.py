"""The folder that a run leaves behind: report.md, results.json and pictures."""

import json
from pathlib import Path

from tools.bench.continual import plots
from tools.bench.continual.results import Results, to_document
from tools.bench.continual.tables import all_tables

MEANING = """\
R[i, j] is the accuracy on task j after learning task i, the task known; tasks are numbered from 1 to T.

- **accuracy**: 1/T Σ_j R[T, j].
- **backward**: 1/(T−1) Σ_{j<T} R[T, j] − R[j, j].
- **forgetting**, best minus last: 1/(T−1) Σ_{j<T} max_{i<T} R[i, j] − R[T, j].
- **forward**: 1/(T−1) Σ_{j>1} R[j, j] − what a fresh learner reaches on task j alone.
- **scores unchanged**: every score of every test recording is the very number it was before later tasks.
- **unnamed**: the same where no task is told and all labels learnt so far compete; a method that trains for
  that setting is trained for it once more. What is lost there was overwritten, or is taken for a newer label.
- Everything is learnt once with each seed, but what trains a network that all tasks share with the first one
  only; rows are means, intervals t(0.975, n − 1) · s / √n over n seeds.
- **CPU s**: processor seconds of learning all tasks from cached tokens; for edgecl, of whole enrolments.
- **peak MB**: resident memory of the method's own process, tokens included.
- **kB a task**: what is kept between tasks, without the frozen backbone.
- Few shots: each draw takes its clips at random, the larger ones contain the smaller; a class with fewer
  clips gives all it has. The interval is over the draws.
"""


def write(results: Results, folder: Path) -> list[Path]:
    """The files written into the folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"matrices.png": plots.draw_matrices, "sequence.png": plots.draw_sequence}
    if results.curves:
        pictures["few-shot.png"] = plots.draw_few_shot
    for name, draw in pictures.items():
        draw(results, folder / name)
    report, document = folder / "report.md", folder / "results.json"
    report.write_text(_markdown(results, list(pictures)))
    document.write_text(json.dumps(to_document(results), indent=1) + "\n")
    return [report, document, *(folder / name for name in pictures)]


def _markdown(results: Results, pictures: list[str]) -> str:
    parts = [
        f"# Continual learning, {len(results.tasks)} tasks",
        f"{results.machine}\n\n```\n{results.command}\n```",
        *(table.markdown() for table in all_tables(results)),
        MEANING.rstrip(),
        *(f"![{name.removesuffix('.png')}]({name})" for name in pictures),
        *(f"- {name} was left out: {why}" for name, why in results.left_out.items()),
    ]
    return "\n\n".join(parts) + "\n"
