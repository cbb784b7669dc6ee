"""`python -m tools.bench.corrections TASKS`: effect of one correction on every task, by the real command.

A task is enrolled without one of its labels. Test recordings of that label which it accepts are false alarms;
those with the largest margin are corrected by `edgecl correct CLIP --not …`, each from the same state. Two
figures are measured before and after: the share of variations of the false alarm (shifted, scaled, with
noise, unseen by the command) that are accepted, and the share of test recordings of the other labels that are
detected correctly.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import soundfile
import typer
from rich.console import Console
from rich.table import Table

from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from edgecl.arrays import Windows
from edgecl.audio.reader import SAMPLE_RATE_HZ, read_clip
from edgecl.windows import pad_window, split_into_windows
from tools.command import Command
from tools.command_line import BundleFolder, Seed, TasksFolder, list_task_folders, run_command

NAME = "task"
WINDOW_SAMPLES = 2 * SAMPLE_RATE_HZ
VARIATIONS = 24
GAIN_DB, NOISE_DB = (-6.0, 3.0), (-40.0, -20.0)


@dataclass(frozen=True)
class Effect:
    """The effect of one correction."""

    false_alarms: tuple[float, float]  # share of the variations that are accepted, before and after
    hits: tuple[float, float]  # share of the other test recordings detected correctly, before and after
    seconds: float  # duration of the command


def corrections(
    tasks: TasksFolder,
    bundle: BundleFolder = DEFAULT_BUNDLE,
    alarms: Annotated[int, typer.Option(help="Corrections per task.")] = 3,
    seed: Seed = 0,
) -> None:
    """Correct false alarms of every task and print the effect on false alarms and on correct detections.

    left-out label: the task is enrolled without it; its test recordings are the false alarms.
    repeated false alarms: share of variations of the corrected recording that are accepted, before → after.
    correct detections: share of the other labels' test recordings, before → after.
    """
    columns = (
        "left-out label",
        "corrections",
        "repeated false alarms",
        "reduction",
        "correct detections",
        "time",
    )
    table, console = Table("task", *columns), Console(width=120)
    for folder in list_task_folders(tasks):
        with tempfile.TemporaryDirectory() as work:
            rng = np.random.default_rng(seed)
            left_out, effects = _measure(folder, Path(work), bundle, alarms, rng)
        table.add_row(folder.name, left_out, *_format_effects(effects))
        console.print(f"{folder.name}: {effects}", style="dim")
    console.print(table)


def _measure(
    task: Path, work: Path, bundle: Path, alarms: int, rng: np.random.Generator
) -> tuple[str, list[Effect]]:
    """Return the label that was left out, and the effect of each correction."""
    labels = sorted(folder.name for folder in (task / "train").iterdir())
    left_out = str(rng.choice(labels))
    for part in ("train", "test"):
        shutil.copytree(task / part, work / part)
        shutil.move(work / part / left_out, work / f"{part}-left-out")
    command = Command(work / "home", bundle)
    command.run("enroll", NAME, str(work / "train"))
    clips = _write_loudest_windows(work / "test-left-out", work / "clips")
    accepted = [score for score in _predict(command, clips) if score["accepted"]]
    surest = sorted(accepted, key=lambda score: -score["margin"])[:alarms]
    hits = _hit_rate(command, work / "test")
    return left_out, [_correct(command, work, alarm, hits, rng) for alarm in surest]


def _correct(
    command: Command, work: Path, alarm: dict[str, Any], hits: float, rng: np.random.Generator
) -> Effect:
    """Correct a false alarm, measure the effect and undo the correction."""
    variations = _write_variations(Path(alarm["file"]), work / "variations", rng)
    before = _acceptance_rate(command, variations)
    report = command.document("correct", alarm["file"], "--not", f"{NAME}/{alarm['label']}")
    after = _acceptance_rate(command, variations)
    effect = Effect((before, after), (hits, _hit_rate(command, work / "test")), report["seconds"])
    command.run("undo", NAME)
    return effect


def _predict(command: Command, folder: Path) -> list[dict[str, Any]]:
    """Return the task's score of each recording of a folder; each is one window long."""
    files = command.document("predict", str(folder))["files"]
    return [file["scores"][0] | {"file": file["file"]} for file in files]


def _acceptance_rate(command: Command, folder: Path) -> float:
    return float(np.mean([score["accepted"] for score in _predict(command, folder)]))


def _hit_rate(command: Command, folder: Path) -> float:
    files = command.document("evaluate", NAME, str(folder))["files"]
    return float(np.mean([file["accepted"] and file["label"] == file["truth"] for file in files]))


def _write_loudest_windows(source: Path, target: Path) -> Path:
    """Write the loudest window of each recording as its own recording, and return their folder."""
    target.mkdir()
    for path in sorted(source.iterdir()):
        sound = read_clip(path).waveform
        if sound.size > WINDOW_SAMPLES:
            windows = split_into_windows(sound, WINDOW_SAMPLES)
            sound = windows[windows.std(axis=1).argmax()]
        soundfile.write(target / f"{path.stem}.wav", sound, SAMPLE_RATE_HZ, subtype="FLOAT")
    return target


def _write_variations(alarm: Path, folder: Path, rng: np.random.Generator) -> Path:
    """Write variations of a recording, each shifted, scaled and with noise, and return their folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    sound = read_clip(alarm).waveform
    for number in range(VARIATIONS):
        soundfile.write(folder / f"{number}.wav", _vary(sound, rng), SAMPLE_RATE_HZ, subtype="FLOAT")
    return folder


def _vary(sound: Windows, rng: np.random.Generator) -> Windows:
    start = int(rng.integers(0, WINDOW_SAMPLES - sound.size + 1))
    window = pad_window(sound * 10 ** (rng.uniform(*GAIN_DB) / 20), WINDOW_SAMPLES, start)
    noise = rng.normal(0, window.std() * 10 ** (rng.uniform(*NOISE_DB) / 20), WINDOW_SAMPLES)
    return np.clip(window + noise, -1, 1).astype(np.float32)


def _format_effects(effects: list[Effect]) -> tuple[str, ...]:
    """Format the cells of one task: means over its corrections."""
    if not effects:
        return "0", "–", "–", "–", "–"
    alarms_before, alarms_after = np.mean([effect.false_alarms for effect in effects], axis=0)
    hits_before, hits_after = np.mean([effect.hits for effect in effects], axis=0)
    return (
        str(len(effects)),
        f"{alarms_before:.0%} → {alarms_after:.0%}",
        f"{1 - alarms_after / alarms_before:.0%}" if alarms_before else "–",
        f"{hits_before:.1%} → {hits_after:.1%}",
        f"≤ {max(effect.seconds for effect in effects):.1f} s",
    )


if __name__ == "__main__":
    run_command(corrections, "tools.bench.corrections")
