"""Recordings → the windows a task is learnt from, as tokens: the backbone hears each recording once, ever."""

from dataclasses import dataclass, field

from device_runtime.backbone import Tokens
from device_runtime.cache import TokenCache
from device_runtime.gathering import Gathering
from device_runtime.intake import Intake, Recording
from device_runtime.progress import Progress
from device_runtime.runtime import Runtime
from device_runtime.stopwatch import Stopwatch
from edgecl.audio import Refused, read_clip
from edgecl.errors import AudioError
from edgecl.lessons import Origin
from edgecl.windows import clip_windows


@dataclass
class Listener:
    """Listens to recordings, or remembers what it heard."""

    runtime: Runtime
    cache: TokenCache
    progress: Progress
    watch: Stopwatch
    remembered: int = field(default=0, init=False)  # recordings whose tokens the cache knew

    def hear(self, intake: Intake, origin: Origin, gathering: Gathering) -> None:
        """Add all recordings to what is gathered; one that cannot be read any more is refused in `intake`.

        Raises:
            DatasetError: that left a class with too few.
        """
        taken_in = list(intake.recordings)
        self.cache.keep(intake.classes())
        for number, recording in enumerate(taken_in):
            self.progress("listening", number, len(taken_in))
            try:
                tokens = self._tokens(recording)
            except AudioError as error:
                intake.recordings.remove(recording)
                intake.refuse(Refused(recording.path, error.message, error.hint), recording.label)
            else:
                gathering.add(recording.taught(len(tokens), origin), tokens)
        self.progress("listening", len(taken_in), len(taken_in))
        intake.demand_recordings()

    def _tokens(self, recording: Recording) -> Tokens:
        """Tokens [N, tokens, D] of one recording's windows."""
        tokens = self.cache.get(recording.sha256)
        if tokens is None:
            tokens = self._heard(recording)
            self.cache.put(recording.sha256, tokens)
        else:
            self.remembered += 1
        return tokens

    def _heard(self, recording: Recording) -> Tokens:
        """The same, from the file.

        Raises:
            AudioError: it is not the file that was taken in.
        """
        with self.watch("decode"):
            clip = read_clip(recording.path, rate_hz=self.runtime.rate_hz)
            if clip.sha256 != recording.sha256:
                reason = f"{str(recording.path)!r} changed while it was being read"
                raise AudioError(reason, "try again once it is fully written")
            windows = clip_windows(clip.waveform, self.runtime.window_samples)
        with self.watch("backbone"):
            return self.runtime.backbone.tokens(windows)
