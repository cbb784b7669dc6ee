"""Turns recordings into tokens: the backbone runs once per recording, and the cache keeps the result."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from device_runtime.data.dataset_builder import DatasetBuilder
from device_runtime.data.ingest import IngestResult, Recording
from device_runtime.data.token_cache import TokenCache
from device_runtime.model.augmentation import load_augmenter
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


@dataclass
class TokenExtractor:
    """Extracts the tokens of recordings, or reads them from the cache."""

    runtime: Runtime
    cache: TokenCache
    progress: Progress
    stopwatch: Stopwatch  # with the stages "decode", "backbone" and "varying"
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
        loaded = self.stopwatch.each("decode", look_ahead(self._load, ingest.recordings))
        for number, (recording, found) in enumerate(zip(ingest.recordings, loaded, strict=True)):
            self.progress("extracting features", number, count)
            if isinstance(found, RejectedFile):
                rejected[recording] = found
                continue
            self.from_cache += found.sound is not None
            sound = self._complete(recording.sha256, found.sound, found.sound_windows)
            builder.add(recording.to_training_clip(len(sound), origin), sound)
            if found.background is not None or len(found.background_windows):
                rest = self._complete(recording.background_key, found.background, found.background_windows)
                builder.add(recording.to_background_clip(len(rest), negative), rest)
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

        varied = self.stopwatch.each("varying", look_ahead(vary, ingest.recordings))
        for number, (recording, found) in enumerate(zip(ingest.recordings, varied, strict=True)):
            self.progress("augmenting", number, count)
            if not isinstance(found, RejectedFile):
                key = make_copies_key(recording.sha256)
                tokens = self._complete(key, found.sound, found.sound_windows, "varying")
                builder.add_copies(clips[recording.sha256], tokens[: windows[recording.sha256]])
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

    def _complete(self, key: str, tokens: Tokens | None, windows: Windows, stage: str = "backbone") -> Tokens:
        """Return tokens [N, tokens, D] from the cache, or compute them and put them there.

        Args:
            key: of the tokens in the cache.
            tokens: what the cache has.
            windows: to compute them from otherwise, [N, samples].
            stage: of the stopwatch.
        """
        if tokens is None:
            with self.stopwatch(stage):
                tokens = self.runtime.backbone.extract_tokens(windows)
            self.cache.put(key, tokens)
        return tokens

    def _read(self, recording: Recording) -> Waveform | RejectedFile:
        """Read the waveform [samples] of a recording, if it is still the one that was checked."""
        clip = read_or_reject(recording.path, LONG_LIMITS, self.runtime.rate_hz)
        if isinstance(clip, RejectedFile):
            return clip
        if clip.sha256 != recording.sha256:
            reason = f"{str(recording.path)!r} changed while it was being read"
            return RejectedFile(recording.path, reason, "try again once it is fully written")
        return clip.waveform
