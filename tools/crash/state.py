"""What a restart finds, and the rule it must obey: the old state or the new one, byte for byte."""

import hashlib
from pathlib import Path

from tools.command import Command, CommandError

State = dict[str, bytes]
"""The blob of every task, by name."""


class DamageError(Exception):
    """A restart found neither the old state nor the new one; the text says what it found."""


def read_state(command: Command) -> State:
    """Every task and its blob, as the next start of edgecl finds them and `verify` judges them."""
    try:
        document = command.document("verify")
    except CommandError as error:
        raise DamageError(f"after a restart, {error}") from None
    return {verdict["task"]: _blob(command.home, verdict) for verdict in document["tasks"]}


def _blob(home: Path, verdict: dict[str, str]) -> bytes:
    """The bytes of one task, once they are what the registry promises."""
    task, sha256 = verdict["task"], verdict["sha256"]
    data = (home / "blobs" / f"{sha256}.safetensors").read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DamageError(f"task '{task}': 'verify' accepts a blob whose bytes do not match its hash")
    return data


def judged(before: State, after: State, action: str, victim: str) -> str:
    """`old` or `new`: which of the two allowed states `after` is, once `action` on `victim` was cut short."""
    _demand_others_unmoved(before, after, victim)
    was, now = before.get(victim), after.get(victim)
    if now == was:
        return "old"
    if now is None and action != "forget":
        raise DamageError(f"'{action}' lost task '{victim}': neither its old blob nor a new one is there")
    if now is not None and action == "forget":
        raise DamageError(f"'forget' changed task '{victim}' instead of removing it")
    return "new"


def _demand_others_unmoved(before: State, after: State, victim: str) -> None:
    """Raises DamageError where a task that nobody touched came, went or changed."""
    for task in sorted((before.keys() | after.keys()) - {victim}):
        if before.get(task) != after.get(task):
            raise DamageError(f"task '{task}' changed, although only '{victim}' was being worked on")
