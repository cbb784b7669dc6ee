"""Everything one run found, and the same as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecl.audio.reader import RejectedFile
from tools.bench.continual import metrics
from tools.bench.continual.few_shot import Curve
from tools.bench.continual.method_summary import Row
from tools.bench.continual.sequence import Outcome
from tools.bench.continual.tasks import Task


@dataclass(frozen=True)
class Results:
    """One run."""

    command: str
    machine: str
    tasks: Sequence[Task]
    refused: Sequence[RejectedFile]
    left_out: dict[str, str]  # method → why
    rows: Sequence[Row]
    curves: Sequence[Curve]

    def mean_curves(self) -> dict[str, tuple[tuple[int, ...], NDArray[np.float64]]]:
        """Method → shots, and the mean accuracy over all tasks for each draw [shots, draws]."""
        names = dict.fromkeys(curve.name for curve in self.curves)
        of = {name: [curve for curve in self.curves if curve.name == name] for name in names}
        return {n: (found[0].shots, np.mean([c.accuracy for c in found], axis=0)) for n, found in of.items()}


def to_document(results: Results) -> dict[str, Any]:
    """Plain values; what was not measured is null."""
    return {
        "command": results.command,
        "machine": results.machine,
        "tasks": [
            {"name": t.name, "labels": t.labels, "train": len(t.train), "test": len(t.test)}
            for t in results.tasks
        ],
        "refused": [{"file": str(r.path), "reason": r.reason} for r in results.refused],
        "left_out": results.left_out,
        "sequence": [_outcome(outcome) for row in results.rows for outcome in row.outcomes],
        "few_shot": [
            {"method": c.name, "task": c.task, "shots": c.shots, "accuracy": _plain(c.accuracy)}
            for c in results.curves
        ],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "method": outcome.name,
        "seed": outcome.seed,
        "R": _plain(outcome.R),
        "R_task_unnamed": None if outcome.unnamed is None else _plain(outcome.unnamed),
        "alone": _plain(outcome.alone),
        "average_accuracy": metrics.average_accuracy(outcome.R),
        "backward_transfer": metrics.backward_transfer(outcome.R),
        "forgetting": metrics.forgetting(outcome.R),
        "forward_transfer": metrics.forward_transfer(outcome.R, outcome.alone),
        "scores_unchanged": outcome.unchanged,
        "seconds": outcome.seconds,
        "peak_bytes": outcome.peak_bytes,
        "bytes_a_task": outcome.bytes_a_task,
    }


def _plain(values: NDArray[np.float64]) -> list[Any]:
    return [_plain(v) if isinstance(v, np.ndarray) else None if np.isnan(v) else float(v) for v in values]
