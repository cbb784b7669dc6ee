"""The demonstration's data set: two folders of labelled clips, and a mixed recording with its ground truth.

`python -m tools.demo.synthesise OUT` writes OUT/<task>/<label>/NN.wav, OUT/mixed.wav and OUT/mixed.csv.
The same seed gives the same bytes. Every clip has its own seed, so no clip depends on another.
"""

import csv
import sys
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile

from edgecl.arrays import Doubles
from edgecl.learning.negative_labels import NEGATIVE
from tools.demo import alarms, kitchen
from tools.demo.room_acoustics import add_reverb, impulse_response, room_noise, scale_to_peak
from tools.demo.waveforms import RATE_HZ, Sound, mix

TASKS: dict[str, dict[str, Sound]] = {"alarms": alarms.SOUNDS, "kitchen": kitchen.SOUNDS}
CLIPS_PER_LABEL = 12
SEED = 1
FIRST_UNSEEN = 1000
"""Variations from this number on are in no training folder."""
MIX_ORDER = ("doorbell", "glass", "smoke_alarm", "knock", "kettle_whistle", "timer", "water_pour", "siren")
GAP_S = 1.0
ROOM_NOISE_DBFS = -62.0


@dataclass(frozen=True)
class Event:
    """A sound with its task, label and time."""

    start_s: float
    end_s: float
    task: str
    label: str


def make_variation(label: str, number: int, seed: int = SEED) -> tuple[Doubles, np.random.Generator]:
    """Synthesise one dry variation of a sound; also return the generator, for placing it in a room."""
    sound = next(sounds[label] for sounds in TASKS.values() if label in sounds)
    rng = np.random.default_rng([seed, crc32(label.encode()), number])
    return sound(rng), rng


def make_clip(label: str, number: int, seed: int = SEED) -> Doubles:
    """Synthesise a training clip: a variation in a random room, at a random distance, over noise."""
    dry, rng = make_variation(label, number, seed)
    wet = add_reverb(dry, impulse_response(rng.uniform(0.15, 0.5), rng.uniform(0.1, 0.9), rng))
    before_s, after_s = rng.uniform(0.1, 0.5, size=2)
    duration_s = before_s + wet.size / RATE_HZ + after_s
    noise = room_noise(duration_s, rng) * 10 ** (rng.uniform(-66, -48) / 20)
    return mix(duration_s, [(before_s, scale_to_peak(wet, rng.uniform(-15, -3))), (0.0, noise)])


def make_mixture(seed: int = SEED) -> tuple[Doubles, list[Event]]:
    """Synthesise a recording of about 25 s with an unseen variation of every sound, and its ground truth."""
    rng = np.random.default_rng([seed, FIRST_UNSEEN])
    room = impulse_response(0.35, 0.4, rng)
    parts: list[tuple[float, Doubles]] = []
    events: list[Event] = []
    now_s = GAP_S
    for label in MIX_ORDER:
        dry, _ = make_variation(label, FIRST_UNSEEN, seed)
        end_s = now_s + dry.size / RATE_HZ
        parts.append((now_s, scale_to_peak(add_reverb(dry, room), rng.uniform(-12, -5))))
        events.append(Event(round(now_s, 2), round(end_s, 2), find_task(label), label))
        now_s = end_s + GAP_S
    noise = room_noise(now_s, rng) * 10 ** (ROOM_NOISE_DBFS / 20)
    return mix(now_s, [*parts, (0.0, noise)]), events


def find_task(label: str) -> str:
    """Return the task that a label belongs to."""
    return next(task for task, sounds in TASKS.items() if label in sounds)


def write_all(folder: Path, seed: int = SEED) -> list[Event]:
    """Write all files and return the ground truth of `folder`/mixed.wav."""
    for task in TASKS:
        write_task(folder, task, CLIPS_PER_LABEL, seed)
    recording, events = make_mixture(seed)
    write_wav(folder / "mixed.wav", recording)
    write_truth(folder / "mixed.csv", events)
    return events


def write_task(folder: Path, task: str, clips: int, seed: int = SEED) -> None:
    """Write `clips` recordings of every sound of a task: `folder`/<task>/<label>/NN.wav."""
    for label in TASKS[task]:
        (folder / task / label).mkdir(parents=True, exist_ok=True)
        for number in range(clips):
            write_wav(folder / task / label / f"{number:02d}.wav", make_clip(label, number, seed))


def write_negatives(folder: Path, task: str, clips: int, seed: int = SEED) -> None:
    """Write `clips` recordings of every other task's sounds as negatives: `folder`/<task>/_negative/."""
    place = folder / task / NEGATIVE
    place.mkdir(parents=True, exist_ok=True)
    for label in (label for other in TASKS if other != task for label in TASKS[other]):
        for number in range(clips):
            write_wav(place / f"{label}-{number:02d}.wav", make_clip(label, number, seed))


def write_wav(path: Path, waveform: Doubles) -> None:
    """Write a 16-bit mono file at `RATE_HZ`."""
    soundfile.write(path, np.clip(waveform, -1, 1), RATE_HZ, subtype="PCM_16")


def write_truth(path: Path, events: list[Event]) -> None:
    """Write a CSV file with one line per event, under the names of its fields."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(field.name for field in fields(Event))
        table.writerows(astuple(event) for event in events)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.demo.synthesise OUT")
    write_all(Path(sys.argv[1]))
