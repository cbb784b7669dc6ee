"""Turns recordings into tokens: the backbone runs once per recording, and the cache keeps the result.

    files ─► one thread: decode, cut, augment ─► threads: backbone, a recording each ─► cache, dataset

Several recordings at a time use the cores of a board better than several threads for each operator of one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np

from device_runtime.data.dataset_builder import DatasetBuilder
from device_runtime.data.ingest import IngestResult, Recording
from device_runtime.data.token_cache import TokenCache
from device_runtime.model.augmentation import load_augmenter
from device_runtime.model.backbone import Backbone
from device_runtime.model.runtime import Runtime
from device_runtime.system.look_ahead import look_ahead
from device_runtime.system.progress import Progress
from device_runtime.system.timing import Stopwatch
from edgecl.arrays import Tokens, Waveform, Windows
from edgecl.audio.reader import LONG_LIMITS, RejectedFile, read_or_reject
from edgecl.augmentation.augmenter import Augmenter
from edgecl.augmentation.copies_key import make_copies_key
from edgecl.store.training_set import Origin
from edgecl.windows import has_background, split_recording


def _no_windows() -> Windows:
    return np.zeros((0, 0), np.float32)


@dataclass(frozen=True)
class _Material:
    """What there is of a recording: tokens from the cache, or windows to compute them from."""

    sound: Tokens | None = None  # [N, tokens, D]
    background: Tokens | None = None
    sound_windows: Windows = field(default_factory=_no_windows)  # [N, samples]
    background_windows: Windows = field(default_factory=_no_windows)


@dataclass(frozen=True)
class _Extracted:
    """The tokens [N, tokens, D] of a recording, and whether they were computed."""

    sound: Tokens
    background: Tokens | None  # None: it has none
    is_sound_new: bool
    is_background_new: bool

    @classmethod
    def compute(cls, backbone: Backbone, material: _Material | RejectedFile) -> "_Extracted | RejectedFile":
        """Run the backbone over the windows whose tokens are not in the cache."""
        if isinstance(material, RejectedFile):
            return material
        sound, background = material.sound, material.background
        is_sound_new = sound is None
        is_background_new = background is None and len(material.background_windows) > 0
        return cls(
            backbone.extract_tokens(material.sound_windows) if sound is None else sound,
            backbone.extract_tokens(material.background_windows) if is_background_new else background,
            is_sound_new,
            is_background_new,
        )


@dataclass
class TokenExtractor:
    """Extracts the tokens of recordings, or reads them from the cache."""

    runtime: Runtime
    cache: TokenCache
    progress: Progress
    stopwatch: Stopwatch  # with the stages "backbone" and "varying", which decode as well
    from_cache: int = field(default=0, init=False)  # number of recordings whose tokens were in the cache

    def extract(
        self, ingest: IngestResult, origin: Origin, negative: str, builder: DatasetBuilder
    ) -> IngestResult:
        """Add the tokens of all recordings to a dataset.

        Args:
            ingest: the recordings.
            origin: how they come into the training set.
            negative: label of what long recordings hold beside their sound.
            builder: the dataset to add them to.

        Returns:
            The ingest result without recordings that cannot be read any more.

        Raises:
            DatasetError: too few recordings of a class are left.
        """
        rejected: dict[Recording, RejectedFile] = {}
        self.cache.protect(ingest.clips_by_class())
        count = len(ingest.recordings)
        extracted = self.stopwatch.each("backbone", self._compute(look_ahead(self._load, ingest.recordings)))
        for number, (recording, found) in enumerate(zip(ingest.recordings, extracted, strict=True)):
            self.progress("extracting features", number, count)
            if isinstance(found, RejectedFile):
                rejected[recording] = found
                continue
            self.from_cache += not found.is_sound_new
            if found.is_sound_new:
                self.cache.put(recording.sha256, found.sound)
            builder.add(recording.to_training_clip(len(found.sound), origin), found.sound)
            if found.background is not None:
                if found.is_background_new:
                    self.cache.put(recording.background_key, found.background)
                rest = recording.to_background_clip(len(found.background), negative)
                builder.add(rest, found.background)
        self.progress("extracting features", count, count)
        return ingest.reject(rejected)

    def augment(self, ingest: IngestResult, copies: int, builder: DatasetBuilder) -> None:
        """Add augmented copies of each recording; a recording that cannot be read any more gets none.

        Args:
            ingest: the recordings, as `extract` returned them.
            copies: number of copies of each window.
            builder: the dataset that `extract` added the recordings to.
        """
        if not copies:
            return
        clips, count = {clip.clip_sha256: clip for clip in builder.training_set}, len(ingest.recordings)
        windows = {sha256: copies * clip.windows for sha256, clip in clips.items()}

        def vary(recording: Recording) -> _Material | RejectedFile:
            return self._vary(recording, windows[recording.sha256], copies)

        varied = self.stopwatch.each("varying", self._compute(look_ahead(vary, ingest.recordings)))
        for number, (recording, found) in enumerate(zip(ingest.recordings, varied, strict=True)):
            self.progress("augmenting", number, count)
            if not isinstance(found, RejectedFile):
                if found.is_sound_new:
                    self.cache.put(make_copies_key(recording.sha256), found.sound)
                builder.add_copies(clips[recording.sha256], found.sound[: windows[recording.sha256]])
        self.progress("augmenting", count, count)

    @cached_property
    def _augmenter(self) -> Augmenter:
        return load_augmenter(self.runtime.bundle)

    def _load(self, recording: Recording) -> _Material | RejectedFile:
        """Find the tokens of a recording in the cache, or read it and split it into windows."""
        sound, background = self.cache.get(recording.sha256), self.cache.get(recording.background_key)
        samples = round(recording.duration_s * self.runtime.rate_hz)
        is_long = has_background(samples, self.runtime.window_samples)
        if sound is not None and (background is not None or not is_long):
            return _Material(sound, background)
        waveform = self._read(recording)
        if isinstance(waveform, RejectedFile):
            return waveform
        return _Material(sound, background, *split_recording(waveform, self.runtime.window_samples))

    def _vary(self, recording: Recording, windows: int, copies: int) -> _Material | RejectedFile:
        """Find the tokens of enough copies in the cache, or make the copies."""
        tokens = self.cache.get(make_copies_key(recording.sha256))
        if tokens is not None and len(tokens) >= windows:
            return _Material(tokens)
        waveform = self._read(recording)
        if isinstance(waveform, RejectedFile):
            return waveform
        return _Material(sound_windows=self._augmenter.augment(waveform, copies))

    def _compute(self, materials: Iterator[_Material | RejectedFile]) -> Iterator[_Extracted | RejectedFile]:
        """Yield the tokens of recordings, computed by as many threads as the runtime has."""
        return look_ahead(partial(_Extracted.compute, self._backbone), materials, self.runtime.threads)

    @cached_property
    def _backbone(self) -> Backbone:
        """The backbone with one thread per operator."""
        one_thread = self.runtime.threads == 1
        return self.runtime.backbone if one_thread else Backbone(self.runtime.bundle, threads=1)

    def _read(self, recording: Recording) -> Waveform | RejectedFile:
        """Read the waveform [samples] of a recording, if it is still the one that was checked."""
        clip = read_or_reject(recording.path, LONG_LIMITS, self.runtime.rate_hz)
        if isinstance(clip, RejectedFile):
            return clip
        if clip.sha256 != recording.sha256:
            reason = f"{str(recording.path)!r} changed while it was being read"
            return RejectedFile(recording.path, reason, "try again once it is fully written")
        return clip.waveform
