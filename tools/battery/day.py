"""Row: a day of sound as fast as it is processed; each hour a task comes and goes, and the broker is away.

The events must be those of the same sound processed offline, and all of them reach the broker. Memory,
descriptors and threads of the daemon stay what they were.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from device_runtime.data.task_loader import load_task
from device_runtime.model.runtime import Runtime
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.recognition.recognizer import Recognizer
from edgecl.store.store import Store
from tools.battery.broker import POLL_S, Broker, Subscriber, find_broker
from tools.battery.fork import run
from tools.battery.subject import OTHER, QUICK, STEADY, Subject, find_damage, make_command
from tools.battery.tally import Tally
from tools.bench.daemon.process import DaemonProcess
from tools.bench.daemon.replay import HOUR_S, change_of_event, process_offline
from tools.bench.daemon.sound import generate_pcm
from tools.demo.microphone import PAUSE_S

NAME = "battery"
CONFIG = """
[source]
path = "-"
[api]
enabled = true
port = 0
[mqtt]
host = "127.0.0.1"
port = {port}
name = "{name}"
"""
TIMEOUT_S = 180.0
OUTAGE_SHARE = 0.02
"""Part of an hour during which the broker is away."""
SAMPLES = 20
SETTLING_HOURS = 4
"""Hours from which on memory is compared."""
MIN_HOURS = 10
"""Hours below which the slope of the memory says nothing."""
MAX_GROWTH_BYTES_PER_DAY = 1_000_000
OFFLINE_TIMEOUT_S = 7200.0


def live_a_day(subject: Subject, hours: float) -> Tally:
    """Let a daemon process hours of sound.

    Args:
        subject: the prepared home.
        hours: of sound; a part of one hour is one short hour.
    """
    find_broker()
    folder = subject.folder / "day"
    folder.mkdir()
    count = max(1, round(hours))
    day = _Day(subject, folder, hours * HOUR_S / count)
    tally = Tally()
    try:
        for number in range(count):
            tally.add(f"hour {number + 1}", day.live_hour(number))
        tally.failures += filter(None, day.finish())
        tally.notes.append(day.describe())
    finally:
        day.close()
    return tally


class _Day:
    """A daemon that listens to hours of sound, and a broker."""

    def __init__(self, subject: Subject, folder: Path, hour_s: float) -> None:
        self._subject, self._hour_s, self._hours = subject, hour_s, 0
        self._home = subject.copy_home()
        self._broker = Broker(folder)
        self._broker.start()
        self._subscriber = Subscriber(self._broker.port, f"edgecl/{NAME}/events")
        config = CONFIG.format(port=self._broker.port, name=NAME)
        self._daemon = DaemonProcess(
            folder, self._home, config, stdin=subprocess.PIPE, environment=os.environ
        )
        self._figures: list[tuple[int, int, int]] = []
        """Bytes of memory, descriptors and threads at the end of each hour."""

    def live_hour(self, number: int) -> str | None:
        """Play an hour of sound; return a sentence if something went wrong."""
        self._hours += 1
        pieces = list(_make_hour(number, self._hour_s))
        outage = max(1, round(OUTAGE_SHARE * len(pieces)))
        self._play(pieces[:outage])
        damage = self._change_tasks("enroll", OTHER, str(self._subject.clips), *QUICK)
        self._play(pieces[outage : len(pieces) // 2])
        damage = damage or self._change_tasks("forget", OTHER, "--yes")
        self._broker.stop()
        self._play(pieces[len(pieces) // 2 :][:outage])
        self._broker.start()
        self._play(pieces[len(pieces) // 2 + outage :])
        damage = damage or self._wait_for_delivery()
        self._figures.append(self._read_figures())
        return damage

    def finish(self) -> Iterator[str | None]:
        """End the sound, and yield a sentence for everything that is not as it should be."""
        assert self._daemon.process.stdin is not None
        self._daemon.process.stdin.close()
        self._daemon.wait()
        yield self._compare_events()
        yield self._compare_figures()
        yield find_damage(self._home)

    def describe(self) -> str:
        """Return a sentence with the figures of the daemon."""
        memory, descriptors, threads = zip(*self._figures, strict=True)
        sizes = " ".join(f"{size / 1e6:.1f}" for size in memory)
        figures = f"{max(descriptors)} descriptors, {max(threads)} threads"
        return f"{len(self._daemon.events)} events, {figures}, MB of memory at the end of each hour: {sizes}"

    def close(self) -> None:
        """End everything."""
        self._daemon.__exit__()
        self._subscriber.close()
        self._broker.stop()

    def _play(self, pieces: list[bytes]) -> None:
        assert self._daemon.process.stdin is not None
        for piece in pieces:
            self._daemon.process.stdin.write(piece)
        self._daemon.process.stdin.flush()

    def _change_tasks(self, *words: str) -> str | None:
        """Run a command on the home, and wait until the daemon has noticed."""
        before = self._daemon.stderr.count("tasks in use")
        ended = run(make_command(self._home, *words), self._subject.output)
        if ended.code != 0:
            return f"'{words[0]}' ends with {ended.code}: {ended.messages[-300:]}"
        noticed = _wait(lambda: self._daemon.stderr.count("tasks in use") > before)
        return None if noticed else f"the daemon did not notice '{words[0]}'"

    def _wait_for_delivery(self) -> str | None:
        """Wait until the broker has every event that was printed so far."""
        printed = {json.dumps(event, sort_keys=True) for _, event in self._daemon.events[:]}
        if _wait(lambda: printed <= set(map(_normalise, self._subscriber.payloads[:]))):
            return None
        missing = len(printed - set(map(_normalise, self._subscriber.payloads[:])))
        return f"{missing} of {len(printed)} events did not reach the broker"

    def _read_figures(self) -> tuple[int, int, int]:
        process = Path("/proc", str(self._daemon.process.pid))
        status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
        memory_bytes = int(status["VmRSS"].split()[0]) << 10
        descriptors = min(self._count_descriptors(process) for _ in range(SAMPLES))
        return memory_bytes, descriptors, int(status["Threads"])

    def _count_descriptors(self, process: Path) -> int:
        """Count the open descriptors; the store is opened for a moment again and again."""
        time.sleep(POLL_S)
        return len(list((process / "fd").iterdir()))

    def _compare_events(self) -> str | None:
        events = [event for _, event in self._daemon.events if event["kind"] == "sound"]
        found = [change_of_event(event) for event in events if event["task"] == STEADY]
        report = self._subject.folder / "offline.json"

        def process() -> None:
            report.write_text(json.dumps(self._process_offline()))

        ended = run(process, self._subject.output, OFFLINE_TIMEOUT_S)
        if ended.code != 0:
            return f"offline processing ended with {ended.code}: {ended.messages[-300:]}"
        wanted = [tuple(change) for change in json.loads(report.read_text())]
        if not wanted:
            return "there is no event, so nothing is compared"
        different = sum(one != other for one, other in zip(found, wanted, strict=False))
        if found == wanted:
            return None
        return f"{len(found)} events instead of {len(wanted)} offline, {different} of them different"

    def _process_offline(self) -> list[tuple[object, ...]]:
        runtime = Runtime.open(DEFAULT_BUNDLE, threads=1)
        with Store.open(self._subject.home, create=False) as store:
            recognizer = Recognizer(runtime, [load_task(store, STEADY, runtime.bundle.manifest)])
        hours = (piece for number in range(self._hours) for piece in _make_hour(number, self._hour_s))
        return list(process_offline(recognizer, hours))

    def _compare_figures(self) -> str | None:
        memory, descriptors, threads = zip(*self._figures, strict=True)
        if max(descriptors) > descriptors[0] or max(threads) > threads[0]:
            return f"descriptors grow, {descriptors}, or threads, {threads}"
        if len(memory) < MIN_HOURS:
            return None
        hours = np.arange(SETTLING_HOURS, len(memory))
        growth_bytes = 24 * float(np.polyfit(hours, memory[SETTLING_HOURS:], 1)[0])
        if growth_bytes > MAX_GROWTH_BYTES_PER_DAY:
            return f"memory grows by {growth_bytes / 1e6:.1f} MB a day: {memory}"
        return None


def _make_hour(number: int, hour_s: float) -> Iterator[bytes]:
    return generate_pcm(hour_s, PAUSE_S, seed=number)


def _normalise(payload: str) -> str:
    return json.dumps(json.loads(payload), sort_keys=True)


def _wait(is_met: Callable[[], bool]) -> bool:
    """Wait for a condition; return whether it was met in time."""
    deadline_s = time.monotonic() + TIMEOUT_S
    while not (met := is_met()) and time.monotonic() < deadline_s:
        time.sleep(POLL_S)
    return met
