"""The events of a running daemon: printed as they arrive, and awaited by the demonstration."""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tools.api_client import ApiClient
from tools.command import CommandError
from tools.demo.ground_truth import GroundTruth, has_same_label
from tools.demo.synthesise import Event

Document = dict[str, Any]
Condition = Callable[[str, Document], bool]
"""Tests an event: kind, document."""
BAR_CELLS = 30


class EventMonitor:
    """Receives a daemon's events in a thread and prints them beside the ground truth; a context manager."""

    def __init__(self, api: ApiClient, console: Console, truth: GroundTruth) -> None:
        self._api, self._console, self._truth = api, console, truth
        self._events: list[tuple[str, Document]] = []
        self._changed = threading.Condition()
        self._live = Live(console=console, transient=True, auto_refresh=False)
        self._thread = threading.Thread(target=self._receive, daemon=True)

    def __enter__(self) -> "EventMonitor":
        self._live.start()
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._live.stop()

    def wait_for(self, condition: Condition, timeout_s: float, what: str) -> Document:
        """Return the first event that meets a condition, past ones included.

        Raises:
            CommandError: no such event arrived in time; the message names `what`.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for kind, document in self._events:
                    if condition(kind, document):
                        return document
                if not self._changed.wait(deadline_s - time.monotonic()):
                    raise CommandError(f"{what}: no event within {timeout_s:g} s")

    def detections(self) -> list[Document]:
        """Return the start events of all sounds detected so far."""
        with self._changed:
            return [event for kind, event in self._events if kind == "sound" and event["phase"] == "new"]

    def is_correct(self, event: Document) -> bool:
        """Return whether a sound was detected with its true label."""
        truth = self.find_truth(event)
        return truth is not None and has_same_label(truth, _to_event(event))

    def find_truth(self, event: Document) -> Event | None:
        """Return the true event behind a detection; None: nothing was played."""
        return self._truth.find(_to_event(event))

    def _receive(self) -> None:
        try:
            for kind, document in self._api.stream_events():
                self._show(kind, document)
                with self._changed:
                    self._events.append((kind, document))
                    self._changed.notify_all()
        except OSError:  # the daemon ended or stopped answering
            return

    def _show(self, kind: str, document: Document) -> None:
        if kind == "sound" and document["phase"] == "new":
            self._console.print(self._line(document))
        elif kind == "source":
            self._console.print(f"  microphone: {document['state']}", style="dim")
        elif kind == "enrolment":
            self._live.update(_progress_bar(document), refresh=True)

    def _line(self, event: Document) -> Text:
        truth = self.find_truth(event)
        played = truth.label if truth else "nothing"
        when = datetime.fromisoformat(event["start"]).astimezone()
        line = Text(f"  {when:%H:%M:%S}  ")
        line.append(f"{event['task']}: {event['label']}".ljust(26), style="bold")
        line.append(f"{event['score']:4.0%}   played: {played}".ljust(32))
        is_correct = self.is_correct(event)
        return line.append("correct" if is_correct else "wrong", "green" if is_correct else "red")


def _to_event(document: Document) -> Event:
    duration = datetime.fromisoformat(document["end"]) - datetime.fromisoformat(document["start"])
    start_s = document["offset_s"]
    return Event(start_s, start_s + duration.total_seconds(), document["task"], document["label"])


def _progress_bar(enrolment: Document) -> Text:
    """Return the bar of a running enrolment; empty once it has ended."""
    step = enrolment["progress"]
    if enrolment["state"] != "learning" or not step or not step["total"]:
        return Text("")
    filled = round(BAR_CELLS * step["done"] / step["total"])
    bar = "━" * filled + "·" * (BAR_CELLS - filled)
    return Text(f"  learning {enrolment['task']}  {bar}  {step['stage']}", style="cyan")


def is_start(task: str) -> Condition:
    """Match the start of any sound of a task."""
    return lambda kind, event: kind == "sound" and event["phase"] == "new" and event["task"] == task


def is_correct_start(monitor: EventMonitor, task: str) -> Condition:
    """Match the start of a sound of a task that was detected with its true label."""
    starts = is_start(task)
    return lambda kind, event: starts(kind, event) and monitor.is_correct(event)


def is_end(sound: str) -> Condition:
    """Match the end of the sound with this id."""
    return lambda kind, event: kind == "sound" and event["phase"] == "end" and event["id"] == sound


def is_enrolment_end(identity: str) -> Condition:
    """Match the end of the enrolment with this id, success or failure."""
    ends = "done", "cancelled"
    return lambda kind, event: (
        kind == "enrolment" and event["id"] == identity and (event["state"] in ends or event["detail"])
    )
