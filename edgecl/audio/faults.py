"""Faults of recordings that are used all the same, and the sentences that report them."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

Fault = Literal["opposite phase", "one channel dead", "wrong sizes"]

SENTENCES: dict[Fault, str] = {
    "opposite phase": "channels are in opposite phase and cancel each other, so one of them is used: "
    "check the plug and the cable of the microphone",
    "one channel dead": "one channel is dead, so another one is used: "
    "check the plug, or record with one channel",
    "wrong sizes": "the header gives wrong sizes, so all sound up to the end of the file is used: "
    "the recorder did not finish it, or counts its header as sound",
}


def describe_faults(found: Iterable[tuple[Path, Iterable[Fault]]]) -> list[str]:
    """Return one sentence for each kind of fault.

    Args:
        found: recordings and their faults.
    """
    paths: dict[Fault, list[Path]] = defaultdict(list)
    for path, faults in found:
        for fault in faults:
            paths[fault].append(path)
    return [f"in {_name_recordings(paths[fault])} {SENTENCES[fault]}" for fault in SENTENCES if paths[fault]]


def _name_recordings(paths: list[Path]) -> str:
    first = repr(str(paths[0]))
    return first if len(paths) == 1 else f"{len(paths)} recordings, such as {first},"
