"""How a task is told."""

from dataclasses import asdict

from pydantic import BaseModel

from device_runtime.daemon.api.context import ApiContext
from device_runtime.training.learning_curve import parse_curve
from edgecl.learning.negative_labels import is_negative
from edgecl.store.registry import TaskEntry


class PointView(BaseModel):
    """One point of a learning curve."""

    recordings: int
    accuracy: float
    low: float
    """The ends of its 95 % interval."""
    high: float


class Task(BaseModel):
    """One task of the store."""

    task: str
    labels: tuple[str, ...]
    created: str
    size_bytes: int
    sha256: str
    previous_sha256: str | None
    """What `undo` goes back to."""
    fingerprint: str
    threshold: float
    """The smallest margin that counts, as it was learnt."""
    thresholds: dict[str, float]
    """Sound → the margin from which it counts now."""
    negatives: list[str]
    """Labels that stand for none of its sounds."""
    held_out_accuracy: float | None
    """Of recordings kept aside."""
    method: str
    recordings: int
    """It was learnt from."""
    curve: list[PointView]
    """What more recordings brought."""
    heard: bool
    """Whether the daemon hears with it now."""


def view(here: ApiContext, entry: TaskEntry) -> Task:
    """A task of the store, with what its blob says of itself and what is set."""
    record = here.records.of(entry.sha256)
    training = record.training if record else {}
    threshold = record.threshold if record else 0.0
    own, accuracy = here.controls.thresholds(entry.task), training.get("held_out_accuracy")
    count = training.get("recordings")
    return Task(
        **asdict(entry),
        threshold=threshold,
        thresholds={label: own.get(label, threshold) for label in entry.labels if not is_negative(label)},
        negatives=[label for label in entry.labels if is_negative(label)],
        held_out_accuracy=accuracy if isinstance(accuracy, float) else None,
        method=str(training.get("method", "")),
        recordings=count if isinstance(count, int) else 0,
        curve=[PointView(**asdict(point)) for point in parse_curve(training.get("curve"))],
        heard=here.station.reporter.hears(entry.task, entry.sha256),
    )
