"""`python -m tools.bench.open_set TASKS`: rejection of unknown sounds by all tasks in one home.

Each task is enrolled from its `train` folder. Then three things are measured: rejection of the other tasks'
test recordings, recognition of its own test recordings where no task is named, and false alarms of all tasks
together in ten minutes of noise and room tone.
"""

import tempfile
from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import soundfile
import typer
from rich.console import Console
from rich.table import Table

from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from tools.bench.room_tones import RATE_HZ, make_room_tones
from tools.command import Command
from tools.command_line import BundleFolder, TasksFolder, list_task_folders, run_command

MINUTES = 10
SECONDS_PER_KIND = 20.0


def open_set(
    tasks: TasksFolder,
    bundle: BundleFolder = DEFAULT_BUNDLE,
    voices: Annotated[
        str, typer.Option(help="Task whose test recordings are the voices of the babble noise.")
    ] = "fsdd_digits",
) -> None:
    """Measure open-set rejection, recognition without a task name, and false alarms in noise.

    All shares are of test recordings. accuracy: the task is named. any task: no task is
    named, and the nearest label of all tasks is right. any task, accepted: no task is
    named, and the answer of `edgecl predict` is right. own accepted: above the threshold.
    unknown rejected: recordings of the other tasks below the threshold.

    The exit code is 1 where the noise caused a false alarm.
    """
    folders = list_task_folders(tasks)
    with tempfile.TemporaryDirectory() as work:
        command = Command(Path(work) / "home", bundle)
        for folder in folders:
            command.document("enroll", folder.name, str(folder / "train"))
        reports = {folder.name: _evaluate(command, folders, folder, Path(work)) for folder in folders}
        recordings = sorted((tasks.absolute() / voices / "test").rglob("*.flac"))
        false_alarms = _count_false_alarms(command, recordings, Path(work))
    _show(reports, false_alarms)
    if false_alarms:
        raise typer.Exit(1)


def _evaluate(command: Command, folders: list[Path], task: Path, work: Path) -> Any:
    """Evaluate one task, with the other tasks' test recordings as unknown sounds."""
    unknown = work / "unknown" / task.name
    for other in folders:
        for path in (other / "test").rglob("*.flac") if other != task else ():
            link = unknown / other.name / path.parent.name / path.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    return command.document("evaluate", task.name, str(task / "test"), "--unknown", str(unknown))


def _count_false_alarms(command: Command, voices: list[Path], work: Path) -> Counter[str]:
    """Count the events of each task in ten minutes of noise and room tone."""
    tones = make_room_tones(SECONDS_PER_KIND, [soundfile.read(path)[0] for path in voices])
    assert len(tones) >= MINUTES * 60 * RATE_HZ
    (work / "tones").mkdir()
    for start in range(0, len(tones), 60 * RATE_HZ):
        soundfile.write(work / "tones" / f"{start}.wav", tones[start : start + 60 * RATE_HZ], RATE_HZ)
    answer = command.document("predict", str(work / "tones"))
    return Counter(event["task"] for file in answer["files"] for event in file["events"])


def _show(reports: dict[str, Any], false_alarms: Counter[str]) -> None:
    columns = "accuracy", "any task", "any task, accepted", "own accepted", "unknown rejected"
    table = Table("task", *columns, "FPR at 95 % TPR", "AUROC", "false alarms in noise")
    rows = {name: _shares(report) for name, report in reports.items()}
    for name, shares in rows.items():
        table.add_row(name, *(f"{100 * share:.1f} %" for share in shares), str(false_alarms[name]))
    means = [fmean(column) for column in zip(*rows.values(), strict=True)]
    table.add_row("mean", *(f"{100 * mean:.1f} %" for mean in means), str(false_alarms.total()))
    Console(width=120).print(table)


def _shares(report: Any) -> list[float]:
    """Return a report's shares (0…1) in the order of the columns."""
    unknown, task_free = report["unknown"], report["task_free"]
    own = [report["accuracy"], task_free["accuracy"], task_free["answered"], report["accepted"]]
    return [*own, unknown["rejected"], unknown["fpr_at_95_tpr"], unknown["auroc"]]


if __name__ == "__main__":
    run_command(open_set, "tools.bench.open_set")
