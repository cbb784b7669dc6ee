"""An enrolment as a user runs it: 160 clips of five seconds, its time by phase, its peak memory, its blob."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from rich.table import Table

CLASSES, CLIPS_A_CLASS, SECONDS, RATE_HZ = 10, 16, 5, 16000


def measure(bundle: Path | None, threads: int = 1) -> Table:
    """Peak resident memory, seconds by phase and blob size, per engine."""
    table = Table("engine", "peak RSS", "decode", "backbone", "training", "whole command", "blob")
    with tempfile.TemporaryDirectory() as work:
        clips = Path(work) / "clips"
        _write_clips(clips)
        for engine in ("portable", "ort-training"):
            home = Path(work) / engine
            options = ["--home", str(home), "--engine", engine, "--threads", str(threads), "--json"]
            options += ["--bundle", str(bundle)] if bundle else []
            report, peak_bytes, wall_s = _watched(["enroll", "bench", str(clips), *options])
            phases = [f"{report['seconds'][name]:.1f} s" for name in ("decode", "backbone", "training")]
            size = f"{report['size_bytes'] / 1024:.0f} KiB"
            table.add_row(engine, f"{peak_bytes / 2**20:.0f} MiB", *phases, f"{wall_s:.1f} s", size)
    return table


def _write_clips(folder: Path) -> None:
    """Ten classes of tones with their own rhythm, over noise; every clip differs."""
    rng = np.random.default_rng(0)
    time_s = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    for label in range(CLASSES):
        (folder / f"class-{label}").mkdir(parents=True)
        for number in range(CLIPS_A_CLASS):
            pitch_hz = 200.0 * 1.3**label * rng.uniform(0.97, 1.03)
            gate = np.sin(2 * np.pi * (1 + label % 4) * time_s + rng.uniform(0, 6)) > 0
            clip = 0.3 * gate * np.sin(2 * np.pi * pitch_hz * time_s) + 0.02 * rng.standard_normal(
                len(time_s)
            )
            soundfile.write(folder / f"class-{label}" / f"{number:02}.wav", clip, RATE_HZ)


def _watched(arguments: list[str]) -> tuple[dict[str, Any], int, float]:
    """The command's JSON, the peak of its resident memory in bytes, and its wall time."""
    command = [sys.executable, "-m", "device_runtime", *arguments]
    with tempfile.TemporaryFile() as answer:
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=answer)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - started
        if status:
            raise SystemExit(f"the command failed: {' '.join(command)}")
        answer.seek(0)
        return json.loads(answer.read()), usage.ru_maxrss * 1024, wall_s
