"""Row: an update of the bundle is killed, or a call of it fails: the old bundle is there or the new one."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.workflows.workspace import Workspace
from edgecl.bundle.bundle import MANIFEST_NAME, Bundle, write_manifest
from edgecl.bundle.installed import SELECTION_NAME, InstalledBundles
from edgecl.bundle.manifest import Description
from edgecl.errors import EdgeclError
from edgecl.store.home import LOCK_NAME
from tools.battery import strace
from tools.battery.fork import Ended, fork, run
from tools.battery.strace import Point
from tools.battery.subject import VICTIM, Subject, make_command
from tools.battery.system_calls import KILL, inject_each, list_errors
from tools.battery.tally import Tally, spread

OLD, NEW = "2999-01-01", "2999-01-02"
"""Dates of the bundle that is in use and of its update."""


@dataclass(frozen=True)
class Step:
    """A command of an update."""

    name: str
    words: tuple[str, ...]
    home: Path
    """The home as it was before; it is copied."""
    selected: str
    """Date of the bundle that is selected after a success."""


def break_updates(subject: Subject, share: float) -> Tally:
    """Kill each step of an update before each of its calls that change something, and let these calls fail.

    Args:
        subject: the prepared home.
        share: part of all cases.
    """
    strace.require_strace()
    tally = Tally()
    for step in _prepare(subject):
        _break_step(subject, step, share, tally)
    return tally


def find_update_damage(home: Path, step_ended: Ended, selected: str) -> str | None:
    """Judge what a step of an update left.

    Args:
        home: the home.
        step_ended: how the step ended.
        selected: date of the bundle that it selects where it succeeds.

    Returns:
        A sentence about the damage; None if there is none.
    """
    if step_ended.crashed:
        return f"it crashed: {step_ended.messages.strip().splitlines()[-1:]}"
    try:
        created = Workspace(home, threads=1).open_bundle().manifest.created
    except EdgeclError as error:
        return f"there is no bundle: {error.message}"
    if created not in (OLD, NEW):
        return f"the bundle in use is of {created}, neither the old one nor the new one"
    if step_ended.code == 0 and created != selected:
        return f"it reported success, but the bundle in use is of {created}"
    return _find_leftovers(home)


def _find_leftovers(home: Path) -> str | None:
    """Let the next installation tidy up, and look for what it left."""
    installed = InstalledBundles(home)
    with installed.lock():
        selection = installed.read_selection()
    kept = {LOCK_NAME, SELECTION_NAME, selection.current, selection.previous}
    left = sorted(set(os.listdir(installed.folder)) - kept)
    return f"'{left[0]}' belongs to no bundle" if left else None


def _prepare(subject: Subject) -> list[Step]:
    """Make both bundles, and a home for each step."""
    bundles = {date: _make_bundle(subject.folder / f"bundle-{date}", date) for date in (OLD, NEW)}
    predict = ("predict", str(subject.clips / "knock" / "0.wav"), "--task", VICTIM)
    install = ("bundle", "install", str(bundles[NEW]))
    before = subject.copy_home().rename(subject.folder / "before-update")
    _run(subject, before, "bundle", "install", str(bundles[OLD]))
    _run(subject, before, *predict)
    after = Path(shutil.copytree(before, subject.folder / "after-update"))
    _run(subject, after, *install)
    return [
        Step("bundle install", install, before, NEW),
        Step("first start", predict, after, NEW),
        Step("bundle rollback", ("bundle", "rollback"), after, OLD),
    ]


def _make_bundle(folder: Path, created: str) -> Path:
    """Copy the bundle of the package, with another date."""
    shutil.copytree(DEFAULT_BUNDLE, folder, ignore=shutil.ignore_patterns(MANIFEST_NAME))
    manifest = Bundle.open(DEFAULT_BUNDLE).manifest
    fields = {name: getattr(manifest, name) for name in Description.model_fields}
    write_manifest(folder, Description(**fields | {"created": created}))
    return folder


def _run(subject: Subject, home: Path, *words: str) -> None:
    ended = run(make_command(home, *words), subject.output)
    if ended.code != 0:
        raise RuntimeError(f"'edgecl {' '.join(words)}' ends with {ended.code}: {ended.messages}")


def _break_step(subject: Subject, step: Step, share: float, tally: Tally) -> None:
    home, log = subject.folder / "updated", subject.folder / "strace.log"
    command = make_command(home, *step.words)
    _reset(step, home)
    points = strace.list_points(fork(command, subject.output), [home], log)
    faults = [(point, fault) for point in points for fault in _list_faults(point)]
    for fault, ended in inject_each(
        subject, command, spread(faults, share), lambda: _reset(step, home), tally
    ):
        tally.add(f"{step.name}, {fault}", find_update_damage(home, ended, step.selected))
    shutil.rmtree(home)


def _list_faults(point: Point) -> list[str]:
    return [KILL, *list_errors(point)]


def _reset(step: Step, home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(step.home, home)
