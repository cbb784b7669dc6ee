"""Sounds as a caller of the Python API has them, files or arrays → paths that a workflow reads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import soundfile

from edgecl.audio.array_input import check_sample_rate, to_channels
from edgecl.errors import UsageError

Sound = str | Path | Any
"""A path, or an array [samples] or [samples, channels]: floats in −1…1, int16 or int32."""
Recordings = str | Path | Mapping[str, Iterable[Sound]]
"""A folder with one sub-folder of recordings for each label, or label → recordings."""


@contextmanager
def as_folder(recordings: Recordings, sample_rate: int | None) -> Iterator[Path]:
    """Yield a folder of classes; of a mapping a temporary one.

    Raises:
        UsageError: it is neither a folder nor such a mapping, or a label cannot be one.
        AudioError: an array is no sound.
    """
    if isinstance(recordings, str | Path):
        yield Path(recordings)
        return
    if not isinstance(recordings, Mapping):
        raise UsageError(
            f"the recordings are of the type {type(recordings).__name__}",
            "pass a folder, or a mapping from label to recordings",
        )
    with TemporaryDirectory(prefix="edgecl-") as folder:
        for label, sounds in recordings.items():
            _write_class(Path(folder), label, list(sounds), sample_rate)
        yield Path(folder)


def _write_class(folder: Path, label: str, sounds: Sequence[Sound], sample_rate: int | None) -> None:
    if not isinstance(label, str) or Path(label).name != label or label.startswith("."):
        raise UsageError(f"{label!r} cannot be a label", "a label is text without '/' and no leading dot")
    target = folder / label
    target.mkdir()
    for number, sound in enumerate(sounds):
        if isinstance(sound, str | Path):
            path = Path(sound).absolute()
            (target / f"{number:05d}{path.suffix}").symlink_to(path)
        else:
            _write_sound(target / f"{number:05d}.wav", sound, sample_rate)


@contextmanager
def as_file(sound: Sound, sample_rate: int | None) -> Iterator[Path]:
    """Yield the path of a sound; of an array that of a temporary file.

    Raises:
        UsageError: an array comes without a sample rate.
        AudioError: the array is no sound.
    """
    if isinstance(sound, str | Path):
        yield Path(sound)
        return
    with TemporaryDirectory(prefix="edgecl-") as folder:
        path = Path(folder) / "array.wav"
        _write_sound(path, sound, sample_rate)
        yield path


def _write_sound(path: Path, sound: Any, sample_rate: int | None) -> None:
    rate_hz = check_sample_rate(require_rate(sample_rate))
    soundfile.write(path, to_channels(sound, min_samples=1), rate_hz, subtype="FLOAT")


def require_rate(sample_rate: int | None) -> int:
    """Return the sample rate that an array came with.

    Raises:
        UsageError: it came without one.
    """
    if sample_rate is None:
        raise UsageError("an array has no sample rate of its own", "pass sample_rate=…, in Hz")
    return sample_rate
