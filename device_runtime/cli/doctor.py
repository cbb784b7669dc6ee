"""`edgecl doctor`: is everything as it should be?"""

from dataclasses import asdict

from rich.text import Text

from device_runtime.cli import output
from device_runtime.cli.options import Settings
from device_runtime.workflows.doctor import examine

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(settings: Settings) -> int:
    """Look over the installation, the home, the bundle and the engines.

    Leaves with 1 if something fails.

    [bold]Examples[/bold]

      edgecl doctor

      edgecl doctor --bundle my-bundle/ --json
    """
    checks = list(examine(settings.home, settings.bundle, settings.threads, settings.cache_bytes))
    healthy = all(check.status != "fail" for check in checks)
    if settings.as_json:
        output.emit({"healthy": healthy, "checks": [asdict(check) for check in checks]})
    else:
        rows = [(c.name, Text(c.status, STYLES[c.status]), c.detail, c.hint) for c in checks]
        output.answer(output.table("", ["check", "", "found", "what to do"], rows))
    return 0 if healthy else 1
