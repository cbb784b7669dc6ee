"""The benchmark from folders to results.

sources ─► method selection ─► feature extraction ─► every method through the sequence ─► few-shot curves
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from device_runtime.system.progress import Progress
from edgecl.errors import EdgeclError
from tools.bench.continual import worker_processes
from tools.bench.continual.feature_extractors import FeatureExtraction
from tools.bench.continual.few_shot import measure_curve
from tools.bench.continual.method_inputs import Setup
from tools.bench.continual.method_selection import MethodSelection
from tools.bench.continual.method_summary import MethodSummary
from tools.bench.continual.methods import Entry
from tools.bench.continual.results import Results
from tools.bench.continual.sequence import Outcome, run_method
from tools.bench.continual.sources.task_files import TaskFiles
from tools.bench.machine import describe_machine


@dataclass(frozen=True)
class Benchmark:
    """The settings of a run."""

    setup: Setup
    seeds: int
    shots: Sequence[int]
    draws: int
    processes: int
    progress: Progress

    def run(self, sequence: Sequence[TaskFiles], selection: MethodSelection, command: str) -> Results:
        """Run the selected methods on a sequence of tasks.

        Args:
            sequence: the tasks, in order.
            selection: methods and feature extractors.
            command: the command line, for the report.

        Raises:
            EdgeclError: a method that claims to isolate tasks changed a score after a later task.
        """
        extraction = FeatureExtraction(selection.extractors, self.setup.recipe, self.progress)
        tasks = extraction.run(sequence)
        pairs = [(entry, setup) for entry in selection.entries for setup in self._setups(entry)]
        runs = [partial(run_method, entry, setup, tasks) for entry, setup in pairs]
        outcomes = worker_processes.run_all(runs, "training", self.processes, self.progress)
        _demand_isolation(outcomes)
        by_entry = groupby(zip(pairs, outcomes, strict=True), key=lambda one: one[0][0])
        methods = [MethodSummary([outcome for _, outcome in own]) for _, own in by_entry]
        few_shot = [entry for entry in selection.entries if entry.few_shot and self.shots]
        curves = worker_processes.run_all(
            [
                partial(measure_curve, entry, self.setup, task, self.shots, self.draws)
                for entry in few_shot
                for task in tasks
            ],
            "few shots",
            self.processes,
            self.progress,
        )
        machine = describe_machine()
        return Results(command, machine, tasks, extraction.rejected, selection.left_out, methods, curves)

    def _setups(self, entry: Entry) -> list[Setup]:
        """Return a set-up for each seed of a method."""
        seeds = 1 if entry.slow else self.seeds
        return [replace(self.setup, seed=self.setup.seed + number) for number in range(seeds)]


def _demand_isolation(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.isolated and not outcome.unchanged:
            raise EdgeclError(f"{outcome.name} changed the scores of a task when it learnt another one")
