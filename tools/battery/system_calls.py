"""Rows: a command is killed at every system call that changes something, or every one of them fails once."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tools.battery import strace
from tools.battery.actions import Action, judge, list_actions, look
from tools.battery.fork import Ended, fork
from tools.battery.strace import Point
from tools.battery.subject import Subject, make_command
from tools.battery.tally import Tally, spread

KILL = "signal=SIGKILL"
EARLIER = b"what the file held before"
ERRORS = {
    "ENOSPC": {"openat", "mkdir", "rename", "write", "pwrite64", "ftruncate", "fsync", "fdatasync"},
    "EIO": {"openat", "mkdir", "rename", "unlink", "write", "pwrite64", "ftruncate", "fsync", "fdatasync"},
    "EACCES": {"openat", "mkdir", "rename", "unlink", "chmod", "fchmod", "fchown", "utimensat"},
    "EINTR": {"openat", "write", "pwrite64", "ftruncate", "fsync", "fdatasync", "flock"},
    "EMFILE": {"openat"},
}
"""Error → the calls that can fail with it."""


def kill_at_every_call(subject: Subject, share: float) -> Tally:
    """Kill every command right before each of its calls that change something."""
    return _break(subject, share, lambda point: [KILL])


def fail_every_call(subject: Subject, share: float) -> Tally:
    """Let each call that changes something fail once with every error that it can have."""
    return _break(subject, share, list_errors)


def list_errors(point: Point) -> list[str]:
    """Return the faults of a call that can fail, as strace has them."""
    return [f"error={error}" for error, calls in ERRORS.items() if point.call in calls]


def _break(subject: Subject, share: float, list_faults: Callable[[Point], list[str]]) -> Tally:
    strace.require_strace()
    tally = Tally()
    for action in list_actions(subject):
        _break_action(subject, action, share, list_faults, tally)
    return tally


def _break_action(
    subject: Subject,
    action: Action,
    share: float,
    list_faults: Callable[[Point], list[str]],
    tally: Tally,
) -> None:
    """Inject every fault, or an evenly spread share of them, into one command."""
    home, log = _reset(subject, action), subject.folder / "strace.log"
    command = make_command(home, *action.words)
    before = look(home, action)
    points = strace.list_points(fork(command, subject.output), _list_folders(home, action), log)
    expected = look(home, action)
    faults = [(point, fault) for point in points for fault in list_faults(point)]
    for fault, ended in inject_each(
        subject, command, spread(faults, share), lambda: _reset(subject, action), tally
    ):
        tally.add(f"{action.name}, {fault}", judge(home, action, before, expected, ended))


def inject_each(
    subject: Subject,
    command: Callable[[], None],
    faults: Sequence[tuple[Point, str]],
    reset: Callable[[], object],
    tally: Tally,
) -> Iterator[tuple[str, Ended]]:
    """Run a command once with each fault; yield what the fault was and how the command ended.

    Args:
        subject: whose files take the output.
        command: to run in a child.
        faults: points of the command, with the fault of each as strace has it.
        reset: called before each run, to restore what there was before.
        tally: counts the faults that missed their aim, which are not yielded.
    """
    for point, fault in faults:
        reset()
        child = fork(command, subject.output)
        ended, was_hit = strace.inject(child, point, fault, subject.folder / "strace.log")
        if was_hit:
            yield f"{fault} at {point.line}", ended
        else:
            tally.skipped += 1


def _list_folders(home: Path, action: Action) -> list[Path]:
    return [home] if action.file is None else [home, action.file.parent]


def _reset(subject: Subject, action: Action) -> Path:
    """Restore what there was before a command and return the home."""
    if action.file is not None:
        action.file.write_bytes(EARLIER)
    return subject.copy_home()
