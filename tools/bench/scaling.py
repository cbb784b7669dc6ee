"""Cost by the number of tasks, of events and of recordings: none should grow faster."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.table import Table

from device_runtime.daemon.sinks.history_writer import HistoryWriter
from device_runtime.data.task_loader import load_tasks
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from edgecl.bundle.bundle import Bundle
from edgecl.bundle.manifest import Manifest
from edgecl.events import SoundEvent, format_time
from edgecl.store import blob, blob_record
from edgecl.store.store import Store
from tools.bench.enrolment import CLASSES, run_and_measure, write_clips
from tools.bench.timing import children_cpu_s, time_interleaved
from tools.command import Command

TASKS = (1, 20, 200)
EVENTS = (1_000, 10_000, 100_000)
CLIPS = (20, 200, 1_000, 5_000)  # of one second, in ten classes
PAGE = 50  # events
RARE = 10_000  # distance of two events of the rare task, and of two with the rare label


def measure(bundle: Path | None) -> Table:
    """Return a table of CPU milliseconds, and of the peak memory of an enrolment."""
    opened = Bundle.open(bundle or DEFAULT_BUNDLE)
    table = Table("CPU ms", "size", "all", "of each", "peak memory")
    with tempfile.TemporaryDirectory(prefix="edgecl-scaling-") as folder:
        for count in TASKS:
            home = Path(folder, f"{count}-tasks")
            _fill_store(home, count, opened.manifest)
            table.add_row(
                "load all tasks", str(count), *_format(lambda h=home: _load(h, opened.manifest), count)
            )
        for count in EVENTS:
            history = HistoryWriter(Path(folder, f"{count}.db"))
            _fill_history(history, count)
            pages: dict[str, Callable[[], object]] = {
                "newest page of a history": lambda h=history: h.sounds(PAGE),
                "page of a rare task": lambda h=history: h.sounds(PAGE, task="rare"),
                "page of a rare label": lambda h=history: h.sounds(PAGE, task="often", label="rare"),
            }
            for name, run in pages.items():
                table.add_row(name, f"{count:,}", *_format(run, count))
            history.close()
        for count in CLIPS:
            table.add_row(
                "enrol recordings", f"{count:,}", *_enrol(Path(folder, f"{count}-clips"), bundle, count)
            )
    return table


def _enrol(folder: Path, bundle: Path | None, count: int) -> tuple[str, str, str]:
    """Enrol recordings in one process; return its CPU time, that of each recording, and its peak memory."""
    write_clips(folder / "clips", count // CLASSES, seconds=1)
    before_s = children_cpu_s()
    command = Command(folder / "home", bundle)
    _, peak_bytes, _ = run_and_measure(command, ["enroll", "bench", str(folder / "clips"), "--json"])
    milliseconds = 1000 * (children_cpu_s() - before_s)
    return f"{milliseconds:.0f}", f"{milliseconds / count:.1f}", f"{peak_bytes / 1e6:.0f} MB"


def _format(run: Callable[[], object], count: int) -> tuple[str, str]:
    milliseconds = time_interleaved({"": run}, rounds=5, warmup=1, clock=time.process_time)[""]
    return f"{milliseconds:.2f}", f"{milliseconds / count:.5f}"


def _fill_store(home: Path, count: int, manifest: Manifest) -> None:
    """Store tasks of two labels, as a closed form makes them."""
    width = manifest.head_features + 1
    size = manifest.adapter_size + 2 * width
    with Store.open(home, create=True) as store:
        for number in range(count):
            record = blob_record.BlobRecord(
                task=f"task-{number}",
                labels=("one", "two"),
                created=format_time(number),
                fingerprint=manifest.fingerprint,
                placement=manifest.adapter.placement,
                window_samples=manifest.geometry.window_samples,
                threshold=1.0,
                training={"engine": "portable"},
                licence=manifest.licence,
            )
            task = blob.TaskBlob(
                record,
                parameters=np.full(size, 0.5, np.float32),
                normalizer=np.ones((2, manifest.head_features), np.float32),
                keys=np.ones((2, width), np.float32),
            )
            store.commit(record.task, blob.to_bytes(task))


def _load(home: Path, manifest: Manifest) -> None:
    with Store.open(home, create=False) as store:
        load_tasks(store, manifest)


def _fill_history(history: HistoryWriter, count: int) -> None:
    for number in range(count):
        task, label = {0: ("rare", "bell"), 1: ("often", "rare")}.get(number % RARE, ("often", "bell"))
        history.write(_make_event(number, task, label))


def _make_event(number: int, task: str, label: str) -> SoundEvent:
    start = format_time(number)
    return SoundEvent(
        id=f"{number:016x}",
        phase="end",
        source="microphone",
        task=task,
        label=label,
        score=0.9,
        margin=0.5,
        threshold=0.1,
        start=start,
        end=start,
        offset_s=0.0,
        level_dbfs=-30.0,
        blob_sha256="0" * 64,
        clip=None,
    )
