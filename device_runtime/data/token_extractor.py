"""Recordings → the windows a task is learnt from, as tokens: the backbone hears each recording once, ever."""

import contextlib
from dataclasses import dataclass, field

from device_runtime.data.dataset_builder import DatasetBuilder
from device_runtime.data.ingest import IngestResult, Recording
from device_runtime.data.token_cache import TokenCache
from device_runtime.model.runtime import Runtime
from device_runtime.system.progress import Progress
from device_runtime.system.timing import Stopwatch
from edgecl.arrays import Floats, Tokens
from edgecl.audio.reader import RejectedFile, read_clip
from edgecl.augmentation import augment, make_copies_key
from edgecl.errors import AudioError
from edgecl.store.training_set import Origin
from edgecl.windows import split_into_windows


@dataclass
class TokenExtractor:
    """Listens to recordings, or remembers what it heard."""

    runtime: Runtime
    cache: TokenCache
    progress: Progress
    watch: Stopwatch
    from_cache: int = field(default=0, init=False)  # recordings whose tokens the cache knew

    def extract(self, intake: IngestResult, origin: Origin, gathering: DatasetBuilder) -> None:
        """Add all recordings to what is gathered; one that cannot be read any more is refused in `intake`.

        Raises:
            DatasetError: that left a class with too few.
        """
        taken_in = list(intake.recordings)
        self.cache.protect(intake.clips_by_class())
        for number, recording in enumerate(taken_in):
            self.progress("listening", number, len(taken_in))
            try:
                tokens = self._tokens(recording)
            except AudioError as error:
                intake.recordings.remove(recording)
                intake.refuse(RejectedFile(recording.path, error.message, error.hint), recording.label)
            else:
                gathering.add(recording.to_training_clip(len(tokens), origin), tokens)
        self.progress("listening", len(taken_in), len(taken_in))
        intake.demand_recordings()

    def augment(self, intake: IngestResult, copies: int, gathering: DatasetBuilder) -> None:
        """Add so many varied copies of each recording that was heard; one that cannot be read stays alone."""
        if not copies:
            return
        heard = {taught.clip_sha256: taught for taught in gathering.training_set}
        for number, recording in enumerate(intake.recordings):
            self.progress("varying", number, len(intake.recordings))
            taught = heard[recording.sha256]
            with contextlib.suppress(AudioError):
                gathering.add_copies(taught, self._copies(recording, copies * taught.windows, copies))
        self.progress("varying", len(intake.recordings), len(intake.recordings))

    def _copies(self, recording: Recording, windows: int, copies: int) -> Tokens:
        """Tokens [windows, tokens, D] of varied copies of one recording."""
        key = make_copies_key(recording.sha256)
        tokens = self.cache.get(key)
        if tokens is None or len(tokens) < windows:
            waveform = self._waveform(recording)
            with self.watch("varying"):
                tokens = self.runtime.backbone.extract_tokens(
                    augment(waveform, self.runtime.window_samples, copies)
                )
            self.cache.put(key, tokens)
        return tokens[:windows]

    def _tokens(self, recording: Recording) -> Tokens:
        """Tokens [N, tokens, D] of one recording's windows."""
        tokens = self.cache.get(recording.sha256)
        if tokens is None:
            windows = split_into_windows(self._waveform(recording), self.runtime.window_samples)
            with self.watch("backbone"):
                tokens = self.runtime.backbone.extract_tokens(windows)
            self.cache.put(recording.sha256, tokens)
        else:
            self.from_cache += 1
        return tokens

    def _waveform(self, recording: Recording) -> Floats:
        """The waveform [samples] in the file.

        Raises:
            AudioError: it is not the file that was taken in.
        """
        with self.watch("decode"):
            clip = read_clip(recording.path, rate_hz=self.runtime.rate_hz)
        if clip.sha256 != recording.sha256:
            reason = f"{str(recording.path)!r} changed while it was being read"
            raise AudioError(reason, "try again once it is fully written")
        return clip.waveform
