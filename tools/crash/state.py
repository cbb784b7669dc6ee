"""The state of a store after a restart, and its check: the old or the new one, byte for byte."""

import hashlib
from pathlib import Path

from tools.command import Command, CommandError

State = dict[str, bytes]
"""The blob of every task, by name."""


class DamageError(Exception):
    """A restart found neither the old nor the new state; the message says what it found."""


def read_state(command: Command) -> State:
    """Read every task's blob after a restart, as listed by `verify`.

    Raises:
        DamageError: `verify` failed, or a blob does not match its hash.
    """
    try:
        document = command.document("verify")
    except CommandError as error:
        raise DamageError(f"after a restart, {error}") from None
    return {verdict["task"]: _read_blob(command.home, verdict) for verdict in document["tasks"]}


def _read_blob(home: Path, verdict: dict[str, str]) -> bytes:
    """Read the blob of a task and check its hash."""
    task, sha256 = verdict["task"], verdict["sha256"]
    data = (home / "blobs" / f"{sha256}.safetensors").read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DamageError(f"task '{task}': 'verify' accepts a blob whose bytes do not match its hash")
    return data


def classify_state(before: State, after: State, action: str, victim: str) -> str:
    """Return `old` or `new`, the allowed state that `after` is once `action` on `victim` was killed.

    Raises:
        DamageError: it is neither, or another task changed.
    """
    _demand_others_unchanged(before, after, victim)
    was, now = before.get(victim), after.get(victim)
    if now == was:
        return "old"
    if now is None and action != "forget":
        raise DamageError(f"'{action}' lost task '{victim}': neither its old blob nor a new one is there")
    if now is not None and action == "forget":
        raise DamageError(f"'forget' changed task '{victim}' instead of removing it")
    return "new"


def _demand_others_unchanged(before: State, after: State, victim: str) -> None:
    """Raise DamageError where another task appeared, vanished or changed."""
    for task in sorted((before.keys() | after.keys()) - {victim}):
        if before.get(task) != after.get(task):
            raise DamageError(f"task '{task}' changed, although only '{victim}' was written")
