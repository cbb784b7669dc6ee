"""What `edgecl enroll` prints for people."""

from collections.abc import Iterator, Sequence

from device_runtime.cli import output
from device_runtime.training.learning_curve import CurvePoint
from device_runtime.workflows.enroll import EnrolmentResult, TrialDetections
from device_runtime.workflows.enroll_again import UnchangedTask
from device_runtime.workflows.report import EnrolmentReport
from device_runtime.workflows.rooms import RoomScore

MAX_LINES = 5  # of a kind
STAGE_NAMES = {
    "decode": "reading",
    "backbone": "feature extraction",
    "varying": "augmentation",
    "training": "training",
    "advice": "learning curve and rooms",
}
"""Key of `Enrolment.seconds` → what to call it."""


def announce(first: EnrolmentResult) -> None:
    """Print that a first version can be used while training goes on."""
    fitted = first.enrolment.fitted
    accuracy = output.format_percent(fitted.validation.accuracy)
    output.print_message(
        f"'{first.task}' is ready to use after {first.usable_s:.1f} s "
        f"({fitted.method}, {accuracy} on held-out recordings). Refining …"
    )


def show(result: EnrolmentResult) -> None:
    """Print the report."""
    report, enrolment = result.report, result.enrolment
    if enrolment.ingest.rejected:
        output.print_message(output.build_rejected_table(enrolment.ingest.rejected))
    rows = [
        (one.label, one.clips, one.windows, f"{output.format_percent(one.accuracy)} of {one.held_out}")
        for one in report.classes
    ]
    columns = ["class", "recordings", "windows", "recognised"]
    output.print_answer(output.build_table("", columns, rows, "recordings,windows,recognised"))
    for line in (*_findings(report), *report.advice, *enrolment.notes):
        output.print_answer(f"  {line}")
    seconds = ", ".join(f"{STAGE_NAMES[stage]} {time_s:.1f} s" for stage, time_s in enrolment.seconds.items())
    output.print_answer(
        f"Enrolled '{result.task}' in {result.seconds:.1f} s ({seconds})",
        f"Method: {enrolment.fitted.method} ({enrolment.fitted.reason})",
        f"Accuracy on held-out recordings: {output.format_percent(report.accuracy)}",
        *_describe_rooms(enrolment.rooms),
    )
    if result.trial:
        output.print_answer(
            *_trial(result.trial), "Nothing was stored. Run it again without --dry-run to store it."
        )
    else:
        size = output.format_size(result.size_bytes)
        output.print_answer(f"Stored as {result.sha256[:12]} ({size}). Try it: edgecl predict FILE")


def show_repeated(result: EnrolmentResult | UnchangedTask) -> None:
    """Print what became of one task that was to be enrolled anew."""
    if isinstance(result, UnchangedTask):
        output.print_message(
            f"{result.task}: stays as it is: {result.error.message}", f"  {result.error.hint}"
        )
    else:
        output.print_answer(str(result), *(f"  {warning}" for warning in result.warnings))


def describe_curve(curve: Sequence[CurvePoint], expected: float | None) -> str:
    """Return the learning curve as a sentence."""
    counts = " / ".join(f"{point.recordings}" for point in curve)
    shares = " / ".join(f"{100 * point.accuracy:.0f}" for point in curve)
    ahead = f"; about {100 * expected:.0f} % expected with {2 * curve[-1].recordings}" if expected else ""
    return f"Accuracy with {counts} recordings: {shares} %{ahead}."


def _findings(report: EnrolmentReport) -> Iterator[str]:
    """Yield what the held-out recordings show, line by line."""
    for pair in report.confusable:
        recordings = "1 recording" if pair.clips == 1 else f"{pair.clips} recordings"
        yield f"{pair.label} was recognised as {pair.taken_for}: {recordings}"
    for one in report.suspects[:MAX_LINES]:
        score = output.format_percent(one.score)
        yield f"{one.file} sounds like {one.looks_like} ({score}): is it in the right class?"
    for copy in report.duplicates[:MAX_LINES]:
        effect = "adds nothing new" if copy.label == copy.original_label else "is in another class"
        yield f"{copy.file} is the same sound as {copy.original} and {effect}"
    if len(report.curve) > 1:
        yield describe_curve(report.curve, report.expected)


def _describe_rooms(rooms: Sequence[RoomScore]) -> Iterator[str]:
    """Yield what is detected in other rooms, in one line."""
    if rooms:
        counts = ", ".join(f"{one.room.name} {one.detected}" for one in rooms)
        yield f"Detected of {rooms[0].recordings} held-out recordings, played in a {counts}"


def _trial(trial: TrialDetections) -> Iterator[str]:
    """Yield what the task detects in the recording of a dry run."""
    if trial.duration_s and not trial.detections:
        yield f"No sound detected in {trial.duration_s:.1f} s"
    for one in trial.detections:
        found = one.detection
        yield (
            f"Detected {found.label} from {found.start_s:.1f} to {found.end_s:.1f} s "
            f"(margin {found.margin:+.2f})"
        )
