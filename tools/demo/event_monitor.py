"""The events of a daemon, as they come: lines on the screen, and something to wait for."""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tools.api_client import Api
from tools.command import CommandError
from tools.demo.ground_truth import Truth
from tools.demo.synthesise import Event

Document = dict[str, Any]
Wanted = Callable[[str, Document], bool]
"""Whether a document, of this kind, is what is waited for."""
BAR_CELLS = 30


class Following:
    """Shows what a daemon tells, beside what truly sounds, for as long as the context lasts."""

    def __init__(self, api: Api, console: Console, truth: Truth) -> None:
        self._api, self._console, self._truth = api, console, truth
        self._told: list[tuple[str, Document]] = []
        self._changed = threading.Condition()
        self._live = Live(console=console, transient=True, auto_refresh=False)
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "Following":
        self._live.start()
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._live.stop()

    def until(self, wanted: Wanted, within_s: float, what: str) -> Document:
        """The first document that is wanted, of all that were told. Raises CommandError where none comes."""
        late_s = time.monotonic() + within_s
        with self._changed:
            while True:
                for kind, document in self._told:
                    if wanted(kind, document):
                        return document
                if not self._changed.wait(late_s - time.monotonic()):
                    raise CommandError(f"{what}: nothing was told of it in {within_s:g} s")

    def sounds(self) -> list[Document]:
        """All that were heard up to now, as they began."""
        with self._changed:
            return [told for kind, told in self._told if kind == "sound" and told["phase"] == "new"]

    def right(self, event: Document) -> bool:
        """Whether a sound was called by its name."""
        truth = self.truth(event)
        return truth is not None and (truth.task, truth.label) == (event["task"], event["label"])

    def truth(self, event: Document) -> Event | None:
        """What truly sounded then."""
        lasted = datetime.fromisoformat(event["end"]) - datetime.fromisoformat(event["start"])
        start_s = event["offset_s"]
        return self._truth.of(Event(start_s, start_s + lasted.total_seconds(), event["task"], event["label"]))

    def _follow(self) -> None:
        try:
            for kind, document in self._api.follow():
                self._show(kind, document)
                with self._changed:
                    self._told.append((kind, document))
                    self._changed.notify_all()
        except OSError:  # the daemon is gone, or says nothing any more
            return

    def _show(self, kind: str, document: Document) -> None:
        if kind == "sound" and document["phase"] == "new":
            self._console.print(self._line(document))
        elif kind == "source":
            self._console.print(f"  microphone: {document['state']}", style="dim")
        elif kind == "enrolment":
            self._live.update(_bar(document), refresh=True)

    def _line(self, event: Document) -> Text:
        truth = self.truth(event)
        truly = truth.label if truth else "nothing"
        when = datetime.fromisoformat(event["start"]).astimezone()
        line = Text(f"  {when:%H:%M:%S}  ")
        line.append(f"{event['task']}: {event['label']}".ljust(26), style="bold")
        line.append(f"{event['score']:4.0%}   truly {truly}".ljust(32))
        return line.append("right" if self.right(event) else "wrong", "green" if self.right(event) else "red")


def _bar(enrolment: Document) -> Text:
    """How far learning is; nothing once it is over."""
    step = enrolment["progress"]
    if enrolment["state"] != "learning" or not step or not step["total"]:
        return Text("")
    filled = round(BAR_CELLS * step["done"] / step["total"])
    bar = "━" * filled + "·" * (BAR_CELLS - filled)
    return Text(f"  learning {enrolment['task']}  {bar}  {step['stage']}", style="cyan")


def new(task: str) -> Wanted:
    """A sound of a task, as it begins."""
    return lambda kind, told: kind == "sound" and told["phase"] == "new" and told["task"] == task


def right(following: Following, task: str) -> Wanted:
    """The same, called by its name."""
    begins = new(task)
    return lambda kind, told: begins(kind, told) and following.right(told)


def ended(sound: str) -> Wanted:
    """The end of a sound."""
    return lambda kind, told: kind == "sound" and told["phase"] == "end" and told["id"] == sound


def over(identity: str) -> Wanted:
    """The end of an enrolment, however it ended."""
    ends = "done", "cancelled"
    return lambda kind, told: (
        kind == "enrolment" and told["id"] == identity and (told["state"] in ends or told["detail"])
    )
