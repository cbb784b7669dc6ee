"""`python -m tools.bench.corrections TASKS`: effect of one correction on every task, by the real command.

A task is learnt without one of its classes. Test recordings of that class which it takes for another one are
false alarms; the surest of them are corrected with `edgecl correct CLIP --not …`, each from the same start.
Two things are measured before and after: how many repeats of the alarm fire (the same sound at other moments,
levels and in noise; the command never hears them), and how many test recordings of the other classes are
accepted as what they are.
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

from edgecl.arrays import Windows
from edgecl.audio.reader import SAMPLE_RATE_HZ, read_clip
from edgecl.windows import pad_window, split_into_windows
from tools.command import Command

NAME = "learnt"
WINDOW_SAMPLES = 2 * SAMPLE_RATE_HZ
REPEATS = 24
GAIN_DB, NOISE_DB = (-6.0, 3.0), (-40.0, -20.0)


@dataclass(frozen=True)
class Effect:
    """One correction."""

    fired: tuple[float, float]  # share of the repeats that fire, before and after
    hits: tuple[float, float]  # share of the known test recordings accepted as what they are
    seconds: float  # the whole command took


def main(
    tasks: Annotated[Path, typer.Argument(exists=True, help="Folder of tasks, each with train/ and test/.")],
    bundle: Annotated[Path | None, typer.Option(help="Default: the shipped one.")] = None,
    alarms: Annotated[int, typer.Option(help="Corrections tried on each task.")] = 3,
    seed: Annotated[int, typer.Option(help="Of the class left out and of the repeats.")] = 0,
) -> None:
    """Print, for each task, what corrections cut and cost."""
    table = Table("task", "never taught", "alarms", "repeats that fire", "cut", "true hits", "seconds")
    folders = sorted(folder for folder in tasks.absolute().iterdir() if (folder / "train").is_dir())
    console = Console(width=120)
    for folder in folders:
        with tempfile.TemporaryDirectory() as place:
            stranger, effects = _tried(folder, Path(place), bundle, alarms, np.random.default_rng(seed))
        table.add_row(folder.name, stranger, *_figures(effects))
        console.print(f"{folder.name}: {effects}", style="dim")
    console.print(table)


def _tried(
    task: Path, place: Path, bundle: Path | None, alarms: int, rng: np.random.Generator
) -> tuple[str, list[Effect]]:
    """The class that was left out, and what each correction did."""
    labels = sorted(folder.name for folder in (task / "train").iterdir())
    stranger = str(rng.choice(labels))
    for part in ("train", "test"):
        shutil.copytree(task / part, place / part)
        shutil.move(place / part / stranger, place / f"{part}-stranger")
    command = Command(place / "home", bundle)
    command.run("enroll", NAME, str(place / "train"))
    heard = _loudest_windows(place / "test-stranger", place / "heard")
    called = [one for one in _called(command, heard) if one["accepted"]]
    surest = sorted(called, key=lambda one: -one["margin"])[:alarms]
    hits = _hits(command, place / "test")
    return stranger, [_corrected(command, place, alarm, hits, rng) for alarm in surest]


def _corrected(
    command: Command, place: Path, alarm: dict[str, Any], hits: float, rng: np.random.Generator
) -> Effect:
    """The effect of one correction, which is taken back again."""
    again = _repeats(Path(alarm["file"]), place / "again", rng)
    before = _fired(command, again)
    told = command.document("correct", alarm["file"], "--not", f"{NAME}/{alarm['label']}")
    effect = Effect((before, _fired(command, again)), (hits, _hits(command, place / "test")), told["seconds"])
    command.run("undo", NAME)
    return effect


def _called(command: Command, folder: Path) -> list[dict[str, Any]]:
    """What the task says about each one-window recording of a folder."""
    return [file["scores"][0] | {"file": file["file"]} for file in _predicted(command, folder)]


def _predicted(command: Command, folder: Path) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = command.document("predict", str(folder))["files"]
    return files


def _fired(command: Command, folder: Path) -> float:
    return float(np.mean([one["accepted"] for one in _called(command, folder)]))


def _hits(command: Command, folder: Path) -> float:
    files = command.document("evaluate", NAME, str(folder))["files"]
    return float(np.mean([file["accepted"] and file["label"] == file["truth"] for file in files]))


def _loudest_windows(source: Path, target: Path) -> Path:
    """The loudest window of each recording, as a recording of its own."""
    target.mkdir()
    for path in sorted(source.iterdir()):
        sound = read_clip(path).waveform
        if sound.size > WINDOW_SAMPLES:
            windows = split_into_windows(sound, WINDOW_SAMPLES)
            sound = windows[windows.std(axis=1).argmax()]
        soundfile.write(target / f"{path.stem}.wav", sound, SAMPLE_RATE_HZ, subtype="FLOAT")
    return target


def _repeats(alarm: Path, folder: Path, rng: np.random.Generator) -> Path:
    """The same sound over and over, each time elsewhere in the window, louder or softer, over noise."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    sound = read_clip(alarm).waveform
    for number in range(REPEATS):
        soundfile.write(folder / f"{number}.wav", _again(sound, rng), SAMPLE_RATE_HZ, subtype="FLOAT")
    return folder


def _again(sound: Windows, rng: np.random.Generator) -> Windows:
    left = int(rng.integers(0, WINDOW_SAMPLES - sound.size + 1))
    placed = pad_window(sound * 10 ** (rng.uniform(*GAIN_DB) / 20), WINDOW_SAMPLES, left)
    noise = rng.normal(0, placed.std() * 10 ** (rng.uniform(*NOISE_DB) / 20), WINDOW_SAMPLES)
    return np.clip(placed + noise, -1, 1).astype(np.float32)


def _figures(effects: list[Effect]) -> tuple[str, ...]:
    """The row of one task: means over its corrections."""
    if not effects:
        return "0", "–", "–", "–", "–"
    before, after = np.mean([effect.fired for effect in effects], axis=0)
    had, has = np.mean([effect.hits for effect in effects], axis=0)
    return (
        str(len(effects)),
        f"{before:.0%} → {after:.0%}",
        f"{1 - after / before:.0%}" if before else "–",
        f"{had:.1%} → {has:.1%}",
        f"{max(effect.seconds for effect in effects):.1f} at most",
    )


if __name__ == "__main__":
    typer.run(main)
