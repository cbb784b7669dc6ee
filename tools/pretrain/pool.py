"""The pretraining audio: a folder of tars, decoded once into one memory-mapped int16 file."""

import csv
import hashlib
import io
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from edgecl.errors import AudioError

RATE_HZ = 16000


@dataclass(frozen=True)
class Pool:
    """All clips end to end.

    `samples` int16 [total]; `starts` [clips + 1] offsets into it; `source` int [clips] names the tar.
    """

    samples: np.ndarray
    starts: np.ndarray
    source: np.ndarray

    def clip(self, index: int) -> np.ndarray:
        """Waveform float32 [samples] of one clip."""
        return self.samples[self.starts[index] : self.starts[index + 1]].astype(np.float32) / 32768.0

    def weights(self) -> np.ndarray:
        """Drawing probabilities [clips]: half by √length, half so that small sources are heard too."""
        by_length = np.sqrt(np.diff(self.starts))
        by_source = 1.0 / np.sqrt(np.bincount(self.source)[self.source])
        return 0.5 * by_length / by_length.sum() + 0.5 * by_source / by_source.sum()


def open_pool(audio: Path, work: Path) -> Pool:
    """The pool of every tar that `audio/manifest.csv` lists, kept in `work` as pool.i16 and pool.npz.

    It is decoded on the first call, and again when the manifest has changed.
    """
    packed, index = work / "pool.i16", work / "pool.npz"
    manifest = (audio / "manifest.csv").read_bytes()
    if not _is_of(manifest, index):
        _decode(audio, manifest, packed, index)
    with np.load(index) as arrays:
        starts, source = arrays["starts"], arrays["source"]
    return Pool(np.memmap(packed, np.int16, "r"), starts, source)


def _is_of(manifest: bytes, index: Path) -> bool:
    if not index.exists():
        return False
    with np.load(index) as arrays:
        return str(arrays["manifest_sha256"]) == hashlib.sha256(manifest).hexdigest()


def _decode(audio: Path, manifest: bytes, packed: Path, index: Path) -> None:
    """Write both files beside, then rename: the index stands only beside the samples it belongs to."""
    tars = sorted({row["tar"] for row in csv.DictReader(io.StringIO(manifest.decode(), newline=""))})
    lengths, sources = [0], []
    packed_beside, index_beside = packed.with_suffix(".i16.new"), index.with_suffix(".npz.new")
    with packed_beside.open("wb") as out:
        for number, name in enumerate(tars):
            for waveform in _clips(audio / name):
                out.write(waveform.tobytes())
                lengths.append(len(waveform))
                sources.append(number)
    sha256 = hashlib.sha256(manifest).hexdigest()
    with index_beside.open("wb") as out:
        np.savez(out, starts=np.cumsum(lengths), source=np.array(sources), manifest_sha256=sha256)
    index.unlink(missing_ok=True)
    os.replace(packed_beside, packed)
    os.replace(index_beside, index)


def _clips(tar: Path) -> "list[np.ndarray]":
    with tarfile.open(tar) as archive:
        members = sorted((m for m in archive.getmembers() if m.isfile()), key=lambda m: m.name)
        return [_waveform(archive.extractfile(m).read()) for m in members if m.name.endswith(".opus")]  # type: ignore[union-attr]


def _waveform(data: bytes) -> np.ndarray:
    waveform, rate_hz = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    if rate_hz != RATE_HZ:
        raise AudioError(f"the pool is at {RATE_HZ} Hz, a clip is at {rate_hz} Hz", "resample that clip")
    return waveform[:, 0]
