"""Rows: too little disk, memory, file size or descriptors for a command."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from itertools import product
from pathlib import Path

from tools.battery.actions import Action, Before, expect, judge, list_actions, look
from tools.battery.fork import Ended, run
from tools.battery.subject import OTHER, Subject, find_damage, make_command
from tools.battery.tally import NotPossibleHereError, Tally, spread

BLOCK_BYTES = 4096
FREE_BLOCKS = range(0, 200)
"""Blocks that are free for a command; it needs some 50 for a blob, its journal, and cached tokens."""
DISK_BYTES = 4 << 20
NEW_DISKS_BYTES = tuple(1 << power for power in range(16, 24))
FILE_BYTES = range(0, 160 << 10, 1 << 10)
DESCRIPTORS = range(3, 60)
MEMORY_BYTES = range(0, 200 << 20, 2 << 20)
"""Address space beyond what the process has when it starts."""
LIMITS = {
    resource.RLIMIT_FSIZE: FILE_BYTES,
    resource.RLIMIT_NOFILE: DESCRIPTORS,
    resource.RLIMIT_AS: MEMORY_BYTES,
}
BROKEN_OFF = Ended(-1, "")
"""Memory may run out anywhere, so a command may end as if it was killed."""


def fill_disks(subject: Subject, share: float) -> Tally:
    """Run every command on a disk that has room for a few blocks, or is new and small."""
    tally, disk, expected = Tally(), subject.folder / "disk", cache(partial(expect, subject))
    disk.mkdir()
    for action, blocks in spread([*product(_list_changes(subject), FREE_BLOCKS)], share):
        wanted = expected(action)
        with _mount(disk, DISK_BYTES):
            tally.add(f"{action.name}, {blocks} blocks free", _fill(subject, action, disk, blocks, wanted))
    for size_bytes in spread(NEW_DISKS_BYTES, share):
        with _mount(disk, size_bytes):
            run(make_command(disk / "home", "enroll", OTHER, str(subject.clips)), subject.output)
            tally.add(f"enroll on a disk of {size_bytes} bytes", _look_at_new(disk / "home"))
    disk.rmdir()
    return tally


def lower_limits(subject: Subject, share: float) -> Tally:
    """Run every command with too low limits."""
    tally, expected = Tally(), cache(partial(expect, subject))
    limits = [(kind, limit) for kind, values in LIMITS.items() for limit in values]
    for action, (kind, limit) in spread([*product(_list_changes(subject), limits)], share):
        wanted, home = expected(action), subject.copy_home()
        before = look(home, action)
        ended = run(_limit(make_command(home, *action.words), kind, limit), subject.output)
        if kind == resource.RLIMIT_AS and ended.code != 0:
            ended = BROKEN_OFF
        tally.add(f"{action.name}, limit {kind} at {limit}", judge(home, action, before, wanted, ended))
    return tally


def _list_changes(subject: Subject) -> list[Action]:
    return [action for action in list_actions(subject) if action.file is None]


def _fill(subject: Subject, action: Action, disk: Path, blocks: int, expected: Before) -> str | None:
    home, filler = disk / "home", disk / "filler"
    subprocess.run(["cp", "-r", str(subject.home), str(home)], check=True)
    before = look(home, action)
    free = os.statvfs(disk).f_bavail
    filler.write_bytes(bytes(max(0, free - blocks) * BLOCK_BYTES))
    ended = run(make_command(home, *action.words), subject.output)
    filler.unlink()
    if action.name in ("forget", "undo") and ended.code != 0:
        return f"it failed, although it needs no room: {ended.messages}"
    return judge(home, action, before, expected, ended)


def _look_at_new(home: Path) -> str | None:
    return find_damage(home) if home.exists() else None


def _limit(command: Callable[[], None], kind: int, limit: int) -> Callable[[], None]:
    """Return a command that lowers a limit of its process first."""

    def limited() -> None:
        start = _address_space_bytes() if kind == resource.RLIMIT_AS else 0
        resource.setrlimit(kind, (start + limit, resource.getrlimit(kind)[1]))
        command()

    return limited


def _address_space_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


@contextmanager
def _mount(folder: Path, size_bytes: int) -> Iterator[None]:
    """Mount an empty disk in memory.

    Raises:
        NotPossibleHereError: this user or container may not mount.
    """
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        folder.rmdir()
        raise NotPossibleHereError(f"a disk cannot be mounted: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # a child may still be ending
