"""Turns recordings into tokens: the backbone runs once per recording, and the cache keeps the result."""

import contextlib
from dataclasses import dataclass, field
from functools import cached_property

from device_runtime.data.dataset_builder import DatasetBuilder
from device_runtime.data.ingest import IngestResult, Recording
from device_runtime.data.token_cache import TokenCache
from device_runtime.model.augmentation import load_augmenter
from device_runtime.model.runtime import Runtime
from device_runtime.system.progress import Progress
from device_runtime.system.timing import Stopwatch
from edgecl.arrays import Tokens, Waveform, Windows
from edgecl.audio.reader import LONG_LIMITS, RejectedFile, read_clip
from edgecl.augmentation.augmenter import Augmenter
from edgecl.augmentation.copies_key import make_copies_key
from edgecl.errors import AudioError
from edgecl.store.training_set import Origin
from edgecl.windows import has_background, split_recording


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
        for number, recording in enumerate(ingest.recordings):
            self.progress("extracting features", number, len(ingest.recordings))
            try:
                tokens, background = self._extract_tokens(recording)
            except AudioError as error:
                rejected[recording] = RejectedFile(recording.path, error.message, error.hint)
            else:
                builder.add(recording.to_training_clip(len(tokens), origin), tokens)
                if len(background):
                    builder.add(recording.to_background_clip(len(background), negative), background)
        self.progress("extracting features", len(ingest.recordings), len(ingest.recordings))
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
        clips = {clip.clip_sha256: clip for clip in builder.training_set}
        for number, recording in enumerate(ingest.recordings):
            self.progress("augmenting", number, len(ingest.recordings))
            clip = clips[recording.sha256]
            with contextlib.suppress(AudioError):
                builder.add_copies(clip, self._augment(recording, copies * clip.windows, copies))
        self.progress("augmenting", len(ingest.recordings), len(ingest.recordings))

    @cached_property
    def _augmenter(self) -> Augmenter:
        return load_augmenter(self.runtime.bundle)

    def _augment(self, recording: Recording, windows: int, copies: int) -> Tokens:
        """Return the tokens [windows, tokens, D] of augmented copies of a recording."""
        key = make_copies_key(recording.sha256)
        tokens = self.cache.get(key)
        if tokens is None or len(tokens) < windows:
            waveform = self._read(recording)
            with self.stopwatch("varying"):
                augmented = self._augmenter.augment(waveform, copies)
                tokens = self.runtime.backbone.extract_tokens(augmented)
            self.cache.put(key, tokens)
        return tokens[:windows]

    def _extract_tokens(self, recording: Recording) -> tuple[Tokens, Tokens]:
        """Return the tokens of a recording's sound and of its background, each [N, tokens, D]."""
        sound, background = self.cache.get(recording.sha256), self.cache.get(recording.background_key)
        samples = round(recording.duration_s * self.runtime.rate_hz)
        is_long = has_background(samples, self.runtime.window_samples)
        if sound is not None and (background is not None or not is_long):
            self.from_cache += 1
            return sound, sound[:0] if background is None else background
        waveform, window_samples = self._read(recording), self.runtime.window_samples
        sounds, rest = split_recording(waveform, window_samples)
        if sound is None:
            sound = self._run_backbone(recording.sha256, sounds)
        else:
            self.from_cache += 1
        return sound, self._run_backbone(recording.background_key, rest) if len(rest) else sound[:0]

    def _run_backbone(self, key: str, windows: Windows) -> Tokens:
        """Return the tokens of windows [N, samples] and put them into the cache."""
        with self.stopwatch("backbone"):
            tokens = self.runtime.backbone.extract_tokens(windows)
        self.cache.put(key, tokens)
        return tokens

    def _read(self, recording: Recording) -> Waveform:
        """Read the waveform [samples] of a recording.

        Raises:
            AudioError: the file is gone, or is not the one that was checked.
        """
        with self.stopwatch("decode"):
            clip = read_clip(recording.path, LONG_LIMITS, self.runtime.rate_hz)
        if clip.sha256 != recording.sha256:
            reason = f"{str(recording.path)!r} changed while it was being read"
            raise AudioError(reason, "try again once it is fully written")
        return clip.waveform
