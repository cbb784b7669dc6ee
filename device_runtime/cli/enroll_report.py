"""What `edgecl enroll` tells of a task that was learnt: a first word, a screen, a JSON document."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from device_runtime.cli import output
from device_runtime.cli.trial import EnrolmentTrial
from device_runtime.workflows import plot
from device_runtime.workflows.enroll import Enrolment
from device_runtime.workflows.report import EnrolmentReport, report

MOST_LINES = 5  # of a kind


@dataclass(frozen=True)
class Outcome:
    """What the store now holds."""

    task: str
    sha256: str
    size_bytes: int
    usable_s: float  # after which the first version could be used
    seconds: float  # the whole command took
    rehearsal: EnrolmentTrial | None = None  # nothing was stored, only tried


def announce(first: Enrolment, usable_s: float) -> None:
    """Say that a first version can be used while learning goes on."""
    method, share = first.lesson.method, output.percent(first.lesson.validation.accuracy)
    output.message(
        f"'{first.blob.task}' can be used, after {usable_s:.1f} s: by {method}, {share} of the recordings "
        "kept aside were recognised; now it is learnt more closely"
    )


def document(enrolment: Enrolment, outcome: Outcome) -> dict[str, Any]:
    """Everything there is to say, for JSON."""
    record, told = enrolment.blob.record, report(enrolment)
    return {
        "task": outcome.task,
        "labels": list(record.labels),
        "stored": outcome.rehearsal is None,
        "sha256": outcome.sha256,
        "size_bytes": outcome.size_bytes,
        "training": record.training,
        "threshold": record.threshold,
        "held_out_accuracy": told.accuracy,
        "classes": [asdict(row) for row in told.classes],
        "confusable": [asdict(pair) for pair in told.confusable],
        "confusion": told.confusion.tolist(),
        "learning_curve": [asdict(point) for point in told.curve],
        "expected_of_twice_as_many": told.expected,
        "suspects": [asdict(one) for one in told.suspects],
        "duplicates": [asdict(one) for one in told.duplicates],
        "advice": told.advice,
        "seconds": {**enrolment.seconds, "usable": outcome.usable_s, "total": outcome.seconds},
        "recordings_from_cache": enrolment.from_cache,
        "repeated": [str(path) for path in enrolment.intake.repeated],
        "refused": output.refused_values(enrolment.intake.refused),
        "ignored": [str(path) for path in enrolment.intake.ignored],
        "notes": enrolment.notes,
        **(outcome.rehearsal.document if outcome.rehearsal else {}),
    }


def show(enrolment: Enrolment, outcome: Outcome) -> None:
    """The same for people, as far as it concerns them."""
    told = report(enrolment)
    if enrolment.intake.refused:
        output.message(output.refusals(enrolment.intake.refused))
    rows = [
        (row.label, row.clips, row.windows, f"{output.percent(row.accuracy)} of {row.held_out}")
        for row in told.classes
    ]
    columns = ["class", "recordings", "windows", "recognised"]
    output.answer(output.table("", columns, rows, "recordings,windows,recognised"))
    for line in (*_shown(told), *told.advice, *enrolment.notes):
        output.answer(f"  {line}")
    spent = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in enrolment.seconds.items())
    output.answer(
        f"learnt '{outcome.task}' in {outcome.seconds:.1f} s ({spent})",
        f"by {enrolment.lesson.method}: {enrolment.lesson.reason}",
        f"of the recordings kept aside {output.percent(told.accuracy)} were recognised",
    )
    if outcome.rehearsal:
        output.answer(
            *outcome.rehearsal.sentences, "nothing was stored; the same without --dry-run stores it"
        )
    else:
        size = output.size(outcome.size_bytes)
        output.answer(f"stored as {outcome.sha256[:12]}, {size}; try it: edgecl predict FILE")


def draw(enrolment: Enrolment, file: Path) -> None:
    """The same as a picture."""
    told, asked = report(enrolment), _recordings(len(enrolment.lesson.validation.labels))
    title = f"{enrolment.blob.task}: {output.percent(told.accuracy)} of {asked} kept aside recognised"
    plot.draw(file, title, enrolment.blob.labels, told.confusion, told.curve, told.expected)


def _shown(told: EnrolmentReport) -> Iterator[str]:
    """What the recordings showed, line by line."""
    for pair in told.confusable:
        yield f"{pair.label} was taken for {pair.taken_for}: {_recordings(pair.clips)}"
    for one in told.suspects[:MOST_LINES]:
        score = output.percent(one.score)
        yield f"{one.file} sounds like {one.looks_like} ({score}): is it in the right class?"
    for copy in told.duplicates[:MOST_LINES]:
        where = "teaches nothing new" if copy.label == copy.original_label else "is in another class"
        yield f"{copy.file} is the same sound as {copy.original} and {where}"
    if len(told.curve) > 1:
        yield _learning_curve(told)


def _learning_curve(told: EnrolmentReport) -> str:
    points = ", ".join(
        f"{output.percent(one.accuracy)} ({100 * one.low:.0f}–{100 * one.high:.0f}) by {one.recordings}"
        for one in told.curve
    )
    return f"recognised by how many teach: {points}; perhaps {output.percent(told.expected)} by twice as many"


def _recordings(count: int) -> str:
    return f"{count} recording{'' if count == 1 else 's'}"
