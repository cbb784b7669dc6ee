"""Faults of recordings that are used all the same, and the sentences that report them."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from edgecl.arrays import Waveform
from edgecl.audio.channels import ChannelStatistics
from edgecl.audio.levels import loudest_moment_dbfs

Fault = Literal["opposite phase", "one channel dead", "wrong sizes", "too soft", "excerpts"]

SOFT_DBFS = -50.0
"""Level that the loudest tenth of a second has to reach."""
SOFT_SHARE = 0.5
"""Share of the recordings that have to be too soft before it is reported: single sounds may be."""

SENTENCES: dict[Fault, str] = {
    "opposite phase": "channels are in opposite phase and cancel each other, so one of them is used: "
    "check the plug and the cable of the microphone",
    "one channel dead": "one channel is dead, so another one is used: "
    "check the plug, or record with one channel",
    "excerpts": "there is too much sound, so excerpts that are spread evenly over it are used",
    "wrong sizes": "the header gives wrong sizes, so all sound up to the end of the file is used: "
    "the recorder did not finish it, or counts its header as sound",
    "too soft": f"the sound is too soft, never above {SOFT_DBFS:g} dBFS: "
    "turn the input gain up, or record from nearer",
}


def find_faults(statistics: ChannelStatistics, waveform: Waveform, rate_hz: int) -> tuple[Fault, ...]:
    """Return the faults of a recording.

    Args:
        statistics: Of its channels.
        waveform: The channels mixed, [samples].
        rate_hz: The sample rate of the waveform.
    """
    faults = list[Fault]()
    if channel_fault := statistics.find_fault():
        faults.append(channel_fault)
    if loudest_moment_dbfs(waveform, rate_hz) < SOFT_DBFS:
        faults.append("too soft")
    return tuple(faults)


def describe_faults(found: Iterable[tuple[Path, Iterable[Fault]]]) -> list[str]:
    """Return one sentence for each kind of fault.

    Args:
        found: recordings and their faults.
    """
    recordings = list(found)
    paths: dict[Fault, list[Path]] = defaultdict(list)
    for path, faults in recordings:
        for fault in faults:
            paths[fault].append(path)
    if len(paths["too soft"]) < SOFT_SHARE * len(recordings):
        del paths["too soft"]
    return [f"in {_name_recordings(paths[fault])} {SENTENCES[fault]}" for fault in SENTENCES if paths[fault]]


def _name_recordings(paths: list[Path]) -> str:
    first = repr(str(paths[0]))
    return first if len(paths) == 1 else f"{len(paths)} recordings, such as {first},"
