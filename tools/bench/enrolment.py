"""Time by phase, peak memory and blob size of `edgecl enroll` on 160 clips of five seconds."""

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from rich.table import Table

from device_runtime.training.engines.factory import list_engines
from tools.bench.memory import peak_memory_bytes
from tools.command import Command

CLASSES, CLIPS_A_CLASS, SECONDS, RATE_HZ = 10, 16, 5, 16000


def measure(bundle: Path | None, threads: int = 1) -> Table:
    """Return a table of peak resident memory, seconds by phase and blob size by engine."""
    table = Table("engine", "peak RSS", "decode", "backbone", "training", "whole command", "blob")
    with tempfile.TemporaryDirectory() as work:
        clips = Path(work) / "clips"
        write_clips(clips, CLIPS_A_CLASS, SECONDS)
        for engine in list_engines():
            options = ["--engine", engine, "--threads", str(threads), "--json"]
            command = Command(Path(work) / engine, bundle)
            report, peak_bytes, wall_s = run_and_measure(command, ["enroll", "bench", str(clips), *options])
            phases = [f"{report['seconds'][name]:.1f} s" for name in ("decode", "backbone", "training")]
            size = f"{report['size_bytes'] / 1024:.0f} KiB"
            table.add_row(engine, f"{peak_bytes / 1e6:.0f} MB", *phases, f"{wall_s:.1f} s", size)
    table.add_row("goal", "≤ 300 MB", "", "", "", "", "≤ 256 KiB")
    return table


def write_clips(folder: Path, clips_a_class: int, seconds: int) -> None:
    """Write ten classes of tones, each with its own rhythm, over noise; every clip differs."""
    rng = np.random.default_rng(0)
    time_s = np.arange(seconds * RATE_HZ) / RATE_HZ
    for label in range(CLASSES):
        (folder / f"class-{label}").mkdir(parents=True)
        for number in range(clips_a_class):
            pitch_hz = 200.0 * 1.3**label * rng.uniform(0.97, 1.03)
            gate = np.sin(2 * np.pi * (1 + label % 4) * time_s + rng.uniform(0, 6)) > 0
            clip = 0.3 * gate * np.sin(2 * np.pi * pitch_hz * time_s) + 0.02 * rng.standard_normal(
                len(time_s)
            )
            soundfile.write(folder / f"class-{label}" / f"{number:03}.wav", clip, RATE_HZ)


def run_and_measure(command: Command, arguments: list[str]) -> tuple[dict[str, Any], int, float]:
    """Run the command; return its JSON, its peak resident memory in bytes and its wall time in seconds.

    The peak is read from the kernel while the process runs. What the kernel reports of an ended child would
    include this process, from which the child was forked.
    """
    with tempfile.TemporaryFile() as answer:
        began_s, peak_bytes = time.monotonic(), 0
        process = command.start(*arguments, stdout=answer, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            time.sleep(0.01)
            peak_bytes = peak_memory_bytes(process.pid) or peak_bytes
        wall_s = time.monotonic() - began_s
        if process.returncode:
            raise SystemExit(f"edgecl {' '.join(arguments)} failed")
        answer.seek(0)
        return json.loads(answer.read()), peak_bytes, wall_s
