"""The commands that rows break, and the judgement: the state they leave is the old one or the new one."""

from dataclasses import dataclass
from pathlib import Path

from tools.battery.fork import Ended, run
from tools.battery.subject import OTHER, QUICK, VICTIM, State, Subject, find_damage, make_command, read_state

FIRST_VERSION = "is ready to use"
"""What `enroll` says of a first version, which stays where the training of a better one fails."""


@dataclass(frozen=True)
class Action:
    """A command that changes one task of the prepared home, or writes one file."""

    name: str
    words: tuple[str, ...]
    task: str = VICTIM
    file: Path | None = None
    """File outside the home that it writes."""


@dataclass(frozen=True)
class Before:
    """What there was before a command."""

    state: State
    content: bytes | None
    """Of the file that the command writes."""


def list_actions(subject: Subject) -> list[Action]:
    """Return all commands that change a home."""
    clips, imported = str(subject.clips), str(subject.exported)
    clip = str(subject.clips / "knock" / "0.wav")
    written = subject.folder / "written"  # apart from the output of the commands
    written.mkdir(exist_ok=True)
    file = written / "task.safetensors"
    return [
        Action("enroll", ("enroll", OTHER, clips, *QUICK), OTHER),
        Action("enroll --replace", ("enroll", VICTIM, clips, *QUICK, "--replace", "--seed", "3")),
        Action("correct", ("correct", clip, "--not", f"{VICTIM}/doorbell")),
        Action("undo", ("undo", VICTIM)),
        Action("forget", ("forget", VICTIM)),
        Action("import-task", ("import-task", imported, "--replace")),
        Action("export-task", ("export-task", VICTIM, str(file), "--replace"), VICTIM, file),
    ]


def look(home: Path, action: Action) -> Before:
    """Return what there is before a command."""
    return Before(read_state(home), _read(action.file))


def expect(subject: Subject, action: Action) -> Before:
    """Return what there is after a command that nothing disturbs."""
    home = subject.copy_home()
    ended = run(make_command(home, *action.words), subject.output)
    if ended.code != 0:
        raise RuntimeError(f"'{action.name}' ends with {ended.code}: {ended.messages}")
    return look(home, action)


def judge(home: Path, action: Action, before: Before, expected: Before, ended: Ended) -> str | None:
    """Judge what a command left, killed or not.

    Args:
        home: the home after a restart.
        action: the command.
        before: what there was before.
        expected: what there is after the same command without a fault.
        ended: how the command ended: with exit code 0 it must have left the new state, with another the old.

    Returns:
        A sentence about the damage; None if there is none.
    """
    if ended.crashed:
        return f"it crashed: {ended.messages.strip().splitlines()[-1:]}"
    return compare(action, before, expected, look(home, action), ended) or find_damage(home)


def compare(action: Action, before: Before, expected: Before, after: Before, ended: Ended) -> str | None:
    """Compare what there is with the old state and the new one; return as `judge` does."""
    others = after.state.keys() | before.state.keys()
    if changed := [
        task for task in others - {action.task} if after.state.get(task) != before.state.get(task)
    ]:
        return f"task '{changed[0]}' changed"
    is_old = after == before
    is_new = _is_new(after, before, expected, action.task)
    if not (is_old or is_new):
        return "neither the old state nor the new one is there"
    if ended.code == 0 and not is_new:
        return "it reported success, but the old state is there"
    if ended.code > 0 and not is_old and FIRST_VERSION not in ended.messages:
        return f"it reported a failure, but the new state is there: {ended.messages.strip()}"
    return None


def _is_new(after: Before, before: Before, expected: Before, task: str) -> bool:
    """Return whether a state looks like the expected one; a blob learnt again has another time and hash."""
    if after.content != expected.content:
        return False
    now, then, wanted = (one.state.get(task) for one in (after, before, expected))
    if now is None or wanted is None or set(wanted) <= set(then or ()):
        return now == wanted
    return now[0] not in (then or ()) and now[1:] == wanted[1:]


def _read(file: Path | None) -> bytes | None:
    return file.read_bytes() if file is not None and file.exists() else None
