"""The benchmark from folders to results.

sources ─► line-up ─► listen, once ─► every method through the sequence ─► few-shot curves
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from device_runtime.system.progress import Progress
from edgecl.errors import EdgeclError
from tools.bench.continual import worker_processes
from tools.bench.continual.feature_extractors import Audience
from tools.bench.continual.few_shot import curve
from tools.bench.continual.method_inputs import Setup
from tools.bench.continual.method_selection import LineUp
from tools.bench.continual.method_summary import Row
from tools.bench.continual.methods import Entry
from tools.bench.continual.results import Results
from tools.bench.continual.sequence import Outcome, through
from tools.bench.continual.sources.task_files import TaskFiles
from tools.bench.machine import describe_machine


@dataclass(frozen=True)
class Benchmark:
    """What is measured, and how."""

    setup: Setup
    seeds: int
    shots: Sequence[int]
    draws: int
    processes: int
    progress: Progress

    def run(self, sequence: Sequence[TaskFiles], lined_up: LineUp, command: str) -> Results:
        """All figures.

        Raises:
            EdgeclError: an isolating method gave another score after a later task.
        """
        audience = Audience(lined_up.ears, self.setup.recipe, self.progress)
        tasks = audience.hear(sequence)
        pairs = [(entry, setup) for entry in lined_up.entries for setup in self._setups(entry)]
        runs = [partial(through, entry, setup, tasks) for entry, setup in pairs]
        outcomes = worker_processes.all_of(runs, "learning", self.processes, self.progress)
        _demand_isolation(outcomes)
        by_entry = groupby(zip(pairs, outcomes, strict=True), key=lambda one: one[0][0])
        rows = [Row([outcome for _, outcome in own]) for _, own in by_entry]
        few = [entry for entry in lined_up.entries if entry.few_shot and self.shots]
        curves = [
            partial(curve, entry, self.setup, task, self.shots, self.draws) for entry in few for task in tasks
        ]
        drawn = worker_processes.all_of(curves, "few shots", self.processes, self.progress)
        return Results(command, describe_machine(), tasks, audience.refused, lined_up.left_out, rows, drawn)

    def _setups(self, entry: Entry) -> list[Setup]:
        """One for each seed that a method is run with."""
        seeds = 1 if entry.slow else self.seeds
        return [replace(self.setup, seed=self.setup.seed + number) for number in range(seeds)]


def _demand_isolation(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.isolating and not outcome.unchanged:
            raise EdgeclError(f"{outcome.name} gave other scores for a task after it had learnt another one")
