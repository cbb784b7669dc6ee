"""All results of one run, and their JSON document."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecl.audio.reader import RejectedFile
from tools.bench.continual import metrics
from tools.bench.continual.few_shot import Curve
from tools.bench.continual.method_summary import MethodSummary
from tools.bench.continual.sequence import Outcome
from tools.bench.continual.tasks import Task


@dataclass(frozen=True)
class Results:
    """One run."""

    command: str
    machine: str
    tasks: Sequence[Task]
    rejected: Sequence[RejectedFile]
    left_out: dict[str, str]  # method → reason
    methods: Sequence[MethodSummary]
    curves: Sequence[Curve]

    def average_curves(self) -> dict[str, tuple[tuple[int, ...], NDArray[np.float64]]]:
        """Return, by method, the shots and the mean accuracy over all tasks for each draw [shots, draws]."""
        names = dict.fromkeys(curve.name for curve in self.curves)
        of = {name: [curve for curve in self.curves if curve.name == name] for name in names}
        return {n: (found[0].shots, np.mean([c.accuracy for c in found], axis=0)) for n, found in of.items()}


def to_document(results: Results) -> dict[str, Any]:
    """Convert the results to a JSON document; what was not measured is null."""
    return {
        "command": results.command,
        "machine": results.machine,
        "tasks": [
            {"name": t.name, "labels": t.labels, "train": len(t.train), "test": len(t.test)}
            for t in results.tasks
        ],
        "refused": [{"file": str(r.path), "reason": r.reason} for r in results.rejected],
        "left_out": results.left_out,
        "sequence": [_to_entry(outcome) for method in results.methods for outcome in method.outcomes],
        "few_shot": [
            {"method": c.name, "task": c.task, "shots": c.shots, "accuracy": _to_list(c.accuracy)}
            for c in results.curves
        ],
    }


def _to_entry(outcome: Outcome) -> dict[str, Any]:
    class_incremental = outcome.class_incremental
    return {
        "method": outcome.name,
        "seed": outcome.seed,
        "R": _to_list(outcome.R),
        "R_task_unnamed": None if class_incremental is None else _to_list(class_incremental),
        "alone": _to_list(outcome.alone),
        "average_accuracy": metrics.average_accuracy(outcome.R),
        "backward_transfer": metrics.backward_transfer(outcome.R),
        "forgetting": metrics.forgetting(outcome.R),
        "forward_transfer": metrics.forward_transfer(outcome.R, outcome.alone),
        "scores_unchanged": outcome.unchanged,
        "seconds": outcome.seconds,
        "peak_bytes": outcome.peak_bytes,
        "bytes_a_task": outcome.bytes_per_task,
    }


def _to_list(values: NDArray[np.float64]) -> list[Any]:
    return [_to_list(v) if isinstance(v, np.ndarray) else None if np.isnan(v) else float(v) for v in values]
