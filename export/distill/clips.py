"""Audio to train with: tars and sound files of folders, decoded once into one memory-mapped int16 file."""

import csv
import hashlib
import json
import os
import tarfile
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from device_runtime.system.progress import Progress
from edgecl.audio.reader import Clip, Limits, RejectedFile, read_or_reject
from edgecl.dataset_folder import AUDIO_SUFFIXES, find_audio_files
from edgecl.errors import AudioError, DatasetError

LIMITS = Limits(max_s=3600.0)
PACKED, INDEX, MANIFEST = "clips.i16", "clips.npz", "manifest.csv"


@dataclass(frozen=True, eq=False)
class Clips:
    """Clips, concatenated in one file.

    Attributes:
        samples: all samples, int16 [total].
        starts: offset of each clip's first sample, [clips].
        stops: offset after each clip's last sample, [clips].
        sources: number of the tar or folder of each clip, [clips].
        split_values: hash of each clip's samples as a number in 0…1, [clips].
        labels: label of each clip, empty without one, [clips].
    """

    samples: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    sources: np.ndarray
    split_values: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    def load_waveform(self, index: int) -> np.ndarray:
        """Return the waveform of one clip, float32 [samples] in −1…1."""
        return self.samples[self.starts[index] : self.stops[index]].astype(np.float32) / 32768.0

    def probabilities(self) -> np.ndarray:
        """Return sampling probabilities [clips]: half by √length, half in favour of small sources."""
        by_length = np.sqrt(self.stops - self.starts)
        by_source = 1.0 / np.sqrt(np.bincount(self.sources)[self.sources])
        return 0.5 * by_length / by_length.sum() + 0.5 * by_source / by_source.sum()

    def split(self, share: float) -> "tuple[Clips, Clips]":
        """Split into training clips and a share of held-out clips, at least one.

        The split is by the hash of a clip: copies of a sound are on one side, in every run.

        Raises:
            DatasetError: all clips are copies of one.
        """
        held_out = self.split_values <= max(share, self.split_values.min())
        if held_out.all():
            raise DatasetError("there is only one clip, or all are the same sound", "add more recordings")
        return self.select(~held_out), self.select(held_out)

    def select_sources(self, numbers: Collection[int]) -> "Clips":
        """Return the clips of some tars or folders."""
        return self.select(np.isin(self.sources, list(numbers)))

    def select(self, mask: np.ndarray) -> "Clips":
        """Return the clips of a mask, [clips]."""
        parts = (self.starts, self.stops, self.sources, self.split_values, self.labels)
        return Clips(self.samples, *(part[mask] for part in parts))


@dataclass(frozen=True)
class SourceFile:
    """A tar or a sound file."""

    path: Path
    source: str
    """Name of the tar or sub-folder."""
    name: str
    """Its path below the folder that it was found in."""


def open_clips(store: Path) -> Clips:
    """Open the clips that `decode` wrote to the folder `store`."""
    with np.load(store / INDEX) as index:
        arrays = [index[name] for name in ("starts", "stops", "source", "place", "label")]
    return Clips(np.memmap(store / PACKED, np.int16, "r"), *arrays)


def decode(audio: Sequence[Path], store: Path, progress: Progress) -> list[RejectedFile]:
    """Decode all sounds of tars, or below folders, to `store`, unless they are there already.

    A source is a tar or a sub-folder. The label of a file is the name of its folder; that of a tar's member
    is in the table manifest.csv beside the tar, if there is one.

    Returns:
        The rejected files.

    Raises:
        UsageError: the folder does not exist, or contains no sound.
        DatasetError: no file in it can be used.
    """
    files = [file for folder in audio for file in _list_files(folder)]
    identity = _compute_identity(files)
    if is_current(store, identity):
        return []
    rejected: list[RejectedFile] = []
    if not write_clips(store, identity, _read_clips(files, rejected, progress)):
        places = ", ".join(f"'{folder}'" for folder in audio)
        raise DatasetError(f"no file below {places} can be used: {rejected[0].reason}", rejected[0].hint)
    return rejected


def write_clips(store: Path, identity: str, clips: Iterable[tuple[int, str, np.ndarray]]) -> bool:
    """Write clips to the folder `store`; return whether there are any.

    Both files are written under temporary names and then renamed, so the index never belongs to other
    samples.

    Args:
        store: created if necessary.
        identity: what the clips are made from, see `is_current`.
        clips: source, label and waveform [samples] of each.
    """
    store.mkdir(parents=True, exist_ok=True)
    lengths, sources, split_values, labels = [], [], [], []
    with (store / f"{PACKED}.new").open("wb") as out:
        for source, label, waveform in clips:
            samples = np.round(np.clip(waveform, -1.0, 32767 / 32768) * 32768.0).astype(np.int16)
            out.write(samples.tobytes())
            lengths.append(len(samples))
            sources.append(source)
            labels.append(label)
            split_values.append(_split_value(samples))
    if not lengths:
        return False
    stops = np.cumsum(lengths)
    with (store / f"{INDEX}.new").open("wb") as out:
        arrays = {"starts": stops - lengths, "stops": stops, "source": sources, "place": split_values}
        np.savez(out, **arrays, label=labels, identity=identity)
    (store / INDEX).unlink(missing_ok=True)
    os.replace(store / f"{PACKED}.new", store / PACKED)
    os.replace(store / f"{INDEX}.new", store / INDEX)
    return True


def is_current(store: Path, identity: str) -> bool:
    """Return whether the folder `store` holds the clips of this identity."""
    if not (store / INDEX).exists():
        return False
    with np.load(store / INDEX) as index:
        return "label" in index and str(index["identity"]) == identity


def list_sources(audio: Path) -> list[str]:
    """Return the names of the tars or sub-folders of a folder, in the order of their numbers."""
    return list(dict.fromkeys(file.source for file in _list_files(audio)))


def _list_files(audio: Path) -> list[SourceFile]:
    if audio.suffix == ".tar":
        return [SourceFile(audio, audio.name, audio.name)]
    found = sorted(audio.glob("*.tar")) or find_audio_files([audio])
    names = [file.relative_to(audio) for file in found]
    return [SourceFile(file, name.parts[0], str(name)) for file, name in zip(found, names, strict=True)]


def _compute_identity(files: Sequence[SourceFile]) -> str:
    """Hash names, sizes and modification times."""
    stats = [(file.name, file.path.stat().st_size, file.path.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()


def _split_value(samples: np.ndarray) -> float:
    return int.from_bytes(hashlib.sha256(samples.tobytes()).digest()[:6]) / 2**48


def _read_clips(
    files: Sequence[SourceFile], rejected: list[RejectedFile], progress: Progress
) -> Iterator[tuple[int, str, np.ndarray]]:
    """Yield source number, label and waveform of every usable sound; append the others to `rejected`."""
    sources: dict[str, int] = {}
    total = sum(file.path.stat().st_size for file in files)
    done = 0
    for file in files:
        source = sources.setdefault(file.source, len(sources))
        read = _read_tar if file.path.suffix == ".tar" else _read_file
        for label, result, size_bytes in read(file):
            if isinstance(result, Clip):
                yield source, label, result.waveform
            else:
                rejected.append(result)
            done += size_bytes
            progress("decoding (MB)", done >> 20, total >> 20)


def _read_file(file: SourceFile) -> Iterator[tuple[str, Clip | RejectedFile, int]]:
    yield Path(file.name).parent.name, read_or_reject(file.path, LIMITS), file.path.stat().st_size


def _read_tar(file: SourceFile) -> Iterator[tuple[str, Clip | RejectedFile, int]]:
    """Yield label, sound and size in bytes of the sounds of a tar, by name; each is unpacked separately."""
    labels = _read_labels(file.path)
    try:
        with tarfile.open(file.path) as archive, tempfile.TemporaryDirectory() as folder:
            for member in sorted(archive.getmembers(), key=lambda member: member.name):
                if member.isfile() and Path(member.name).suffix.lower() in AUDIO_SUFFIXES:
                    archive.extract(member, folder, filter="data")
                    path = Path(folder) / member.name
                    yield labels.get(member.name, ""), read_or_reject(path, LIMITS), member.size
                    path.unlink()
    except tarfile.TarError as error:
        raise AudioError(f"'{file.path}' cannot be unpacked: {error}", "copy it again") from error


def _read_labels(tar: Path) -> dict[str, str]:
    """Return the labels of a tar's members: columns tar, member and label of manifest.csv beside it."""
    manifest = tar.with_name(MANIFEST)
    if not manifest.is_file():
        return {}
    with manifest.open(newline="") as table:
        return {row["member"]: row["label"] for row in csv.DictReader(table) if row["tar"] == tar.name}
