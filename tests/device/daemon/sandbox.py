"""Run a command as the unit of the system would confine it, as far as a process can confine itself.

`find_sandbox` returns the words to put before a command. They forbid memory that is both writable and
executable, and filter system calls and address families by the lines of the unit, with libseccomp and the
groups of calls that systemd-analyze prints.
"""

import ctypes
import ctypes.util
import os
import shutil
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

PR_SET_NO_NEW_PRIVS, PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN = 38, 65, 1
ALLOW, REFUSE_WITH_EPERM = 0x7FFF0000, 0x00050001
EQUAL = 4


class Comparison(ctypes.Structure):
    """`struct scmp_arg_cmp`: a condition on an argument of a system call."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def is_confined(pid: int) -> bool:
    """Return whether a filter of system calls is in force for a process."""
    return "\nSeccomp:\t2\n" in Path(f"/proc/{pid}/status").read_text()


@cache
def find_sandbox() -> tuple[str, ...]:
    """Return the words to put before a command; none where this machine lacks the tools."""
    if not (shutil.which("systemd-analyze") and ctypes.util.find_library("seccomp")):
        return ()
    from device_runtime.system.systemd_unit import render_system_unit  # noqa: PLC0415

    lines = [line.split("=", 1) for line in render_system_unit().splitlines() if "=" in line]
    filters = [value for key, value in lines if key == "SystemCallFilter"]
    families = " ".join(value for key, value in lines if key == "RestrictAddressFamilies")
    denies_exec = "yes" if ["MemoryDenyWriteExecute", "yes"] in lines else "no"
    allowed = set[str]()
    for words in filters:
        names = {name for word in words.removeprefix("~").split() for name in expand(word)}
        allowed = allowed - names if words.startswith("~") else allowed | names
    return (sys.executable, str(Path(__file__)), denies_exec, families, " ".join(sorted(allowed)))


def expand(word: str) -> set[str]:
    """Return the system calls of a group such as `@file-system`, or the call itself."""
    if not word.startswith("@"):
        return {word}
    done = subprocess.run(
        ["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True
    )
    members = [line.strip() for line in done.stdout.splitlines()[1:]]
    return {name for member in members if member and not member.startswith("#") for name in expand(member)}


def confine(denies_exec: str, families: str, calls: str) -> None:
    """Confine this process and its children."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    if denies_exec == "yes":
        libc.prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)  # kernels before 6.3 lack it
    library = ctypes.CDLL(ctypes.util.find_library("seccomp"))
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(REFUSE_WITH_EPERM))
    for name in calls.split():
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0 and name != "socket":  # others are of another architecture
            assert library.seccomp_rule_add(context, ALLOW, number, 0) == 0
    number = library.seccomp_syscall_resolve_name(b"socket")
    for family in families.split():
        condition = Comparison(0, EQUAL, int(getattr(socket, family)), 0)
        assert library.seccomp_rule_add_array(context, ALLOW, number, 1, ctypes.byref(condition)) == 0
    assert library.seccomp_load(context) == 0


if __name__ == "__main__":
    confine(*sys.argv[1:4])
    os.execv(sys.argv[4], sys.argv[4:])
