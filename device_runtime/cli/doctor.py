"""`edgecl doctor`: check the installation."""

from rich.text import Text

from device_runtime.cli import output
from device_runtime.cli.options import Settings
from device_runtime.workflows.doctor import run_checks

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(settings: Settings) -> int:
    """Check the installation, the home folder, the bundle and the training engines.

    Exit code 1 if a check fails.

    Examples:
        edgecl doctor
        edgecl doctor --bundle my-bundle/ --json
    """
    report = run_checks(settings.workspace)
    if settings.as_json:
        output.emit(report.to_document())
    else:
        rows = [
            (one.name, Text(one.status, STYLES[one.status]), one.detail, one.hint) for one in report.checks
        ]
        output.print_answer(output.build_table("", ["check", "", "found", "what to do"], rows))
    return 0 if report.is_healthy else 1
