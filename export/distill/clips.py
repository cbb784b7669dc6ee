"""Unlabelled audio: tars and sound files below a folder, decoded once into one memory-mapped int16 file."""

import hashlib
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from device_runtime.system.progress import Progress
from edgecl.audio.reader import Clip, Limits, RejectedFile, read_or_reject
from edgecl.dataset_folder import AUDIO_SUFFIXES, find_audio_files
from edgecl.errors import AudioError, DatasetError

LIMITS = Limits(max_s=3600.0)
PACKED, INDEX = "clips.i16", "clips.npz"


@dataclass(frozen=True, eq=False)
class Clips:
    """Clips end to end in one file.

    `samples` int16 [total]; `starts` and `stops` [clips] offsets into it; `source` [clips] the number of the
    tar or folder a clip came from; `place` [clips] in 0…1, by a hash of its sound.
    """

    samples: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    source: np.ndarray
    place: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    def waveform(self, index: int) -> np.ndarray:
        """Float32 [samples] of one clip, −1…1."""
        return self.samples[self.starts[index] : self.stops[index]].astype(np.float32) / 32768.0

    def weights(self) -> np.ndarray:
        """Drawing probabilities [clips]: half by √length, half so that small sources are heard too."""
        by_length = np.sqrt(self.stops - self.starts)
        by_source = 1.0 / np.sqrt(np.bincount(self.source)[self.source])
        return 0.5 * by_length / by_length.sum() + 0.5 * by_source / by_source.sum()

    def split(self, share: float) -> "tuple[Clips, Clips]":
        """Clips to learn from, and a share (one at least) that is held out.

        A clip's hash decides, so that copies of a sound fall on one side, in every run.
        """
        held_out = self.place <= max(share, self.place.min())
        if held_out.all():
            raise DatasetError("all clips are the same sound, or there is one only", "add more recordings")
        return self._only(~held_out), self._only(held_out)

    def _only(self, chosen: np.ndarray) -> "Clips":
        parts = (self.starts, self.stops, self.source, self.place)
        return Clips(self.samples, *(part[chosen] for part in parts))


def open_clips(store: Path) -> Clips:
    """What `decode` has put into the folder `store`."""
    with np.load(store / INDEX) as index:
        arrays = [index[name] for name in ("starts", "stops", "source", "place")]
    return Clips(np.memmap(store / PACKED, np.int16, "r"), *arrays)


def decode(audio: Path, store: Path, progress: Progress) -> list[RejectedFile]:
    """Fill `store` with every sound below `audio`, unless it is there already; the files that were left out.

    A source is a tar, or what lies below one folder of `audio`. Both files are written beside, then renamed:
    the index stands only beside the samples it belongs to.

    Raises:
        UsageError: there is no such folder, or no sound in it.
        DatasetError: no file in it can be used.
    """
    files = _listing(audio)
    identity = _identity(files, audio)
    if _holds(store, identity):
        return []
    refused: list[RejectedFile] = []
    lengths, sources, places = [], [], []
    with (store / f"{PACKED}.new").open("wb") as out:
        for source, clip in _decoded(files, audio, refused, progress):
            samples = np.round(np.clip(clip.waveform, -1.0, 32767 / 32768) * 32768.0).astype(np.int16)
            out.write(samples.tobytes())
            lengths.append(len(samples))
            sources.append(source)
            places.append(_place(samples))
    if not lengths:
        raise DatasetError(f"no file below '{audio}' can be used: {refused[0].reason}", refused[0].hint)
    stops = np.cumsum(lengths)
    with (store / f"{INDEX}.new").open("wb") as out:
        arrays = {"starts": stops - lengths, "stops": stops, "source": sources, "place": places}
        np.savez(out, **arrays, identity=identity)
    (store / INDEX).unlink(missing_ok=True)
    os.replace(store / f"{PACKED}.new", store / PACKED)
    os.replace(store / f"{INDEX}.new", store / INDEX)
    return refused


def _listing(audio: Path) -> list[Path]:
    tars = sorted(audio.glob("*.tar"))
    return tars or find_audio_files([audio])


def _identity(files: list[Path], audio: Path) -> str:
    stats = [(str(file.relative_to(audio)), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()


def _holds(store: Path, identity: str) -> bool:
    if not (store / INDEX).exists():
        return False
    with np.load(store / INDEX) as index:
        return str(index["identity"]) == identity


def _place(samples: np.ndarray) -> float:
    return int.from_bytes(hashlib.sha256(samples.tobytes()).digest()[:6]) / 2**48


def _decoded(
    files: list[Path], audio: Path, refused: list[RejectedFile], progress: Progress
) -> Iterator[tuple[int, Clip]]:
    """(number of the source, clip) for every sound that can be used."""
    sources: dict[str, int] = {}
    total = sum(file.stat().st_size for file in files)
    done = 0
    for file in files:
        source = sources.setdefault(file.relative_to(audio).parts[0], len(sources))
        for found, size_bytes in _members(file) if file.suffix == ".tar" else [_single(file)]:
            if isinstance(found, Clip):
                yield source, found
            else:
                refused.append(found)
            done += size_bytes
            progress("decoding (MB)", done >> 20, total >> 20)


def _single(file: Path) -> tuple[Clip | RejectedFile, int]:
    return read_or_reject(file, LIMITS), file.stat().st_size


def _members(tar: Path) -> Iterator[tuple[Clip | RejectedFile, int]]:
    """The sounds in a tar in the order of their names, each unpacked on its own."""
    try:
        with tarfile.open(tar) as archive, tempfile.TemporaryDirectory() as folder:
            for member in sorted(archive.getmembers(), key=lambda member: member.name):
                if member.isfile() and Path(member.name).suffix.lower() in AUDIO_SUFFIXES:
                    archive.extract(member, folder, filter="data")
                    path = Path(folder) / member.name
                    yield read_or_reject(path, LIMITS), member.size
                    path.unlink()
    except tarfile.TarError as error:
        raise AudioError(f"'{tar}' cannot be unpacked: {error}", "copy it again") from error
