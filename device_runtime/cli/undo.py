"""`edgecl undo NAME`: take back the last change of a task."""

from dataclasses import asdict

from device_runtime.cli import output
from device_runtime.cli.homes import opened_store
from device_runtime.cli.options import Settings
from device_runtime.cli.signals import interrupts
from device_runtime.cli.tasks import TaskName


def undo(settings: Settings, name: TaskName) -> int:
    """Go back to the version of a task before the last change: a correction, an addition, a new enrolment, a
    consolidation.

    Two versions are kept, so undoing twice brings back what was undone.

    [bold]Examples[/bold]

      edgecl undo alarms
    """
    with opened_store(settings) as store, interrupts.held(f"the last change of task '{name}' is undone"):
        entry = store.undo(name)
    if settings.as_json:
        output.emit({**asdict(entry), "warnings": store.warnings})
    else:
        when, labels = output.moment(entry.created), ", ".join(entry.labels)
        output.answer(
            f"'{name}' is again as it was learnt {when}: {labels}",
            f"stored as {entry.sha256[:12]}; 'edgecl undo {name}' once more takes this back",
        )
    return 0
