"""`python -m tools.bench.open_set TASKS`: tasks in one home, and what each makes of what is not its own.

Each task is enrolled from its `train` folder. Then it meets the other tasks' test recordings as strangers,
its own test recordings are offered to all tasks with none named, and all tasks together listen to ten
minutes of noise and room tone. Prints one line a task; leaves with 1 where the noise fired anything.
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

from tools.bench.room_tones import RATE_HZ, room_tones
from tools.command import Command

MINUTES = 10
KIND_S = 20.0


def main(
    tasks: Annotated[Path, typer.Argument(exists=True, help="Folder of tasks, each with train/ and test/.")],
    bundle: Annotated[Path | None, typer.Option(help="Default: the shipped one.")] = None,
    voices: Annotated[
        str, typer.Option(help="Task whose test recordings babble is made of.")
    ] = "fsdd_digits",
) -> None:
    """Measure rejection, routing and silence of all tasks."""
    tasks = tasks.absolute()
    names = sorted(folder.name for folder in tasks.iterdir() if (folder / "train").is_dir())
    with tempfile.TemporaryDirectory() as work:
        command = Command(Path(work) / "home", bundle)
        for name in names:
            command.document("enroll", name, str(tasks / name / "train"))
        told = {name: _told(command, tasks, names, name, Path(work)) for name in names}
        alarms = _alarms(command, sorted((tasks / voices / "test").rglob("*.flac")), Path(work))
    _show(told, alarms)
    if alarms:
        raise SystemExit(1)


def _told(command: Command, tasks: Path, names: list[str], name: str, work: Path) -> Any:
    """What `evaluate` says of one task, the others' test recordings being strangers."""
    strangers = work / "strangers" / name
    for other in names:
        for path in (tasks / other / "test").rglob("*.flac") if other != name else ():
            link = strangers / other / path.parent.name / path.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    return command.document("evaluate", name, str(tasks / name / "test"), "--unknown", str(strangers))


def _alarms(command: Command, voices: list[Path], work: Path) -> Counter[str]:
    """How often each task fired in ten minutes of noise and room tone."""
    tones = room_tones(KIND_S, [soundfile.read(path)[0] for path in voices])
    assert len(tones) >= MINUTES * 60 * RATE_HZ
    (work / "tones").mkdir()
    for minute in range(0, len(tones), 60 * RATE_HZ):
        soundfile.write(work / "tones" / f"{minute}.wav", tones[minute : minute + 60 * RATE_HZ], RATE_HZ)
    answer = command.document("predict", str(work / "tones"))
    return Counter(event["task"] for file in answer["files"] for event in file["events"])


def _show(told: dict[str, Any], alarms: Counter[str]) -> None:
    columns = ["accuracy", "nearest", "answered", "accepted", "rejected", "FPR at 95 % TPR", "AUROC"]
    table = Table("task", *columns, "alarms in noise")
    rows = {name: _shares(one) for name, one in told.items()}
    for name, shares in rows.items():
        table.add_row(name, *(f"{100 * share:.1f} %" for share in shares), str(alarms[name]))
    means = [fmean(column) for column in zip(*rows.values(), strict=True)]
    table.add_row("mean", *(f"{100 * mean:.1f} %" for mean in means), str(alarms.total()))
    Console(width=120).print(table)


def _shares(told: Any) -> list[float]:
    unknown = told["unknown"]
    task_free = told["task_free"]
    own = [told["accuracy"], task_free["accuracy"], task_free["answered"], told["accepted"]]
    return [*own, unknown["rejected"], unknown["fpr_at_95_tpr"], unknown["auroc"]]


if __name__ == "__main__":
    typer.run(main)
